//! What people's access tokens permit: the scopes of their roles, by the settings of the moment at which a token is made.

use edgeward_core::{
    gate::{
        CanonicalPath, Client, Credential, Decision, Gate, PolicyState, Renewal, RequestSource,
        RequestView, Turns, decide,
    },
    problem::ProblemCode,
    token::{self, Audiences, Expectations, TokenType},
};
use edgeward_issuer::{
    config::{Config, Origin, RoleScopes},
    domain::{
        accounts::{EMAIL_MAX_BYTES, NAME_MAX_CHARS, ROLE_MAX_BYTES, ROLES_MAX_BYTES, Role},
        scopes::{SCOPES_MAX_BYTES, Scope},
    },
};
use serde_json::json;

use crate::desk::{Browser, Desk, EMAIL, PASSWORD, SITE};

const POLICY: &str = r#"
version = 1
[[route]]
path = "/articles"
scopes = ["articles:read"]
[[route]]
path = "/articles/new"
scopes = ["articles:read", "articles:write"]
[[route]]
path = "/services"
scopes = ["articles:read"]
machine = true
[[route]]
path = "/people"
scopes = ["articles:read"]
machine = false
"#;

/// Browsers keep no cookie whose name and value are longer.
const COOKIE_MAX_BYTES: usize = 4096;

/// Gives roles their scopes, and takes those of all others.
fn permit(roles: &[(&str, &[&str])]) -> impl FnOnce(&mut Config) + use<> {
    let roles = roles.iter().map(|(name, scopes)| RoleScopes {
        name: Role::parse(name).unwrap(),
        scopes: scopes.iter().map(|it| Scope::parse(it).unwrap()).collect(),
        origin: Origin::Default,
    });
    let roles = roles.collect();
    |config| config.tokens.roles = roles
}

fn expect(desk: &Desk) -> Expectations {
    let audience = Audiences::OneOf(vec![desk.app.config.issuer.audience.clone()]);
    Expectations::new(SITE, audience, TokenType::Access)
}

/// The `scope` of a token, once it verifies. No person's token is a machine's.
fn scope(desk: &Desk, token: &str) -> String {
    let keys = desk.app.keyring.public_keys();
    let now = desk.app.clock.now();
    let verified = token::verify(token, &keys, &expect(desk), now).unwrap();
    let claims = verified.claims();
    assert!(!claims.is_machine() && claims.session_id().is_some());
    claims.get("scope").unwrap().as_str().unwrap().to_owned()
}

/// The code of the edge's refusal; none where somebody with this token passes.
fn refusal(desk: &Desk, token: &str, path: &str) -> Option<ProblemCode> {
    let gate = Gate {
        policy: &PolicyState::parse(POLICY),
        site: &desk.app.config.issuer.url,
        keys: Some(&desk.app.keyring.public_keys()),
        keys_are_final: true,
        revocations: None,
        expect: &expect(desk),
        answer: None,
        seen: None,
        turns: Turns::default(),
    };
    let view = RequestView {
        method: "GET",
        host: "127.0.0.1",
        path: CanonicalPath::parse(path),
        query: None,
        credential: Credential::Token(token),
        source: RequestSource::default(),
        client: Client::Untold,
        navigation: false,
        renewal: Renewal::Impossible,
    };
    match decide(&gate, &view, desk.app.clock.now()) {
        Decision::Forward(_) => None,
        Decision::Refuse(refusal) => Some(refusal.code),
        other @ (Decision::Answer(_)
        | Decision::AnswerPreflight(_)
        | Decision::Redirect(_)
        | Decision::NeedsKeys(_)
        | Decision::NeedsSignature(_)
        | Decision::NeedsRevocations(_)
        | Decision::NeedsTurn(_)
        | Decision::NeedsRefresh(_)
        | Decision::NeedsCsrf(_)) => panic!("{other:?}"),
    }
}

async fn confirm(browser: &mut Browser) {
    let asked = browser.post("/auth/step-up").with_csrf();
    let answered = asked.json(&json!({ "password": PASSWORD })).send().await;
    let _ = answered.expect(200);
}

#[tokio::test]
async fn a_token_permits_what_the_roles_of_its_holder_do() {
    let all: &[(&str, &[&str])] = &[
        ("editor", &["articles:write", "articles:read"]),
        ("reviewer", &["reviews", "articles:read"]),
    ];
    for (mapping, roles, expected) in [
        (&[][..], &["editor"][..], ""),
        (all, &[], ""),
        (all, &["admin"], ""),
        (all, &["editor"], "articles:read articles:write"),
        (
            all,
            &["reviewer", "editor", "admin"],
            "articles:read articles:write reviews",
        ),
    ] {
        let desk = Desk::open_with(permit(mapping)).await;
        desk.add(EMAIL, roles).await;
        let mut browser = desk.browser();
        browser.log_in(EMAIL).await;
        assert_eq!(scope(&desk, &browser.cookie("access")), expected);
        let _ = browser.refresh().await.expect(200);
        assert_eq!(scope(&desk, &browser.cookie("access")), expected);
        confirm(&mut browser).await;
        assert_eq!(scope(&desk, &browser.cookie("access")), expected);
        let tokens = desk.browser().tokens(EMAIL).await;
        let in_body = tokens["accessToken"].as_str().unwrap();
        assert_eq!(scope(&desk, in_body), expected);
    }
}

#[tokio::test]
async fn a_setting_that_changed_holds_from_the_next_refresh() {
    let (mut desk, mut ada) = Desk::with_ada_signed_in().await;
    assert_eq!(scope(&desk, &ada.cookie("access")), "");
    for (mapping, expected) in [
        (
            &[("editor", &["articles:write", "articles:read"][..])][..],
            "articles:read articles:write",
        ),
        (&[("editor", &["articles:read"])], "articles:read"),
        (&[("admin", &["articles:read"])], ""),
        (&[], ""),
    ] {
        let before = scope(&desk, &ada.cookie("access"));
        desk = desk.restarted(permit(mapping)).await;
        ada = desk.seat(&ada);
        // What was made before stands until it expires.
        let _ = ada.get("/auth/me").send().await.expect(200);
        assert_eq!(scope(&desk, &ada.cookie("access")), before);
        let _ = ada.refresh().await.expect(200);
        assert_eq!(scope(&desk, &ada.cookie("access")), expected);
    }
}

#[tokio::test]
async fn the_gate_reads_the_scopes_of_a_person_and_takes_nobody_for_a_service() {
    use ProblemCode::{InsufficientRole, InsufficientScope};
    let lacks = Some(InsufficientScope);
    let is_no_service = Some(InsufficientRole);
    for (scopes, rows) in [
        (
            &["articles:read", "articles:write"][..],
            [None, None, is_no_service, None],
        ),
        (&["articles:read"], [None, lacks, is_no_service, None]),
        // A scope is compared as a whole.
        (
            &["articles:rea", "articles:READ", "edgeward-web"],
            [lacks, lacks, is_no_service, lacks],
        ),
    ] {
        let permitted = permit(&[("editor", scopes)]);
        let (desk, ada) = Desk::with_ada_signed_in_and(permitted).await;
        let token = ada.cookie("access");
        let paths = ["/articles", "/articles/new", "/services", "/people"];
        for (path, expected) in paths.into_iter().zip(rows) {
            assert_eq!(refusal(&desk, &token, path), expected, "{path} {scopes:?}");
        }
    }
}

#[tokio::test]
async fn a_cookie_holds_the_longest_token() {
    let scope_text = "s".repeat(SCOPES_MAX_BYTES);
    // As many roles as an account may have; each takes two quotes and a comma.
    let role = |n: usize| format!("{n:0width$}", width = ROLE_MAX_BYTES);
    let roles: Vec<String> = (0..ROLES_MAX_BYTES / (ROLE_MAX_BYTES + 3))
        .map(role)
        .collect();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let desk = Desk::open_with(permit(&[(roles[0], &[scope_text.as_str()])])).await;
    let labels = vec!["d".repeat(60); 4].join(".");
    let mut email = format!("{}@{labels}", "l".repeat(64));
    email.truncate(EMAIL_MAX_BYTES);
    desk.add(&email, &roles).await;
    let name = "\u{1f600}".repeat(NAME_MAX_CHARS);
    let named = sqlx::query("UPDATE users SET first_name = $1, last_name = $1").bind(name);
    let _ = named.execute(&mut desk.sql().await).await.unwrap();
    let mut browser = desk.browser();
    browser.log_in(&email).await;
    let token = browser.cookie("access");
    assert_eq!(scope(&desk, &token), scope_text);
    // Under the longest of the names that cookies have, with issuer and audience of 64 characters each.
    let room = 2 * (64 - SITE.len()) * 4 / 3;
    let length = "__Secure-edgeward-access=".len() + token.len() + room;
    assert!(length <= COOKIE_MAX_BYTES, "{length}");
}
