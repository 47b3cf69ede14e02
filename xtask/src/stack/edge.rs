//! The Worker on workerd, the runtime that it will meet at the edge.
//!
//! The configuration is generated: the modules as they are deployed — `worker.mjs`, the policy, the build — and the bindings.
//! It holds the edge's secret, so the file is readable for its owner only.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::failure::{Attempt, Outcome};
use crate::guard::{Guarded, Program};
use crate::stack::part::Part;
use crate::stack::{Environment, ready};
use crate::{toolchain, workspace};

/// The date whose runtime behaviour the Worker is tested with; the same as in `wrangler.toml`.
const COMPATIBILITY_DATE: &str = "2026-10-01";

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate chain, the site's own first.
    pub certificate_chain: String,
    /// The private key.
    pub private_key: String,
}

/// How the Worker is set up.
#[derive(Debug, Clone)]
pub struct EdgePlan {
    /// The folder that `worker-build` filled.
    pub worker: PathBuf,
    /// The folder for the configuration and the log.
    pub folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// The environment of the cookies.
    pub environment: Environment,
    /// The issuer identifier.
    pub issuer: String,
    /// Where the issuer is reached.
    pub issuer_origin: String,
    /// Where the app is reached.
    pub app_origin: String,
    /// The `aud` of the app's tokens.
    pub audience: String,
    /// The text of `gate.toml`.
    pub gate_policy: String,
    /// What `edgeward edge enroll` printed.
    pub edge_key: String,
    /// With it the edge speaks HTTPS, without it HTTP.
    pub tls: Option<Tls>,
    /// Where the runtime's Cache API keeps things; without it there is none.
    pub cache: Option<SocketAddr>,
    /// Further text bindings.
    pub more_bindings: Vec<(String, String)>,
    /// Bindings that stand in for the platform's rate limiters: their names, and the modules that make them.
    pub limiters: Vec<(String, String)>,
}

/// A Worker that can be stopped and started again.
#[derive(Debug)]
pub struct Edge {
    plan: EdgePlan,
    /// Bindings that replace or remove those of the plan.
    overrides: BTreeMap<String, Option<String>>,
    pub(super) process: Part,
}

impl Edge {
    /// Starts nothing.
    #[must_use]
    pub fn new(plan: EdgePlan) -> Self {
        Self {
            plan,
            overrides: BTreeMap::new(),
            process: Part::default(),
        }
    }

    /// Sets a binding to another text, or removes it; takes effect at the next start.
    pub fn bind(&mut self, name: &str, value: Option<&str>) {
        self.overrides
            .insert(name.to_owned(), value.map(ToOwned::to_owned));
    }

    /// Takes back every [`Self::bind`].
    pub fn bind_as_planned(&mut self) {
        self.overrides.clear();
    }

    /// Starts workerd and waits until it listens.
    pub fn start(&mut self) -> Outcome<()> {
        if self.process.runs() {
            return Ok(());
        }
        let config = self.lay_out()?;
        let mut process = Guarded::start(&Program {
            name: "edge",
            path: toolchain::workerd()?,
            args: vec!["serve".into(), config.into()],
            env: BTreeMap::new(),
            log: self.log(),
        })?;
        ready::until_listens(&mut process, self.plan.address)?;
        let speaks_plain_and_is_sound = self.plan.tls.is_none() && self.overrides.is_empty();
        if speaks_plain_and_is_sound {
            ready::until_answers(&mut process, self.plan.address, "/_edgeward/health", 200)?;
        }
        self.process.is_now(process);
        Ok(())
    }

    /// Stops workerd.
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
        self.plan.folder.join("edge.log")
    }

    fn bindings(&self) -> BTreeMap<String, String> {
        let plan = &self.plan;
        let planned = [
            ("EDGEWARD_ENVIRONMENT", plan.environment.name()),
            ("ISSUER", &plan.issuer),
            ("ISSUER_ORIGIN", &plan.issuer_origin),
            ("APP_ORIGIN", &plan.app_origin),
            ("AUDIENCE", &plan.audience),
            ("EDGE_KEY", &plan.edge_key),
        ];
        let mut bindings: BTreeMap<String, String> = planned
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        bindings.extend(plan.more_bindings.iter().cloned());
        for (name, value) in &self.overrides {
            match value {
                Some(value) => bindings.insert(name.clone(), value.clone()),
                None => bindings.remove(name),
            };
        }
        bindings
    }

    /// Lays the modules out as they are in the checkout, because that is how they import one another.
    fn lay_out(&self) -> Outcome<PathBuf> {
        let folder = &self.plan.folder;
        workspace::create_private_folder(&folder.join("edge/build"))?;
        let copy = |from: PathBuf, to: &str| {
            fs::copy(&from, folder.join(to)).map(drop).attempt(|| {
                format!(
                    "copying {} (`cargo xtask build edge` makes it)",
                    from.display()
                )
            })
        };
        copy(workspace::root().join("edge/worker.mjs"), "edge/worker.mjs")?;
        copy(self.plan.worker.join("index.js"), "edge/build/index.js")?;
        copy(
            self.plan.worker.join("index_bg.wasm"),
            "edge/build/index_bg.wasm",
        )?;
        fs::write(folder.join("gate.toml"), &self.plan.gate_policy)
            .attempt(|| "writing gate.toml".to_owned())?;
        let config = folder.join("workerd.capnp");
        workspace::write_private(&config, self.config().as_bytes())?;
        Ok(config)
    }

    fn config(&self) -> String {
        let protocol = match &self.plan.tls {
            None => "http = ()".to_owned(),
            Some(tls) => format!(
                "https = (options = (), tlsOptions = (keypair = (privateKey = {}, certificateChain = {})))",
                quoted(&tls.private_key),
                quoted(&tls.certificate_chain),
            ),
        };
        let mut bindings = String::new();
        for (name, value) in self.bindings() {
            let _ = writeln!(
                bindings,
                "    (name = {}, text = {}),",
                quoted(&name),
                quoted(&value)
            );
        }
        let (cache_service, cache_of_the_edge) =
            self.plan.cache.map_or_else(Default::default, |address| {
                (
                    format!(
                        "\n    (name = \"cache\", external = (address = \"{address}\", http = ())),"
                    ),
                    "\n  cacheApiOutbound = \"cache\",",
                )
            });
        let mut extensions = String::new();
        for (name, module) in &self.plan.limiters {
            let module_name = quoted(&format!("limiters:{name}"));
            let _ = writeln!(
                bindings,
                "    (name = {}, wrapped = (moduleName = {module_name})),",
                quoted(name),
            );
            let _ = write!(
                extensions,
                "(name = {module_name}, internal = true, esModule = {}), ",
                quoted(module),
            );
        }
        // The issuer and the app are on this machine, which the runtime calls private.
        format!(
            r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "edge", worker = .edge),
    (name = "outbound", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),{cache_service}
  ],
  sockets = [(name = "site", address = "{address}", {protocol}, service = "edge")],
  extensions = [(modules = [{extensions}])],
);

const edge :Workerd.Worker = (
  modules = [
    (name = "edge/worker.mjs", esModule = embed "edge/worker.mjs"),
    (name = "edge/build/index.js", esModule = embed "edge/build/index.js"),
    (name = "edge/build/index_bg.wasm", wasm = embed "edge/build/index_bg.wasm"),
    (name = "gate.toml", text = embed "gate.toml"),
  ],
  compatibilityDate = "{COMPATIBILITY_DATE}",
  globalOutbound = "outbound",{cache_of_the_edge}
  bindings = [
{bindings}  ],
);
"#,
            address = self.plan.address,
        )
    }
}

/// A text literal of Cap'n Proto's schema language.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
