//! Routes that demand the CSRF token, in each dialect. A proxy asks without the body, so the token comes in the header.

use edgeward_issuer::config::Dialect;

use crate::{DIALECTS, Verdicts};

#[tokio::test]
async fn the_token_of_the_session_opens_the_route_and_nothing_else_does() {
    for dialect in DIALECTS {
        let mut verdicts = Verdicts::given_in(dialect).await;
        let token = verdicts.ada.csrf_token().await;
        let own = format!(
            "{}; edgeward-csrf={}",
            verdicts.cookie(),
            verdicts.ada.cookie("csrf")
        );
        let agent = format!("User-Agent: {}", verdicts.ada.user_agent);
        let mut stranger = verdicts.desk.browser();
        let foreign = stranger.csrf_token().await;
        let planted = format!("{}; edgeward-csrf={foreign}", verdicts.cookie());
        let (sent, sent_foreign) = (
            format!("X-CSRF-Token: {token}"),
            format!("X-CSRF-Token: {foreign}"),
        );
        let bearer = format!("Authorization: Bearer {}", verdicts.ada.cookie("access"));
        let (own, planted, agent) = (own.as_str(), planted.as_str(), agent.as_str());
        let (sent, sent_foreign) = (sent.as_str(), sent_foreign.as_str());
        let here = "Sec-Fetch-Site: same-origin";
        for (method, more, passes) in [
            ("POST", &[own, here, agent, sent][..], true),
            ("PUT", &[own, here, agent, sent], true),
            ("DELETE", &[own, here, agent, sent], true),
            ("POST", &[own, here, agent], false),
            ("POST", &[own, here, agent, "X-CSRF-Token: x"], false),
            ("POST", &[own, here, agent, sent, sent], false),
            ("POST", &[own, here, agent, sent_foreign], false),
            // Both halves agree, and they are another visitor's.
            ("POST", &[planted, here, agent, sent_foreign], false),
            ("POST", &[own, here, "User-Agent: Thief/6.6", sent], false),
            // Without a cookie of ours nobody's browser was made to send it.
            ("POST", &[&bearer, here, agent], true),
            ("GET", &[own, here, agent], true),
        ] {
            let told = verdicts.about(dialect, method, "/forms/x", more).await;
            let expected = if passes {
                (200, String::new())
            } else {
                (403, "CSRF_INVALID".to_owned())
            };
            assert_eq!(
                (told.status, told.code()),
                expected,
                "{dialect:?} {method} {more:?}"
            );
            assert_eq!(told.header("edgeward-user").is_some(), passes);
        }
    }
}

/// What a page behind nginx shows in place of the refused request.
#[tokio::test]
async fn the_answer_in_its_place_says_what_was_missing() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let cookie = verdicts.cookie();
    let told = verdicts
        .ask(
            "GET /forward-auth/answer",
            &[
                "Host: v",
                "X-Original-Method: POST",
                "X-Original-Host: app.example",
                "X-Original-URI: /forms",
                "Sec-Fetch-Site: same-origin",
                &cookie,
            ],
        )
        .await;
    assert_eq!((told.status, told.code()), (403, "CSRF_INVALID".to_owned()));
}
