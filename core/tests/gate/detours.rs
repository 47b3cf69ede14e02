//! Callers whose token is good and not enough: step-up, the pages they are led to, services and people.

use serde_json::json;

use crate::site::{NOW, POLICY, Site, call, open, told};

#[test]
fn step_up_wants_a_fresh_and_strong_sign_in() {
    let site = Site::new();
    for (changes, passes) in [
        (json!({}), false),
        (json!({"auth_time": NOW - 300, "amr": ["pwd", "otp"]}), true),
        (json!({"auth_time": NOW - 300, "amr": ["webauthn"]}), true),
        (json!({"auth_time": NOW - 301, "amr": ["otp"]}), false),
        (json!({"auth_time": NOW - 10, "amr": ["pwd"]}), false),
        (json!({"auth_time": NOW - 10, "amr": []}), false),
        (json!({"auth_time": NOW + 60, "amr": ["otp"]}), true),
        (json!({"auth_time": NOW + 61, "amr": ["otp"]}), false),
        (json!({"auth_time": 0, "amr": ["otp"]}), false),
    ] {
        let token = site.token(changes.clone());
        let expected = if passes {
            "forward /billing to app as ada"
        } else {
            "401 STEP_UP_REQUIRED"
        };
        assert_eq!(
            told(site.ask(&call("POST", "/billing").with(&token))),
            expected,
            "{changes}"
        );
    }
}

#[test]
fn a_page_that_the_caller_may_not_see_either_is_no_way_out() {
    let site = Site::new();
    let ada = site.token(json!({}));
    // `/confirm` has no rule: the challenge itself is the answer, not a redirect into a wall.
    assert_eq!(
        told(site.ask(&open("/billing").with(&ada))),
        "401 STEP_UP_REQUIRED"
    );
    let with_page = Site::with_policy(&format!(
        "{POLICY}\n[[route]]\npath = \"/confirm\"\nallow = \"signed-in\""
    ));
    assert_eq!(
        told(with_page.ask(&open("/billing?a=1").with(&ada))),
        "303 /confirm?returnTo=%2Fbilling%3Fa%3D1"
    );

    let circle = Site::with_policy(
        "version = 1\n[gate]\nmissing_role = \"/forbidden\"\n[[route]]\npath = \"/**\"\nroles = [\"admin\"]\n",
    );
    assert_eq!(
        told(circle.ask(&open("/forbidden").with(&ada))),
        "403 INSUFFICIENT_ROLE"
    );
    assert_eq!(
        told(circle.ask(&open("/admin").with(&ada))),
        "403 INSUFFICIENT_ROLE"
    );
}

#[test]
fn without_a_page_of_the_policy_the_issuers_own_is_where_a_password_is_enough() {
    for (step_up, expected) in [
        (
            "max_age_seconds = 300",
            "303 /account/step-up?returnTo=%2Fbilling%3Fa%3D1",
        ),
        (
            "max_age_seconds = 300, amr = [\"otp\", \"pwd\"]",
            "303 /account/step-up?returnTo=%2Fbilling%3Fa%3D1",
        ),
        // There the password would be asked for again and again.
        (
            "max_age_seconds = 300, amr = [\"otp\"]",
            "401 STEP_UP_REQUIRED",
        ),
        ("amr = [\"otp\", \"webauthn\"]", "401 STEP_UP_REQUIRED"),
    ] {
        let site = Site::with_policy(&format!(
            "version = 1\n[[route]]\npath = \"/billing\"\nstep_up = {{ {step_up} }}\n"
        ));
        let ada = site.token(json!({"auth_time": NOW - 301, "amr": []}));
        let open = open("/billing?a=1").with(&ada);
        assert_eq!(told(site.ask(&open)), expected, "{step_up}");
        let sent = call("POST", "/billing").with(&ada);
        assert_eq!(told(site.ask(&sent)), "401 STEP_UP_REQUIRED", "{step_up}");
    }
}

#[test]
fn services_and_people_are_told_apart() {
    let site = Site::new();
    let ada = site.token(json!({}));
    let robot = site.token(json!({"sub": "robot", "client_id": "robot", "roles": [], "scope": "reports:read reports:list"}));
    for (request, expected) in [
        (call("POST", "/jobs").with(&ada), "403 INSUFFICIENT_ROLE"),
        (
            call("POST", "/jobs").with(&robot),
            "forward /jobs to app as robot",
        ),
        (
            call("GET", "/reports").with(&robot),
            "forward /reports to app as robot",
        ),
        (call("GET", "/reports").with(&ada), "403 INSUFFICIENT_SCOPE"),
    ] {
        assert_eq!(told(site.ask(&request)), expected, "{}", request.target);
    }
}
