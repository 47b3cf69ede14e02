//! Limits at the edge: how often somebody may ask, and from where.

mod addresses;
mod administration;
mod identities;
mod issuer;
mod issuer_paths;
mod platform;
mod refreshes;
mod senders;

use edgeward_tests::{Answer, GatedApp};
use xtask::stack::Environment;

const POLICY: &str = r#"
version = 1

[limit.search]
requests = 3
within_seconds = 30
by = "address"

[limit.reports]
requests = 2
within_seconds = 20
by = "identity"

[limit.sign-in]
requests = 4
within_seconds = 60
by = "address"

[[route]]
path = "/free"
allow = "public"

[[route]]
path = "/search/**"
allow = "public"
limit = "search"

[[route]]
path = "/find"
allow = "signed-in"
limit = "search"

[[route]]
path = "/reports"
allow = "signed-in"
limit = "reports"

[[route]]
path = "/open-reports"
allow = "public"
limit = "reports"

[[route]]
path = "/**"
allow = "public"

[[route]]
path = "/metrics"
allow = "public"
addresses = ["10.0.0.0/8", "2001:db8::/32"]
"#;

/// The header that the platform of these stories names the client in.
const ADDRESS: &str = "cf-connecting-ip";

/// An edge whose platform names addresses.
async fn edge() -> GatedApp {
    with(&[("CLIENT_ADDRESS_HEADER", "CF-Connecting-IP")], &[]).await
}

async fn with(bindings: &[(&str, &str)], limiters: &[(&str, &str)]) -> GatedApp {
    GatedApp::bound(Environment::Development, POLICY, bindings, limiters).await
}

/// What is answered to a program at this address.
fn from(site: &GatedApp, address: &str, first_line: &str) -> Answer {
    site.ask(first_line, &[(ADDRESS, address)])
}

/// The statuses of so many requests, one after another.
fn statuses(site: &GatedApp, count: usize, address: &str, first_line: &str) -> Vec<u16> {
    (0..count)
        .map(|_| from(site, address, first_line).status)
        .collect()
}

/// After how many seconds a limited client may ask again.
fn wait_of(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.status, 429, "{answer:?}");
    answer.header("retry-after")
}
