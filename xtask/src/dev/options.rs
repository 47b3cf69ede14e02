//! The options of `cargo xtask dev`.

use std::path::PathBuf;

use crate::failure::{Failure, Outcome};
use crate::workspace;

pub(super) const USAGE: &str = "\
usage: cargo xtask dev [--edge-port N] [--issuer-port N] [--app-port N] [--data DIR] [--seed-password P] [--app URL] [--policy FILE] [--limits]
  --app URL puts an app of your own behind the gate, in the demo app's place; until it runs, the
             gate answers 502
  --policy FILE is what the gate goes by, in the place of gate.toml
  --limits counts the limits of policy and issuer, which else are not counted on the own machine
  a port of 0 means any free one; DIR is .edgeward-dev by default and keeps users, keys and logs between runs";

/// A port that was asked for must be had; a default one may give way to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    /// From the command line; 0 means any.
    Asked(u16),
    /// Nobody asked.
    Default(u16),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) edge: Port,
    pub(super) issuer: Port,
    pub(super) app: Port,
    pub(super) data: PathBuf,
    pub(super) seed_password: Option<String>,
    pub(super) own_app: Option<String>,
    pub(super) policy: PathBuf,
    pub(super) limits: bool,
}

pub(super) fn asks_for_help(args: &[String]) -> bool {
    args.iter().any(|word| word == "--help" || word == "-h")
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Outcome<Self> {
        let mut options = Self {
            edge: Port::Default(8787),
            issuer: Port::Default(8788),
            app: Port::Default(8789),
            data: workspace::root().join(".edgeward-dev"),
            seed_password: None,
            own_app: None,
            policy: workspace::root().join("gate.toml"),
            limits: false,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            if name == "--limits" && inline.is_none() {
                options.limits = true;
                continue;
            }
            if ![
                "--edge-port",
                "--issuer-port",
                "--app-port",
                "--data",
                "--seed-password",
                "--app",
                "--policy",
            ]
            .contains(&name)
            {
                return Err(Failure::new(format!(
                    "`{word}` is no option of dev\n{USAGE}"
                )));
            }
            let value = inline.or_else(|| words.next().cloned());
            let value =
                value.ok_or_else(|| Failure::new(format!("{name} needs a value\n{USAGE}")))?;
            match name {
                "--edge-port" => options.edge = port(name, &value)?,
                "--issuer-port" => options.issuer = port(name, &value)?,
                "--app-port" => options.app = port(name, &value)?,
                "--app" => options.own_app = Some(origin(&value)?),
                "--policy" => options.policy = absolute(value),
                "--data" => options.data = absolute(value),
                _ => options.seed_password = Some(value),
            }
        }
        Ok(options)
    }
}

/// By the folder in which the task was typed: what it starts runs in the root of the checkout.
fn absolute(value: String) -> PathBuf {
    std::path::absolute(&value).unwrap_or_else(|_| PathBuf::from(value))
}

fn origin(value: &str) -> Outcome<String> {
    let value = value.trim_end_matches('/');
    // What listens on this machine has no certificate that the runtime would trust.
    match value.strip_prefix("http://") {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(value.to_owned()),
        _ => Err(Failure::new(format!(
            "--app: `{value}` is no origin such as http://127.0.0.1:3000 (http alone)\n{USAGE}"
        ))),
    }
}

fn port(name: &str, value: &str) -> Outcome<Port> {
    let number = value.parse().map_err(|_| {
        Failure::new(format!(
            "{name}: `{value}` is no port (0 to 65535)\n{USAGE}"
        ))
    })?;
    Ok(Port::Asked(number))
}

#[cfg(test)]
mod tests {
    use super::{Options, Port};
    use std::path::Path;

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let options =
            parse("--edge-port 4000 --issuer-port=0 --data /tmp/x --seed-password=a=b --limits")
                .unwrap();
        assert_eq!(
            (options.edge, options.issuer, options.app),
            (Port::Asked(4000), Port::Asked(0), Port::Default(8789))
        );
        assert_eq!(options.data, Path::new("/tmp/x"));
        assert_eq!(options.seed_password.as_deref(), Some("a=b"));
        assert!(options.limits);
        assert!(options.policy.ends_with("gate.toml"));
        let options = parse("--app http://127.0.0.1:3000/ --policy my/policy.toml").unwrap();
        assert_eq!(options.own_app.as_deref(), Some("http://127.0.0.1:3000"));
        assert_eq!(
            options.policy,
            std::env::current_dir().unwrap().join("my/policy.toml")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |line: &str, expected: &str| {
            let message = parse(line).unwrap_err();
            assert!(message.contains(expected), "{line}: {message}");
            assert!(message.contains("usage:"), "{line}: {message}");
        };
        check("--edge-prot 1", "`--edge-prot` is no option");
        check("--edge-port", "--edge-port needs a value");
        check("--edge-port 70000", "`70000` is no port");
        check("serve", "`serve` is no option");
        check("--app 127.0.0.1:3000", "is no origin");
        check("--app http://127.0.0.1:3000/x", "is no origin");
    }
}
