//! A route that wants a recent sign-in, by a certain way, as a program and as a person meet it.

use edgeward_core::token::TokenType;
use edgeward_tests::GatedApp;
use edgeward_tests::lone_edge::signing_key;
use serde_json::json;

const POLICY: &str = r#"
version = 1
[[route]]
path = "/"
allow = "public"
[[route]]
path = "/billing"
step_up = { max_age_seconds = 300, amr = ["otp"] }
"#;

/// RFC 9470, section 3.
const CHALLENGE: &str = "Bearer error=\"insufficient_user_authentication\", \
     error_description=\"A more recent or stronger sign-in is required\", max_age=\"300\", acr_values=\"otp\"";

/// The token of a sign-in of this moment, with a one-time password.
fn confirmed(site: &GatedApp) -> String {
    let (edge, now) = (&site.edge, site.edge.now());
    let claims = json!({
        "iss": edge.origin(), "aud": edge.origin(), "sub": "u1", "jti": "t2", "sid": "s1",
        "iat": now, "nbf": now, "exp": now + 600, "auth_time": now, "amr": ["otp"],
    });
    let token = signing_key(1).sign(&TokenType::Access, &claims);
    token.expect("small claims")
}

#[tokio::test]
async fn a_program_is_challenged_and_a_person_is_led_to_the_page() {
    let without = GatedApp::start(POLICY).await;
    let page = "[gate]\nstep_up_page = \"/account/step-up\"\n";
    let with_page = POLICY.replace("version = 1\n", &format!("version = 1\n{page}"));
    let with = GatedApp::start(&with_page).await;
    let person = [
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    ];
    for (site, leads_on) in [(&without, false), (&with, true)] {
        let cookie = site.cookie();
        let signed_in = ("Cookie", cookie.as_str());
        let told = site.ask("GET /billing?year=1", &[signed_in]);
        let told = told.expect_problem(401, "STEP_UP_REQUIRED");
        assert_eq!(told.header("www-authenticate"), Some(CHALLENGE));
        let opened = site.ask("GET /billing?year=1", &[signed_in, person[0], person[1]]);
        if leads_on {
            let _ = opened.expect_redirect("/account/step-up?returnTo=%2Fbilling%3Fyear%3D1");
        } else {
            let opened = opened.expect(401);
            assert_eq!(opened.header("www-authenticate"), Some(CHALLENGE));
        }
        // What is sent is never turned into a page that is fetched.
        let sent = site.ask("POST /billing", &[signed_in, person[0], person[1]]);
        assert_eq!(sent.status, 401, "{sent:?}");
        assert_eq!(site.arrived(), []);
        // Whoever has just confirmed it passes.
        let fresh = format!("edgeward-access={}", confirmed(site));
        let _ = site.ask("GET /billing", &[("Cookie", &fresh)]).expect(200);
        assert_eq!(site.arrived().len(), 1);
    }
}
