//! A site whose issuer and edge go by the time that each request says, until standard input ends: what `tests/js/browser` opens in
//! Chromium where minutes have to pass. Says on one line, as JSON, where it is and who has an account.
#![allow(
    clippy::panic,
    reason = "in a test, a panic is how a wrong answer is reported"
)]

use std::io::Read as _;

use edgeward_tests::world::PASSWORD;
use edgeward_tests::{Setup, World};
use serde_json::json;

/// What the pages of the demo app ask for, and a recent sign-in for administration and for what changes something.
const POLICY: &str = r#"
version = 1

[gate]
signed_in_home = "/app"

[[route]]
path = "/"
allow = "public"

[[route]]
path = "/favicon.ico"
allow = "public"

[[route]]
path = "/assets/**"
allow = "public"

[[route]]
path = "/app/**"
allow = "signed-in"

[[route]]
path = "/api/**"
allow = "signed-in"

[[route]]
path = "/api/**"
methods = ["POST"]
step_up = { max_age_seconds = 300 }

[[route]]
path = "/admin/**"
roles = ["admin"]
step_up = { max_age_seconds = 300 }
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = World::with(Setup {
        policy: Some(POLICY.to_owned()),
        taps: false,
        ..Setup::default()
    })
    .await;
    let (ada, uri) = (world.admin("ada").await, world.user("uri").await);
    let account = |email: &str, first: &str| json!({ "email": email, "name": format!("{first} Example"), "password": PASSWORD });
    let told = json!({
        "origin": world.site.origin,
        "password": PASSWORD,
        "admin": account(&ada.email, "ada"),
        "user": account(&uri.email, "uri"),
    });
    println!("{told}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(world);
}
