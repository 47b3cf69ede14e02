//! A site behind a real nginx with the shipped configuration, and verdicts by forward-auth.

mod sign_in;
mod paths;
mod spoofing;
mod answers;
mod limits;
mod outages;
mod shipped;

/// The policy of these stories: every kind of route that a proxy has to tell apart.
const POLICY: &str = r#"
version = 1

[gate]
signed_in_home = "/app"
locales = ["de"]

[[route]]
path = "/"
allow = "public"

[[route]]
path = "/open/**"
allow = "public"

[[route]]
path = "/app/**"
allow = "signed-in"

[[route]]
path = "/files/**"
allow = "signed-in"

[[route]]
path = "/live"
allow = "signed-in"

[[route]]
path = "/vault/**"
allow = "signed-in"
revocation = "strict"

[[route]]
path = "/transfer/**"
allow = "signed-in"
bind = "request"

[[route]]
path = "/admin/**"
roles = ["admin"]

[[route]]
path = "/shared/**"
allow = "signed-in"
cors = { origins = ["https://partner.example"], credentials = true }
"#;
