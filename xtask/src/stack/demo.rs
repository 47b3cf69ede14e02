//! The demo app: an ordinary web application that trusts only what the edge signed.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::failure::Outcome;
use crate::guard::{Guarded, Program};
use crate::stack::part::Part;
use crate::stack::ready;
use crate::{toolchain, workspace};

/// What the app is told.
#[derive(Debug, Clone)]
pub struct DemoPlan {
    /// Where it listens.
    pub address: SocketAddr,
    /// The issuer whose assertions it accepts.
    pub issuer: String,
    /// The audience an assertion must name.
    pub audience: String,
    /// Where the issuer's key set is fetched.
    pub jwks_url: String,
    /// Where its log goes.
    pub log: PathBuf,
}

/// A demo app that can be stopped and started again.
#[derive(Debug)]
pub struct DemoApp {
    plan: DemoPlan,
    pub(super) process: Part,
}

impl DemoApp {
    /// Starts nothing.
    #[must_use]
    pub fn new(plan: DemoPlan) -> Self {
        Self {
            plan,
            process: Part::default(),
        }
    }

    /// Starts the app and waits until it listens.
    pub fn start(&mut self) -> Outcome<()> {
        if self.process.runs() {
            return Ok(());
        }
        let env = [
            ("PORT", self.plan.address.port().to_string()),
            ("ISSUER", self.plan.issuer.clone()),
            ("AUDIENCE", self.plan.audience.clone()),
            ("JWKS_URL", self.plan.jwks_url.clone()),
        ];
        let mut process = Guarded::start(&Program {
            name: "demo app",
            path: toolchain::node()?,
            args: vec![workspace::root().join("www/demo/server.mjs").into()],
            env: env
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
            log: self.plan.log.clone(),
        })?;
        ready::until_listens(&mut process, self.plan.address)?;
        self.process.is_now(process);
        Ok(())
    }

    /// Stops the app.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plan.address
    }
}
