//! What goes through the edge, and what becomes of it on the way: both ends are spoken by hand, so a story says and sees
//! every byte.

mod requests;
mod answers;
mod own_cookies;
mod streams;
mod memory;
mod websockets;
mod unusual;
mod failures;

use std::path::Path;

pub(crate) use memory::peak_of;

const POLICY: &str = r#"
version = 1
[[route]]
path = "/open/**"
allow = "public"
[[route]]
path = "/mine/**"
allow = "signed-in"
"#;

/// A head of these lines.
fn head(lines: &[&str]) -> String {
    lines.join("\r\n") + "\r\n\r\n"
}

/// The process that runs the edge whose log this is.
pub(crate) fn runtime_of(log: &Path) -> String {
    let folder = log.parent().expect("the edge's folder");
    let config = folder.join("workerd.capnp");
    let config = config.to_str().expect("a path in UTF-8");
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let mut names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let runs = |process: &String| {
        let arguments = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
        let arguments = arguments.unwrap_or_default();
        let mut arguments = arguments.split('\0');
        // Its guard has the same words behind its own.
        arguments
            .next()
            .is_some_and(|program| program.ends_with("workerd"))
            && arguments.any(|argument| argument == config)
    };
    names.find(runs).expect("the runtime runs")
}
