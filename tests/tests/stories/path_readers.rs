//! Other readers of paths beside ours: the URL standard in JavaScript and in Rust, the router of axum, and nginx. Whatever the policy
//! takes for something else than `/admin` and lets pass is something else to each of them, in the form in which it goes on.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use edgeward_core::gate::{CanonicalPath, Outcome, Persona, Policy};
use edgeward_tests::by_hand::Side;
use edgeward_tests::{nginx_site, world};
use reqwest::Url;
use xtask::stack::ready;

/// The policy that look-alikes attack, in core's tests.
const ROUTES: &str = include_str!("../../../core/tests/gate/broad.toml");

/// How a site tells nginx about a page and everything below it, for people who do not mind the letter case. nginx compares what it has
/// decoded and resolved.
const LOCATIONS: &str = r#"
    keepalive_requests 1000000;
    location ~* ^(/de)?/admin(/|$) { return 200 "admin"; }
    location / { return 200 "other"; }
"#;

/// What stands before the name, what it looks like, and what follows: every combination is asked for.
const BEFORE: &[&str] = &[
    "/",
    "//",
    "/./",
    "/../",
    "/x/../",
    "/x/y/../../",
    "/x/./../",
    "/%2e/",
    "/.%2e/",
    "/x/%2e%2e/",
    "/x/%2E./",
    "/\\",
    "/x\\..\\",
    "/%5c",
    "/%2f",
    "/;/",
    "/..;/",
    "/x/..;a=b/",
    "/de/",
    "/de/../",
    "/DE/",
    "/x/",
    "/%20/",
    "/%09/",
    "/%252e%252e/",
    "/...//",
    "/x%2f..%2f",
];
const NAMES: &[&str] = &[
    "admin",
    "Admin",
    "ADMIN",
    "%61dmin",
    "%41dmin",
    "adm%69n",
    "%2561dmin",
    "adm%u0069n",
    "adm%C4%B1n",
    "%EF%BD%81dmin",
    "administrator",
    "adm",
    "a%00dmin",
    "a\tdmin",
    "a%0Admin",
    "ad/../admin",
    "admin%",
];
const AFTER: &[&str] = &[
    "",
    "/",
    "/.",
    "/./",
    "/x",
    "/x/..",
    "/..",
    ".",
    "..",
    "%20",
    "%00",
    "%09",
    ";x",
    "%3bx",
    "?x",
    "?/../admin",
    "%3fx",
    "%23",
    "//",
    "%2f",
    "\\",
    "/%2e%2e/admin",
    ".json",
    "%2ejson",
    "/index.html",
    "%c0%af",
];

/// Whether an app that does not mind the letter case, and that takes the locale away, serves this as the protected page.
fn is_admin(path: &str) -> bool {
    let path = path.to_lowercase();
    let path = match path.strip_prefix("/de") {
        Some(rest) if rest.starts_with('/') => rest,
        Some(_) | None => &path,
    };
    path == "/admin" || path.starts_with("/admin/")
}

/// Which of these each reader of JavaScript takes for the protected page.
fn in_javascript(targets: &[String]) -> Vec<bool> {
    let readings = readings_in_javascript(targets);
    let is_one = |readings: &Vec<String>| readings.iter().any(|path| is_admin(path));
    readings.iter().map(is_one).collect()
}

/// How JavaScript reads each: what the URL standard gives, what there is before it, and both decoded.
fn readings_in_javascript(targets: &[String]) -> Vec<Vec<String>> {
    let mut node = Command::new(std::env::var_os("NODE").expect("NODE names Node"))
        .arg(xtask::workspace::root().join("tests/js/path_readers.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node starts");
    let mut input = node.stdin.take().expect("a pipe");
    let question = serde_json::to_vec(targets).expect("texts");
    input.write_all(&question).expect("Node reads");
    drop(input);
    let output = node.wait_with_output().expect("Node ends");
    assert!(output.status.success(), "Node failed");
    serde_json::from_slice(&output.stdout).expect("a list")
}

/// What the URL standard makes of it in Rust.
fn in_rust(targets: &[String]) -> Vec<bool> {
    let is_one = |target: &String| {
        let url = Url::parse(&format!("http://app.test{target}"));
        url.is_ok_and(|url| is_admin(url.path()))
    };
    targets.iter().map(is_one).collect()
}

/// Where axum's router leads each, as it came and as an app has it that decodes or resolves paths before they are routed.
fn in_a_rust_router(targets: &[String]) -> Vec<bool> {
    let mut router = matchit::Router::new();
    for locale in ["", "/de"] {
        for route in ["/admin", "/admin/", "/admin/{*rest}"] {
            let inserted = router.insert(format!("{locale}{route}"), ());
            inserted.expect("a route");
        }
    }
    let readings = readings_in_javascript(targets);
    let is_one = |readings: &Vec<String>| readings.iter().any(|path| router.at(path).is_ok());
    readings.iter().map(is_one).collect()
}

/// Which location nginx chooses for each. What it refuses it serves as nothing.
fn in_nginx(targets: &[String], address: SocketAddr) -> Vec<bool> {
    let mut connection = None;
    let is_one = |target: &String| {
        let mut nginx = connection.take().unwrap_or_else(|| Side::towards(address));
        nginx.says(format!("GET {target} HTTP/1.1\r\nHost: app.test\r\n\r\n"));
        let head = nginx.head();
        let length = head.each("content-length").concat();
        let body = nginx.bytes(length.parse().expect("a length"));
        let is_served = head.status() == 200;
        assert!(is_served || head.status() == 400, "{target}: {head:?}");
        // After a request that is none it reads no other on the same connection.
        if is_served {
            connection = Some(nginx);
        }
        is_served && body == b"admin"
    };
    targets.iter().map(is_one).collect()
}

/// Says of each target whether it is taken for the protected page.
type Reader<'r> = dyn Fn(&[String]) -> Vec<bool> + 'r;

#[test]
fn what_passes_as_another_path_is_another_path_to_every_reader() {
    let policy = Policy::parse(&format!("version = 1\n{ROUTES}")).expect("a policy");
    let user = Persona::parse("user").expect("a persona");
    let (mut passed, mut refused) = (Vec::new(), Vec::new());
    for before in BEFORE {
        for name in NAMES {
            for after in AFTER {
                let target = format!("{before}{name}{after}");
                let (path, query) = match target.split_once('?') {
                    Some((path, query)) => (path, Some(query)),
                    None => (target.as_str(), None),
                };
                if policy.explain("GET", path, &user).outcome != Outcome::Allow {
                    refused.push(target);
                    continue;
                }
                let judged = CanonicalPath::parse(path).expect("it was judged");
                let query = query.map_or_else(String::new, |query| format!("?{query}"));
                passed.push(format!("{}{query}", judged.as_str()));
            }
        }
    }
    assert!(passed.len() > 500, "{}", passed.len());

    let (folder, address) = (world::folder_of_a_story(), ready::free_address());
    let address = address.expect("a free port");
    let server = format!("server {{\n    listen {address};{LOCATIONS}}}\n");
    let _nginx = nginx_site::start(&folder, &server, address);
    let nginx = |targets: &[String]| in_nginx(targets, address);
    let readers: [(&str, &Reader<'_>); 4] = [
        ("JavaScript", &in_javascript),
        ("Rust's URL", &in_rust),
        ("a Rust router", &in_a_rust_router),
        ("nginx", &nginx),
    ];
    for (reader, takes_for_admin) in readers {
        let taken = takes_for_admin(&passed).into_iter().zip(&passed);
        let taken: Vec<_> = taken.filter(|(taken, _)| *taken).collect();
        assert!(taken.is_empty(), "{reader} serves {taken:?}");
        // It does read many of those that were refused as that very page, so the question is one.
        let traps = takes_for_admin(&refused).into_iter().filter(|taken| *taken);
        let traps = traps.count();
        assert!(traps > 1_000, "{reader}: {traps} of {}", refused.len());
    }
}
