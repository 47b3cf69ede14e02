//! `cargo xtask dev`: everything on this machine, with two users and a demo app behind the gate.
//!
//! Every part listens on loopback only. The parts stop when this task does, whichever way it ends: on Ctrl-C and SIGTERM in
//! order, and on anything worse through their guards ([`crate::guard`]).

mod options;
mod seed;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::build::{self, Clock};
use crate::failure::{Attempt, Failure, Outcome};
use crate::setup::{self, Need};
use crate::stack::{Plan, Stack, ready};
use crate::{run, workspace};

use options::{Options, Port};

/// How often the task looks whether a part has ended by itself.
const LOOK: Duration = Duration::from_millis(500);

/// Runs until somebody stops it.
pub fn run(args: &[String]) -> Outcome<()> {
    if options::asks_for_help(args) {
        println!("{}", options::USAGE);
        return Ok(());
    }
    let options = Options::parse(args)?;
    workspace::create_private_folder(&options.data)?;
    let _lock = only_one(&options.data)?;
    setup::prepare(Need::Stack)?;
    build::client()?;
    let worker = build::worker(Clock::Real)?;
    let edgeward = build::issuer_dev()?;

    let mut plan = Plan::new(&options.data, edgeward, worker)?;
    plan.edge = address("--edge-port", options.edge)?;
    plan.issuer = address("--issuer-port", options.issuer)?;
    plan.app = address("--app-port", options.app)?;
    if options.limits {
        plan.issuer_settings.push_str("[limits]\nloopback = true\n");
        let counted = ("LIMIT_LOOPBACK".to_owned(), "true".to_owned());
        plan.edge_bindings.push(counted);
    }
    plan.own_app.clone_from(&options.own_app);
    plan.gate_policy = workspace::read(&options.policy)?;
    check_policy(&plan.edgeward, &options.policy)?;
    let mut stack = Stack::start(&plan)?;
    let users = seed::users(
        &stack.issuer,
        &options.data,
        options.seed_password.as_deref(),
    )?;

    let stop = stop_signals()?;
    println!();
    println!("edge      http://{}   what a browser opens", plan.edge);
    println!("issuer    http://{}   behind the edge", plan.issuer);
    match &plan.own_app {
        Some(app) => println!("your app  {app}   behind the edge"),
        None => println!("demo app  http://{}   behind the edge", plan.app),
    }
    println!("data and logs in {}", options.data.display());
    if !options.limits {
        println!("limits    are not counted on this machine (--limits counts them)");
    }
    for user in users {
        println!("user      {user}");
    }
    println!("stop with Ctrl-C");
    println!("ISSUER={}", stack.site());
    println!("AUDIENCE={}", stack.site());
    println!("ready: http://127.0.0.1:{}", plan.edge.port());

    let ended = loop {
        match stop.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(what) = stack.ended() {
            break Some(what);
        }
    };
    stack.stop();
    match ended {
        None => {
            println!("stopped");
            Ok(())
        }
        Some(what) => Err(Failure::new(what)),
    }
}

/// A policy with a mistake would show as an edge that never gets healthy; its own message names the line.
fn check_policy(edgeward: &Path, policy: &Path) -> Outcome<()> {
    let mut check = run::command(edgeward);
    check.args(["policy", "check", "--policy"]).arg(policy);
    let output = check
        .output()
        .attempt(|| format!("running `{}`", run::show(&check)))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(Failure::new(String::from_utf8_lossy(&told).trim_end()))
}

/// A message for each request to stop.
fn stop_signals() -> Outcome<mpsc::Receiver<()>> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).attempt(|| "listening for signals".to_owned())?;
    let (asked, stop) = mpsc::channel();
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = asked.send(());
        }
    });
    Ok(stop)
}

fn address(flag: &str, port: Port) -> Outcome<SocketAddr> {
    let number = match port {
        Port::Asked(0) => return ready::free_address(),
        Port::Asked(number) if !ready::is_free(number) => {
            return Err(Failure::new(format!(
                "port {number} is taken: choose another with {flag}, or 0 for any"
            )));
        }
        Port::Default(number) if !ready::is_free(number) => {
            let free = ready::free_address()?;
            println!(
                "port {number} is taken, so {} is used instead ({flag} chooses another)",
                free.port()
            );
            return Ok(free);
        }
        Port::Asked(number) | Port::Default(number) => number,
    };
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, number)))
}

/// One stack per data folder: two issuers over one folder would hand out each other's settings.
fn only_one(data: &Path) -> Outcome<File> {
    let path = data.join("lock");
    let lock = File::create(&path).attempt(|| format!("creating {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => Err(Failure::new(format!(
            "another `cargo xtask dev` uses {}: stop it, or choose --data",
            data.display()
        ))),
    }
}
