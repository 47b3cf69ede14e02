//! The issuer as a process with a data folder of its own.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::{Attempt, Failure, Outcome};
use crate::guard::{Guarded, Program};
use crate::stack::part::Part;
use crate::stack::{Environment, ready};
use crate::{run, workspace};

/// Where the issuer is and who it says it is.
#[derive(Debug, Clone)]
pub struct IssuerPlan {
    /// The binary `edgeward`.
    pub program: PathBuf,
    /// The folder for its settings, database, secrets and log.
    pub folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// The issuer identifier: the public origin of the site, which is the edge's.
    pub url: String,
    /// The `aud` of access tokens.
    pub audience: String,
    /// Which cookies it sets and which settings it accepts.
    pub environment: Environment,
    /// Further settings as TOML, appended to the file.
    pub more_settings: String,
}

/// An issuer that can be stopped and started again over the same data.
#[derive(Debug)]
pub struct Issuer {
    plan: IssuerPlan,
    pub(super) process: Part,
}

impl IssuerPlan {
    fn as_toml(&self) -> String {
        format!(
            "environment = \"{}\"\n\n[server]\nlisten = \"{}\"\n\n[issuer]\nurl = \"{}\"\naudience = \"{}\"\n\n{}",
            self.environment.name(),
            self.address,
            self.url,
            self.audience,
            self.more_settings,
        )
    }
}

impl Issuer {
    /// Writes the settings; starts nothing.
    pub fn new(plan: IssuerPlan) -> Outcome<Self> {
        workspace::create_private_folder(&plan.folder)?;
        let issuer = Self {
            plan,
            process: Part::default(),
        };
        issuer.settle("")?;
        Ok(issuer)
    }

    /// Puts settings, as TOML of dotted keys, before those there are; they count from the next start, and those of the call before no
    /// more.
    pub fn settle(&self, settings: &str) -> Outcome<()> {
        let own = self.plan.as_toml();
        let file = self.plan.folder.join("edgeward.toml");
        workspace::write_private(&file, format!("{settings}{own}").as_bytes())
    }

    /// `edgeward` over this issuer's settings and data.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = run::command(&self.plan.program);
        command.args(self.options());
        command
    }

    fn options(&self) -> [std::ffi::OsString; 4] {
        let folder = &self.plan.folder;
        [
            "--config".into(),
            folder.join("edgeward.toml").into(),
            "--data".into(),
            folder.join("data").into(),
        ]
    }

    /// Serves, and waits until it is ready.
    pub fn start(&mut self) -> Outcome<()> {
        if self.process.runs() {
            return Ok(());
        }
        let mut args = self.options().to_vec();
        args.push("serve".into());
        let mut process = Guarded::start(&Program {
            name: "issuer",
            path: self.plan.program.clone(),
            args,
            env: [].into(),
            log: self.log(),
        })?;
        ready::until_answers(&mut process, self.plan.address, "/readyz", 200)?;
        self.process.is_now(process);
        Ok(())
    }

    /// Stops serving; the data stays.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plan.address
    }

    /// The file that holds everything it logged.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.plan.folder.join("issuer.log")
    }

    /// Enrols an edge and returns its secret.
    pub fn enroll_edge(&self, name: &str) -> Outcome<String> {
        let output = self.tell(self.command().args(["edge", "enroll", name]), None)?;
        Ok(output.trim().to_owned())
    }

    /// Takes an edge's enrolment back.
    pub fn revoke_edge(&self, name: &str) -> Outcome<()> {
        self.tell(self.command().args(["edge", "revoke", name]), None)
            .map(drop)
    }

    /// Adds a user with a password that is handed over on standard input, where no process list shows it.
    pub fn add_user(&self, user: &NewUser<'_>) -> Outcome<()> {
        let mut command = self.command();
        command.args(["user", "add", "--password-stdin", "--email", user.email]);
        command.args([
            "--first-name",
            user.first_name,
            "--last-name",
            user.last_name,
        ]);
        for role in user.roles {
            command.args(["--role", role]);
        }
        self.tell(&mut command, Some(user.password)).map(drop)
    }

    fn tell(&self, command: &mut Command, input: Option<&str>) -> Outcome<String> {
        let shown = run::show(command);
        let what = || format!("running `{shown}`");
        // What the command logs belongs with the rest of the issuer's log.
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .attempt(what)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .attempt(what)?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            writeln!(stdin, "{input}").attempt(what)?;
        }
        let output = child.wait_with_output().attempt(what)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let last = log.lines().next_back().unwrap_or_default();
        Err(Failure::new(format!(
            "`{shown}` failed with {}: {last}",
            output.status
        )))
    }
}

/// A user to add.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// The address that signs in.
    pub email: &'a str,
    /// First name.
    pub first_name: &'a str,
    /// Last name.
    pub last_name: &'a str,
    /// The password, which must meet the policy.
    pub password: &'a str,
    /// Roles besides none.
    pub roles: &'a [&'a str],
}
