//! What a policy says of addresses and of how often, where a proxy asks: the address is the one that the proxy names, and nobody's else.

use edgeward_issuer::config::Dialect;

use crate::Verdicts;

/// Asks as nginx does, for a client at this address.
async fn nginx(verdicts: &Verdicts, path: &str, target: &str, client: &str, more: &str) -> u16 {
    let target = format!("X-Original-URI: {target}");
    let client = format!("X-Forwarded-For: {client}");
    let mut lines = vec![
        "Host: v",
        "X-Original-Method: GET",
        "X-Original-Host: app.example",
        &target,
        &client,
    ];
    lines.extend((!more.is_empty()).then_some(more));
    verdicts.ask(&format!("GET {path}"), &lines).await.status
}

#[tokio::test]
async fn a_list_of_addresses_is_held_to_the_client_that_the_proxy_names() {
    let verdicts = Verdicts::given_in(Dialect::Envoy).await;
    for (named, status) in [
        (&["X-Forwarded-For: 203.0.113.9"][..], 200),
        (&["X-Forwarded-For: 127.0.0.1, 203.0.113.9"], 200),
        (&["X-Forwarded-For: 203.0.113.9, 198.51.100.1"], 403),
        (
            &["X-Forwarded-For: 203.0.113.9, 198.51.100.1, 127.0.0.1"],
            403,
        ),
        (&["X-Forwarded-For: 198.51.100.1"], 403),
        (&["X-Forwarded-For: 127.0.0.1"], 403),
        (&["X-Forwarded-For: unknown"], 403),
        (&["X-Real-IP: 203.0.113.9"], 403),
        (&["Forwarded: for=203.0.113.9"], 403),
        (&[], 403),
    ] {
        let lines = [&["Host: app.example"], named].concat();
        let told = verdicts.ask("GET /forward-auth/office", &lines).await;
        assert_eq!(told.status, status, "{named:?}");
        if status == 403 {
            assert_eq!(told.code(), "ADDRESS_NOT_ALLOWED", "{named:?}");
        }
    }
}

#[tokio::test]
async fn turns_are_taken_of_this_process_and_a_second_question_about_one_request_takes_none() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let (question, answer) = ("/forward-auth", "/forward-auth/answer");
    let (one, other) = ("203.0.113.9", "203.0.113.8");
    for (path, client, status) in [
        (question, one, 200),
        // Whatever is asked for answers, it takes nothing; and it lets nothing pass.
        (answer, one, 403),
        (answer, one, 403),
        (question, one, 200),
        // nginx knows 403 only, and fetches the rest.
        (question, one, 403),
        (answer, one, 429),
        (question, other, 200),
        (answer, other, 403),
        // Who cannot be read is one client, and not the proxy.
        (question, "unknown", 200),
        (question, "unknown", 200),
        (answer, "hidden", 429),
        (question, "hidden", 403),
    ] {
        let status_told = nginx(&verdicts, path, "/search", client, "").await;
        assert_eq!(status_told, status, "{path} {client}");
    }
}

#[tokio::test]
async fn an_identity_is_counted_from_everywhere_and_an_address_before_it() {
    let verdicts = Verdicts::given_in(Dialect::Nginx).await;
    let cookie = verdicts.cookie();
    for (path, client, status) in [
        ("/forward-auth", "203.0.113.9", 200),
        ("/forward-auth", "203.0.113.8", 403),
        ("/forward-auth/answer", "203.0.113.8", 429),
    ] {
        let told = nginx(&verdicts, path, "/reports", client, &cookie).await;
        assert_eq!(told, status, "{path} {client}");
    }
    // Without a session, what is left of the address's turns decides.
    for status in [401, 403] {
        let told = nginx(&verdicts, "/forward-auth", "/reports", "203.0.113.9", "").await;
        assert_eq!(told, status);
    }
}
