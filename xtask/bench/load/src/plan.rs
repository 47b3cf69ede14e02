//! What to send, how often, and for whom.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use crate::options::Options;

/// Stands in the request for the text of the client.
const CLIENT: &str = "{}";

/// The whole plan.
pub struct Plan {
    /// `--to ADDRESS`
    pub to: SocketAddr,
    /// `--connections N`
    pub connections: usize,
    /// `--request FILE`
    pub request: Template,
    /// `--clients FILE`, a text a line; each has one request under way at most. Without it all connections send the same.
    pub clients: Option<Vec<String>>,
    clients_file: Option<PathBuf>,
    /// `--next MEMBER`: the client's next text is this member of the JSON answer. What each has at the end is written back.
    pub next: Option<String>,
    /// `--expect STATUS`
    pub expect: u16,
    /// `--again STATUS`: whoever gets it asks again after `Retry-After`.
    pub again: Option<u16>,
    /// `--rate N` a second; without it each connection asks again as soon as it was answered. Not with `--count`: a schedule
    /// ends by its time, and what is due by it is asked.
    pub rate: Option<f64>,
    /// `--warm SECONDS`, which are not counted.
    pub warm: Duration,
    /// `--seconds SECONDS`
    pub time: Duration,
    /// `--count N`: ends after so many answers.
    pub count: Option<u64>,
    /// `--each FILE`: the latency of each answer in microseconds, a line each, in the order of the answers.
    pub each: Option<PathBuf>,
}

impl Plan {
    /// Reads the options.
    pub fn read(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options::read(args)?;
        let request = options.need("request")?;
        let clients_file = options.take("clients").map(PathBuf::from);
        let plan = Self {
            to: options.needed("to")?,
            connections: options.needed("connections")?,
            request: Template::read(&text_of(&request)?)?,
            clients: clients_file
                .as_ref()
                .map(|file| {
                    Ok::<_, String>(
                        text_of(&file.to_string_lossy())?
                            .lines()
                            .map(str::to_owned)
                            .collect(),
                    )
                })
                .transpose()?,
            clients_file,
            next: options.take("next"),
            expect: options.needed("expect")?,
            again: options.number("again")?,
            rate: options.number("rate")?,
            warm: options.seconds("warm")?.unwrap_or_default(),
            time: options.needed_seconds("seconds")?,
            count: options.number("count")?,
            each: options.take("each").map(PathBuf::from),
        };
        options.none_left()?;
        if plan.rate.is_some() && plan.count.is_some() {
            return Err("--rate and --count exclude each other".to_owned());
        }
        Ok(plan)
    }

    /// Keeps what the clients have now, for the next run.
    pub fn keep_clients(&self) -> Result<(), String> {
        match (&self.clients_file, &self.clients, &self.next) {
            (Some(file), Some(clients), Some(_)) => fs::write(file, clients.join("\n"))
                .map_err(|error| format!("{}: {error}", file.display())),
            _ => Ok(()),
        }
    }
}

fn text_of(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// A request: a line `METHOD PATH`, header lines, an empty line, the body. `Content-Length` is added.
pub struct Template {
    head: String,
    body: String,
}

impl Template {
    fn read(text: &str) -> Result<Self, String> {
        let (head, body) = text
            .split_once("\n\n")
            .ok_or("the request has no empty line")?;
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let mut head = format!("{first} HTTP/1.1\r\n");
        for line in lines {
            head.push_str(line);
            head.push_str("\r\n");
        }
        Ok(Self {
            head,
            body: body.trim_end().to_owned(),
        })
    }

    /// The bytes for a client.
    pub fn fill(&self, client: &str, out: &mut Vec<u8>) {
        out.clear();
        put(out, &self.head, client);
        if self.body.is_empty() {
            out.extend_from_slice(b"\r\n");
            return;
        }
        let places = self.body.matches(CLIENT).count();
        let length = self.body.len() - places * CLIENT.len() + places * client.len();
        out.extend_from_slice(format!("content-length: {length}\r\n\r\n").as_bytes());
        put(out, &self.body, client);
    }
}

fn put(out: &mut Vec<u8>, template: &str, client: &str) {
    for (place, part) in template.split(CLIENT).enumerate() {
        if place > 0 {
            out.extend_from_slice(client.as_bytes());
        }
        out.extend_from_slice(part.as_bytes());
    }
}
