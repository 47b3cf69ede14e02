//! Alerts from the event to a receiver on this machine that checks the signature.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    alerts::Watch,
    chores::audit_log::Walk,
    config::{AlertRule, Alerting, Config, Origin, Per, SecretText, Webhook},
    domain::{
        alerts::signature,
        events::{EventType, Severity},
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    desk::{Desk, EMAIL},
    settings::{check, load},
};

const SECRET: &str = "a-secret-of-the-receiver";

/// A receiver: what it got, and what it answers.
#[derive(Clone)]
struct Receiver {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<Vec<u16>>>,
    url: String,
}

#[derive(Debug, Clone)]
struct Got {
    id: String,
    at: i64,
    signature: String,
    body: String,
}

impl Receiver {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            got: Arc::default(),
            answers: Arc::default(),
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
        };
        let router = Router::new()
            .route("/hook", post(take))
            .route("/elsewhere", post(take))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// What the next attempts are answered; after them 204.
    fn answer(&self, statuses: &[u16]) {
        *self.answers.lock().unwrap() = statuses.iter().rev().copied().collect();
    }

    /// What came since the last look. Each is signed.
    fn look(&self) -> Vec<Got> {
        let got = std::mem::take(&mut *self.got.lock().unwrap());
        for one in &got {
            let right = signature(SECRET, UnixTime::from_seconds(one.at), &one.body);
            assert_eq!(one.signature, format!("v1={right}"));
            let body: Value = serde_json::from_str(&one.body).unwrap();
            assert_eq!(body["id"], one.id.as_str());
        }
        got
    }

    fn rules(&self) -> Vec<String> {
        let name = |got: Got| -> String {
            let body: Value = serde_json::from_str(&got.body).unwrap();
            body["rule"].as_str().unwrap().to_owned()
        };
        self.look().into_iter().map(name).collect()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    assert_eq!(headers["content-type"], "application/json");
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    receiver.got.lock().unwrap().push(Got {
        id: header("edgeward-alert-id"),
        at: header("edgeward-alert-timestamp").parse().unwrap(),
        signature: header("edgeward-alert-signature"),
        body,
    });
    let status = receiver.answers.lock().unwrap().pop().unwrap_or(204);
    let to = [(header::LOCATION, "/elsewhere")];
    (StatusCode::from_u16(status).unwrap(), to).into_response()
}

fn failures(per: Per, count: i64) -> AlertRule {
    AlertRule {
        name: "failures".to_owned(),
        event: EventType::LoginFailed,
        per,
        count,
        window_seconds: 300,
        severity: Severity::Critical,
        cooldown_seconds: 600,
        webhook: None,
        origin: Origin::Default,
    }
}

async fn desk_with(receiver: &Receiver, rules: Vec<AlertRule>, without_defaults: bool) -> Desk {
    let alerting = Alerting {
        secret: Some(SecretText::new(SECRET)),
        secret_file: None,
        webhook: Some(Webhook::parse(&receiver.url).unwrap()),
        without_defaults,
        rules,
    };
    let change = |config: &mut Config| config.alerting = alerting;
    Desk::with_ada_and(change).await.0
}

async fn fail(desk: &Desk, email: &str, address: &str) {
    let body = json!({ "email": email, "password": "Wrong-Horse-7", "tokenMode": "body" });
    let mut browser = desk.browser();
    let ask = browser.post("/auth/login").json(&body).from(address);
    ask.send().await.expect(401);
}

/// The look of a process, so many seconds from now.
async fn turn(desk: &Desk, seconds: i64) {
    let now = desk.app.clock.now().plus(seconds);
    desk.app.watch.as_ref().unwrap().turn(&desk.app, now).await;
}

#[tokio::test]
async fn a_rule_calls_once_and_again_after_its_cool_down() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, vec![failures(Per::Site, 3)], true).await;
    for name in ["a@example.test", EMAIL] {
        fail(&desk, name, "192.0.2.1").await;
    }
    turn(&desk, 60).await;
    assert!(receiver.look().is_empty(), "two are not enough");
    fail(&desk, "c@example.test", "192.0.2.2").await;
    turn(&desk, 61).await;
    let got = receiver.look();
    assert_eq!(got.len(), 1);
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    for (name, expected) in [
        ("rule", json!("failures")),
        ("severity", json!("critical")),
        ("event", json!("login.failed")),
        ("message", json!("A sign-in failed.")),
        ("count", json!(3)),
        ("windowSeconds", json!(300)),
        ("per", json!("site")),
        ("subject", Value::Null),
        ("issuer", json!("http://127.0.0.1:8787")),
    ] {
        assert_eq!(body[name], expected, "{name}");
    }
    // Whose address was tried stands in no alert.
    assert!(!got[0].body.contains('@'), "{}", got[0].body);
    turn(&desk, 62).await;
    turn(&desk, 240).await;
    assert!(receiver.look().is_empty(), "it cools down");
    // The rows wander along with the clock that is ahead of them.
    desk.run("UPDATE security_events SET at = at + 700").await;
    turn(&desk, 720).await;
    assert_eq!(receiver.rules(), ["failures"]);
}

#[tokio::test]
async fn what_is_counted_by_address_names_it() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, vec![failures(Per::Address, 2)], true).await;
    for (index, address) in [
        "192.0.2.1",
        "192.0.2.1",
        "192.0.2.2",
        "2001:db8::1",
        "2001:db8::1",
        "2001:db8::1",
    ]
    .into_iter()
    .enumerate()
    {
        fail(&desk, &format!("{index}@example.test"), address).await;
    }
    turn(&desk, 60).await;
    let told: Vec<(String, i64)> = receiver
        .look()
        .iter()
        .map(|got| serde_json::from_str::<Value>(&got.body).unwrap())
        .map(|body| {
            (
                body["subject"].as_str().unwrap().to_owned(),
                body["count"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.contains(&("2001:db8::1".to_owned(), 3))
            && told.contains(&("192.0.2.1".to_owned(), 2))
    );
    // Another address is told of while those cool down.
    fail(&desk, "z@example.test", "192.0.2.2").await;
    turn(&desk, 61).await;
    assert_eq!(receiver.look().len(), 1);
}

#[tokio::test]
async fn any_reuse_calls_by_the_rules_that_come_along() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, Vec::new(), false).await;
    let mut browser = desk.browser();
    browser.log_in(EMAIL).await;
    let mut stolen = browser.clone();
    browser.refresh().await.expect(200);
    browser.refresh().await.expect(200);
    turn(&desk, 60).await;
    assert!(receiver.look().is_empty());
    stolen.refresh().await.expect_problem(401, "REFRESH_REUSED");
    turn(&desk, 61).await;
    assert_eq!(receiver.rules(), ["refresh-reuse"]);
}

#[tokio::test]
async fn an_audit_log_that_is_not_what_was_written_calls() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, Vec::new(), false).await;
    let mut walk = Walk::new();
    walk.go_on(&desk.app).await;
    turn(&desk, 60).await;
    assert!(receiver.look().is_empty());
    desk.run("DROP TRIGGER audit_log_refuses_delete; DELETE FROM audit_log")
        .await;
    walk.go_on(&desk.app).await;
    turn(&desk, 61).await;
    assert_eq!(receiver.rules(), ["audit-log"]);
}

#[tokio::test]
async fn a_receiver_that_is_away_gets_the_same_alert_later_and_is_given_up_in_the_end() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, vec![failures(Per::Site, 1)], true).await;
    fail(&desk, EMAIL, "192.0.2.1").await;
    receiver.answer(&[500, 302, 429]);
    let mut seen = Vec::new();
    // From one moment on, for a second more or less decides whether something is sent.
    let now = desk.app.clock.now();
    let watch = desk.app.watch.as_ref().unwrap();
    // 60 + 10, + 20, + 40; in between nothing is sent.
    for (at, tries) in [
        (60, 1),
        (65, 0),
        (70, 1),
        (80, 0),
        (90, 1),
        (129, 0),
        (130, 1),
        (1000, 0),
    ] {
        watch.turn(&desk.app, now.plus(at)).await;
        let got = receiver.look();
        assert_eq!(got.len(), tries, "{at}");
        seen.extend(got);
    }
    assert!(
        seen.iter()
            .all(|got| got.id == seen[0].id && got.body == seen[0].body)
    );
    assert!(
        seen.windows(2).all(|two| two[0].at < two[1].at),
        "each is signed anew"
    );
    let state = "SELECT tries FROM alerts WHERE delivered_at IS NOT NULL AND next_try_at IS NULL";
    assert_eq!(desk.number(state).await, 4);

    // Years of refusal.
    desk.run("UPDATE alerts SET tries = 15, next_try_at = 0, delivered_at = NULL")
        .await;
    receiver.answer(&[503]);
    turn(&desk, 2000).await;
    assert_eq!(receiver.look().len(), 1);
    let given_up = "SELECT count(*) FROM alerts WHERE delivered_at IS NULL AND next_try_at IS NULL";
    assert_eq!(desk.number(given_up).await, 1);
    let now = desk.app.clock.now().plus(3000);
    assert_eq!(desk.app.store.end_alerts(now, now).await.unwrap(), 1);
}

#[tokio::test]
async fn of_two_processes_one_watches_until_it_is_gone() {
    let receiver = Receiver::open().await;
    let desk = desk_with(&receiver, vec![failures(Per::Site, 1)], true).await;
    let other = Watch::new(&desk.app.config.alerting).unwrap().unwrap();
    let now = desk.app.clock.now();
    turn(&desk, 60).await;
    fail(&desk, EMAIL, "192.0.2.1").await;
    other.turn(&desk.app, now.plus(61)).await;
    assert!(receiver.look().is_empty(), "it is not its turn");
    turn(&desk, 62).await;
    assert_eq!(receiver.rules(), ["failures"]);
    // The first dies; the second takes over when its turn has ended.
    desk.run("UPDATE alerts SET next_try_at = 0").await;
    other.turn(&desk.app, now.plus(200)).await;
    assert!(receiver.look().is_empty());
    other.turn(&desk.app, now.plus(300)).await;
    assert_eq!(receiver.rules(), ["failures"]);
}

#[tokio::test]
async fn without_a_receiver_nothing_is_watched() {
    let (desk, _) = Desk::with_ada().await;
    assert!(desk.app.watch.is_none());
}

#[test]
fn rules_are_read_from_their_tables() {
    let file = "[alerting]\nwebhook = \"https://hooks.example.com/x\"\n\
        [[alerts]]\nname = \"refresh-reuse\"\nevent = \"refresh.reused\"\n\
        [[alerts]]\nname = \"spray\"\nevent = \"login.failed\"\nper = \"address\"\ncount = 7\nwindow_seconds = 60\n\
        severity = \"critical\"\ncooldown_seconds = 90\nwebhook = \"http://127.0.0.1:9000/hook\"\n";
    let secret = [("EDGEWARD__ALERTING__SECRET", SECRET)];
    let alerting = load(Some(file), &secret).unwrap().alerting;
    let spray = &alerting.rules[1];
    assert_eq!(
        (spray.count, spray.window_seconds, spray.cooldown_seconds),
        (7, 60, 90)
    );
    assert_eq!(
        (spray.per, spray.severity),
        (Per::Address, Severity::Critical)
    );
    let first = &alerting.rules[0];
    assert_eq!(
        (first.count, first.window_seconds, first.cooldown_seconds),
        (1, 300, 3600)
    );
    assert_eq!(first.severity, Severity::Critical, "that of the event");
    let in_force: Vec<(String, String)> = alerting
        .in_force()
        .into_iter()
        .map(|(rule, webhook)| (rule.name, webhook.reveal().to_owned()))
        .collect();
    let names: Vec<&str> = in_force.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "refresh-reuse",
            "spray",
            "edge-proof",
            "edge-proof-misused",
            "audit-log",
            "lockout-surge",
            "sign-in-failure-surge",
            "guessing-from-one-address"
        ]
    );
    assert_eq!(in_force[1].1, "http://127.0.0.1:9000/hook");
    assert_eq!(in_force[2].1, "https://hooks.example.com/x");
    assert!(!format!("{alerting:?}").contains(SECRET));
}

#[test]
fn mistakes_of_the_rules_are_told_with_their_line() {
    let secret = ("EDGEWARD__ALERTING__SECRET", SECRET);
    let hook = "alerting.webhook = \"https://hooks.example.com\"\n";
    let rule =
        |lines: &str| format!("{hook}[[alerts]]\nname = \"a\"\nevent = \"login.failed\"\n{lines}");
    for (file, variables, says) in [
        (
            rule(""),
            &[][..],
            "FILE:1: alerting.webhook: needs EDGEWARD__ALERTING__SECRET",
        ),
        (
            rule("")[hook.len()..].to_owned(),
            &[secret],
            "FILE:1: alerts.webhook: is missing, and alerting.webhook is not set",
        ),
        (
            format!("{hook}alerts = 7"),
            &[secret],
            "FILE:2: alerts: must be tables, each as [[alerts]]",
        ),
        (
            format!("{hook}[[alerts]]\nevent = \"login.failed\""),
            &[secret],
            "FILE:2: alerts.name: is missing",
        ),
        (
            format!("{hook}[[alerts]]\nname = \"A b\"\nevent = \"login.failed\""),
            &[secret],
            "FILE:3: alerts.name: must be at most 40 of",
        ),
        (
            format!("{hook}[[alerts]]\nname = \"a\""),
            &[secret],
            "FILE:2: alerts.event: is missing",
        ),
        (
            format!("{hook}[[alerts]]\nname = \"a\"\nevent = \"login\""),
            &[secret],
            "FILE:4: alerts.event: there is no event \"login\"",
        ),
        (
            rule("count = 0"),
            &[secret],
            "FILE:5: alerts.count: must be a whole number from 1",
        ),
        (
            rule("window_seconds = 59"),
            &[secret],
            "FILE:5: alerts.window_seconds: must be",
        ),
        (
            rule("window_seconds = 600\ncooldown_seconds = 599"),
            &[secret],
            "FILE:6: alerts.cooldown_seconds: must be a whole number from 600",
        ),
        (
            rule("per = \"name\""),
            &[secret],
            "FILE:5: alerts.per: must be site, address or user",
        ),
        (
            rule("severity = \"page\""),
            &[secret],
            "FILE:5: alerts.severity: must be info, warning or critical",
        ),
        (
            rule("cool_down = 5"),
            &[secret],
            "FILE:5: alerts.cool_down: there is no such setting; there are name, event",
        ),
        (
            rule("webhook = \"http://hooks.example.com\""),
            &[secret],
            "FILE:5: alerts.webhook: must begin with https://",
        ),
        (
            rule("webhook = \"https://a:b@hooks.example.com\""),
            &[secret],
            "FILE:5: alerts.webhook: must be without a name",
        ),
        (
            rule("[[alerts]]\nname = \"a\"\nevent = \"login.failed\""),
            &[secret],
            "FILE:6: alerts.name: there is another rule a",
        ),
    ] {
        check(&file, variables, &[says]);
    }
    // Two wrong rules: everything about both, and nothing that only follows from another mistake.
    check(
        "[[alerts]]\nnmae = \"a\"\nevent = 7\ncount = 0\nwindow_seconds = 1\ncooldown_seconds = 1\nper = \"x\"\n\
         colour = 1\n[[alerts]]\nname = \"b\"\nwebhook = \"https://hooks.example.com\"\nseverity = \"x\"\n",
        &[],
        &[
            "FILE:1: alerts.webhook: is missing",
            "FILE:2: alerts.nmae: there is no such setting; did you mean name?",
            "FILE:3: alerts.event: must be a text",
            "FILE:4: alerts.count: must be",
            "FILE:5: alerts.window_seconds: must be",
            "FILE:6: alerts.cooldown_seconds: must be a whole number from 60 to",
            "FILE:7: alerts.per: must be",
            "FILE:8: alerts.colour: there is no such setting; there are name,",
            "FILE:9: alerts.event: is missing",
            "FILE:11: alerts.webhook: needs EDGEWARD__ALERTING__SECRET",
            "FILE:12: alerts.severity: must be",
        ],
    );
    check(
        "alerting.webhok = \"https://hooks.example.com\"\n[[alerts]]\nname = = 3\nevent = 7\n",
        &[secret],
        &[
            "FILE:1: alerting.webhok: there is no such setting",
            "FILE:3: no valid TOML",
            "FILE:4: alerts.event: must be a text",
        ],
    );
}
