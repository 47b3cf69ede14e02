//! App routes that ask for the CSRF token: who must bring it, which one counts, and what becomes of them while the issuer is away.

mod forms;
mod requests;
mod bundles;
mod issuer;
mod rotation;
mod slow_senders;

use edgeward_core::csrf::{CsrfKey, issue};
use edgeward_core::time::UnixTime;
use edgeward_tests::bundle::{answered, claims_of};
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{Answer, GatedApp, days};

const POLICY: &str = r#"
version = 1
[[route]]
path = "/app/**"
allow = "signed-in"
[[route]]
path = "/pay"
allow = "signed-in"
csrf = true
"#;

/// The browser of the stories.
const AGENT: &str = "Browser/1";
/// The session of the cookie that `GatedApp` gives.
const SESSION: &str = "s1";
const INVALID: (u16, &str) = (403, "CSRF_INVALID");

/// The key of this number.
const fn key(number: u8) -> CsrfKey {
    CsrfKey::from_bytes([number; 32])
}

/// A gated app whose issuer hands out these keys.
async fn app_with(keys: &'static [u8]) -> GatedApp {
    let site = GatedApp::start(POLICY).await;
    hands_out(&site, keys);
    site
}

/// From now on the issuer hands out these keys.
fn hands_out(site: &GatedApp, keys: &'static [u8]) {
    let origin = site.edge.origin().to_owned();
    site.issuer.bundles(move |ask| {
        let keys: Vec<_> = keys.iter().map(|number| key(*number)).collect();
        let claims = claims_of(&origin, ask, &keys.iter().collect::<Vec<_>>());
        answered(&claims, &signing_key(1))
    });
}

/// The token that the issuer gave to a browser so many days ago.
fn token(site: &GatedApp, by: u8, session: &str, agent: &str, days_ago: i64) -> String {
    let now = UnixTime::from_seconds(site.edge.now() - days(days_ago));
    issue(&key(by), session, agent, now, &[7; 16])
}

/// Both cookies.
fn cookies(site: &GatedApp, token: &str) -> String {
    format!("{}; edgeward-csrf={token}", site.cookie())
}

/// A script of our own page posts to `/pay` with this token.
fn pays_with(site: &GatedApp, token: &str) -> Answer {
    let cookies = cookies(site, token);
    let headers = [
        ("Cookie", &*cookies),
        ("User-Agent", AGENT),
        ("X-CSRF-Token", token),
        ("Content-Length", "0"),
    ];
    site.ask("POST /pay", &headers)
}

#[track_caller]
fn is_refused(site: &GatedApp, answer: Answer, (status, code): (u16, &str)) {
    let _ = answer.expect_problem(status, code);
    assert_eq!(site.arrived(), [], "nothing reaches the app");
}
