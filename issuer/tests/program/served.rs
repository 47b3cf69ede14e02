//! The program while it serves.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
};

use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::NEVER;

/// On a free port.
pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// An issuer that serves until it is dropped; a test that ends early leaves no process behind.
pub(crate) struct Served {
    process: Process,
    pub(crate) origin: String,
    pub(crate) signing_key: String,
    log: Mutex<Log>,
}

/// Ends with whoever holds it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process said. A line that is no JSON, as the last one of a process that is killed may be none, is kept as a text.
struct Log {
    lines: Receiver<Value>,
    told: Vec<Value>,
}

impl Log {
    /// The first line with a message, which may be yet to come.
    fn wait_for(&mut self, message: &str) -> Value {
        let mut at = 0;
        loop {
            let Some(line) = self.told.get(at) else {
                match self.lines.recv_timeout(NEVER) {
                    Ok(line) => self.told.push(line),
                    Err(error) => panic!("{error}, without {message:?}: {:#?}", self.told),
                }
                continue;
            };
            if line["message"] == message {
                return line.clone();
            }
            at += 1;
        }
    }

    fn so_far(&mut self) -> &[Value] {
        self.told.extend(self.lines.try_iter());
        &self.told
    }
}

/// A test that fails because of what a process answered says why that was.
impl Drop for Log {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        for line in self.so_far() {
            if line["level"] == "ERROR" {
                eprintln!("{line}");
            }
        }
    }
}

impl Served {
    /// Waits for the line that names the port.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_heard(command, |_| {})
    }

    /// The same, and whoever listens is given each line of the log as it was written.
    pub(crate) fn start_heard(
        mut command: Command,
        mut listen: impl FnMut(&[u8]) + Send + 'static,
    ) -> Self {
        let mut process = Process(command.stderr(Stdio::piped()).spawn().unwrap());
        let said = BufReader::new(process.0.stderr.take().unwrap()).split(b'\n');
        let (hears, lines) = mpsc::channel();
        // Somebody has to read on, or the process would wait for its log to be read.
        thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                listen(&line);
                let text = || Value::String(String::from_utf8_lossy(&line).into_owned());
                let _ = hears.send(serde_json::from_slice(&line).unwrap_or_else(|_| text()));
            }
        });
        let mut log = Log {
            lines,
            told: Vec::new(),
        };
        let line = log.wait_for("listening");
        Self {
            process,
            origin: format!("http://{}", line["address"].as_str().unwrap()),
            signing_key: line["signing_key"].as_str().unwrap().to_owned(),
            log: Mutex::new(log),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Asks until it is ready, and answers what it said then: while it starts, what it writes by itself may make a check late.
    pub(crate) async fn ready(&self) -> Response {
        let ready = timeout(NEVER, async {
            loop {
                let answer = reqwest::get(self.url("/readyz")).await.unwrap();
                if answer.status() == StatusCode::OK {
                    return answer;
                }
            }
        });
        ready.await.expect("it becomes ready")
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = reqwest::get(self.url(path)).await;
        answer.unwrap().json().await.unwrap()
    }

    /// The first line of the log with a message, which may be yet to come.
    pub(crate) fn wait_for(&self, message: &str) -> Value {
        self.log.lock().unwrap().wait_for(message)
    }

    /// What the log has so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().so_far().to_vec()
    }

    /// Ends it in order, and answers the exit code and the whole log.
    pub(crate) fn stop(self, signal: &str) -> (Option<i32>, Vec<Value>) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
        let (status, lines) = self.end();
        let unreadable = lines.iter().find(|line| !line.is_object());
        assert_eq!(unreadable, None, "a log line is no JSON");
        (status.code(), lines)
    }

    /// Waits for its end, however it comes, and answers the whole log.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let log = self.log.get_mut().unwrap();
        // There are lines until the process has closed its log.
        loop {
            match log.lines.recv_timeout(NEVER) {
                Ok(line) => log.told.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", log.told),
            }
        }
        let lines = std::mem::take(&mut log.told);
        (self.process.0.wait().unwrap(), lines)
    }

    /// Without a warning.
    pub(crate) fn kill(self) {
        drop(self);
    }
}
