//! The stack: issuer, edge and demo app as real processes on loopback, started in order and stopped together.
//!
//! `cargo xtask dev` keeps one for a person, the stories of `edgeward-tests` keep one for each world. It builds nothing:
//! the binary and the Worker are handed in.

mod part;
pub mod ready;
pub mod issuer;
pub mod edge;
pub mod demo;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::failure::Outcome;
use crate::workspace;

use demo::{DemoApp, DemoPlan};
use edge::{Edge, EdgePlan, Tls};
use issuer::{Issuer, IssuerPlan};

/// The name under which the stack enrols its edge.
const EDGE_NAME: &str = "dev";

/// Which rules for cookies and settings apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// `__Host-` and Secure cookies; behind TLS.
    Production,
    /// `__Host-` and Secure cookies that pages of other sites may cause to be sent.
    Preview,
    /// Plain cookies on loopback.
    Development,
}

impl Environment {
    /// The name in settings and bindings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Preview => "preview",
            Self::Development => "development",
        }
    }
}

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder for settings, data, secrets and logs. What an earlier stack left there is kept.
    pub folder: PathBuf,
    /// The environment.
    pub environment: Environment,
    /// The public origin of the site; `None` for `http://` and the edge's address.
    pub site: Option<String>,
    /// Where the edge listens.
    pub edge: SocketAddr,
    /// Where the issuer listens.
    pub issuer: SocketAddr,
    /// Where the demo app listens.
    pub app: SocketAddr,
    /// The binary `edgeward`.
    pub edgeward: PathBuf,
    /// The folder with the built Worker.
    pub worker: PathBuf,
    /// The text of `gate.toml`.
    pub gate_policy: String,
    /// Certificate of the edge.
    pub tls: Option<Tls>,
    /// Something that listens between edge and issuer, such as a test that counts.
    pub in_front_of_issuer: Option<SocketAddr>,
    /// Something that listens between edge and app.
    pub in_front_of_app: Option<SocketAddr>,
    /// The origin of an app that runs already; the demo app is not started then.
    pub own_app: Option<String>,
    /// Further settings of the issuer, as TOML.
    pub issuer_settings: String,
    /// Further bindings of the edge.
    pub edge_bindings: Vec<(String, String)>,
}

impl Plan {
    /// A development stack in `folder` on free ports, with the policy of the checkout.
    pub fn new(folder: &Path, edgeward: PathBuf, worker: PathBuf) -> Outcome<Self> {
        Ok(Self {
            folder: folder.to_path_buf(),
            environment: Environment::Development,
            site: None,
            edge: ready::free_address()?,
            issuer: ready::free_address()?,
            app: ready::free_address()?,
            edgeward,
            worker,
            gate_policy: workspace::read(&workspace::root().join("gate.toml"))?,
            tls: None,
            in_front_of_issuer: None,
            in_front_of_app: None,
            own_app: None,
            issuer_settings: String::new(),
            edge_bindings: Vec::new(),
        })
    }

    /// The public origin of the site.
    #[must_use]
    pub fn site(&self) -> String {
        self.site
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.edge))
    }
}

/// The running parts; all of them stop when this is dropped.
#[derive(Debug)]
pub struct Stack {
    site: String,
    /// The Worker. First, because what is dropped first stops first.
    pub edge: Edge,
    /// The protected application, unless the plan names one that runs already.
    pub app: DemoApp,
    /// The issuer.
    pub issuer: Issuer,
}

impl Stack {
    /// Starts everything and returns when everything answers.
    pub fn start(plan: &Plan) -> Outcome<Self> {
        workspace::create_private_folder(&plan.folder)?;
        let site = plan.site();
        let mut issuer = Issuer::new(IssuerPlan {
            program: plan.edgeward.clone(),
            folder: plan.folder.join("issuer"),
            address: plan.issuer,
            url: site.clone(),
            audience: site.clone(),
            environment: plan.environment,
            more_settings: plan.issuer_settings.clone(),
        })?;
        issuer.start()?;
        let issuer_origin = format!("http://{}", plan.in_front_of_issuer.unwrap_or(plan.issuer));
        let edge_folder = plan.folder.join("edge");
        let mut app = DemoApp::new(DemoPlan {
            address: plan.app,
            issuer: site.clone(),
            audience: site.clone(),
            jwks_url: format!("http://{}/.well-known/jwks.json", plan.issuer),
            log: plan.folder.join("app.log"),
        });
        let app_origin = match &plan.own_app {
            Some(origin) => origin.clone(),
            None => {
                app.start()?;
                format!("http://{}", plan.in_front_of_app.unwrap_or(plan.app))
            }
        };
        let mut edge = Edge::new(EdgePlan {
            worker: plan.worker.clone(),
            edge_key: edge_key(&issuer, &edge_folder)?,
            folder: edge_folder,
            address: plan.edge,
            environment: plan.environment,
            issuer: site.clone(),
            issuer_origin,
            app_origin,
            audience: site.clone(),
            gate_policy: plan.gate_policy.clone(),
            tls: plan.tls.clone(),
            cache: None,
            more_bindings: plan.edge_bindings.clone(),
            limiters: Vec::new(),
        });
        for (name, value) in &plan.edge_bindings {
            edge.bind(name, Some(value));
        }
        edge.start()?;
        Ok(Self {
            site,
            edge,
            app,
            issuer,
        })
    }

    /// The public origin.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }

    /// What ended although nobody stopped it.
    pub fn ended(&mut self) -> Option<String> {
        self.edge
            .process
            .ended()
            .or_else(|| self.issuer.process.ended())
            .or_else(|| self.app.process.ended())
    }

    /// Stops everything at once and waits for it.
    pub fn stop(mut self) {
        self.edge.process.begin_stop();
        self.app.process.begin_stop();
        self.issuer.process.begin_stop();
    }
}

/// The edge's secret: kept beside its configuration, enrolled when there is none yet.
fn edge_key(issuer: &Issuer, folder: &Path) -> Outcome<String> {
    let file = folder.join("edge-key");
    if let Ok(kept) = std::fs::read_to_string(&file) {
        return Ok(kept);
    }
    // An enrolment whose secret was lost, by a start that was cut off, is worth nothing and is replaced.
    let secret = issuer.enroll_edge(EDGE_NAME).or_else(|_| {
        issuer.revoke_edge(EDGE_NAME)?;
        issuer.enroll_edge(EDGE_NAME)
    })?;
    workspace::create_private_folder(folder)?;
    workspace::write_private(&file, secret.as_bytes())?;
    Ok(secret)
}
