//! What an administrator changes is so at the edge within a second, and needs a recent sign-in; who is none is told so.

use edgeward_tests::{Answer, Person, Setup, World};
use reqwest::Method;
use serde_json::json;

/// How old the feed of ended sessions may be on a bounded route.
const BOUND_SECONDS: i64 = 1;
/// One second more than a sign-in may be old for a change.
const TOO_OLD_SECONDS: i64 = 301;

const PEOPLE: &str = "/auth/console/users";

/// A form of a page, with the token that the page has.
async fn send(person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = person.cookie("csrf").expect("a page was open").value;
    let mut fields = fields.to_vec();
    fields.push(("csrf_token", &token));
    let form = person
        .post(path)
        .header("sec-fetch-mode", "navigate")
        .header("accept", "text/html");
    form.form(&fields).send().await
}

fn between<'t>(page: &'t Answer, before: &str, after: &str) -> &'t str {
    let rest = page.body.split_once(before).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(after));
    found
        .unwrap_or_else(|| panic!("{before} is not there: {}", page.body))
        .0
}

/// Root at the page of Ada, whose browser the edge knows well.
async fn root_and_ada(world: &World) -> (Person, Person, String) {
    let (root, ada) = (world.admin("root").await, world.user("ada").await);
    for person in [&root, &ada] {
        person.log_in().await;
    }
    for _ in 0..2 {
        let _ = ada.get("/api/echo").send().await.expect(200);
    }
    let found = root.navigate("/auth/console/users?query=ada").send().await;
    let found = found.expect(200);
    let id = between(&found, "<a href=\"/auth/console/users/", "\"").to_owned();
    (root, ada, format!("{PEOPLE}/{id}"))
}

#[tokio::test]
async fn a_role_that_is_given_behind_the_password_ends_the_sessions_at_the_edge() {
    let world = World::start().await;
    let (root, ada, page) = root_and_ada(&world).await;
    let refused = ada.navigate("/admin").send().await.expect(403);
    assert!(!refused.body.contains("Admin area"));

    world.wait(TOO_OLD_SECONDS);
    let roles = format!("{page}/roles");
    let seen = root.navigate(&page).send().await.expect(200);
    assert!(!seen.body.contains(&roles), "there is no form yet");
    let led = send(&root, &roles, &[]).await;
    let way = format!("/account/step-up?returnTo={page}");
    let _ = led.expect_redirect(&way);
    let _ = root.navigate(&way).send().await.expect(200);
    let fields = [("password", root.password.as_str()), ("returnTo", &page)];
    let back = send(&root, "/auth/step-up", &fields).await;
    let _ = back.expect_redirect(&page);

    let seen = root.navigate(&page).send().await.expect(200);
    let version = between(&seen, "name=\"version\" value=\"", "\"");
    let fields = [("version", version), ("role:admin", "on")];
    let done = send(&root, &roles, &fields).await;
    let _ = done.expect_redirect(&format!("{page}?done=roles"));
    world.wait(BOUND_SECONDS);
    let ended = world.confirmed(ada.get("/api/echo")).await;
    let _ = ended.expect_problem(401, "TOKEN_REVOKED");
    let again = ada.at(world.browser());
    again.log_in().await;
    let area = again.navigate("/admin").send().await.expect(200);
    assert!(area.body.contains("Admin area"), "{}", area.body);
    let _ = again.navigate(PEOPLE).send().await.expect(200);
}

#[tokio::test]
async fn sessions_that_an_administrator_ends_are_refused_at_the_edge() {
    let world = World::start().await;
    let (root, ada, page) = root_and_ada(&world).await;
    let elsewhere = ada.at(world.browser());
    // Of two sessions of one second neither is the newer.
    world.wait(1);
    elsewhere.log_in().await;
    let _ = elsewhere.get("/api/echo").send().await.expect(200);
    let seen = root.navigate(&page).send().await.expect(200);
    // The newest is on top.
    let newest = between(&seen, &format!("action=\"{page}/sessions/"), "\"");
    let one = send(&root, &format!("{page}/sessions/{newest}"), &[]).await;
    let _ = one.expect_redirect(&format!("{page}?done=session"));
    world.wait(BOUND_SECONDS);
    let ended = world.confirmed(elsewhere.get("/api/echo")).await;
    let _ = ended.expect_problem(401, "TOKEN_REVOKED");
    let _ = ada.get("/api/echo").send().await.expect(200);
    let all = send(&root, &format!("{page}/sessions"), &[]).await;
    let _ = all.expect_redirect(&format!("{page}?done=sessions"));
    world.wait(BOUND_SECONDS);
    let ended = world.confirmed(ada.get("/api/echo")).await;
    let _ = ended.expect_problem(401, "TOKEN_REVOKED");
    let _ = root.get("/api/echo").send().await.expect(200);
}

#[tokio::test]
async fn programs_administer_through_the_edge_and_others_are_told_that_they_may_not() {
    let world = World::start().await;
    let (root, ada, page) = root_and_ada(&world).await;
    let api = page.replace("/auth/console/", "/auth/admin/");
    let roles = format!("{api}/roles");
    let body = json!({ "roles": ["editor"] });
    let seen = root.get(&api).send().await.expect(200);
    let tag = format!("\"{}\"", seen.text("/rolesVersion"));
    let origin = &world.site.origin;
    let put = |person: &Person| {
        person
            .ask(Method::PUT, &roles)
            .header("origin", origin)
            .header("if-match", &tag)
            .with_csrf()
            .json(&body)
            .send()
    };
    for path in [PEOPLE, &page] {
        let refused = ada.navigate(path).send().await.expect(403);
        assert!(refused.body.contains("Your role does not allow this."));
    }
    let _ = put(&ada).await.expect_problem(403, "INSUFFICIENT_ROLE");
    let foreign = root.ask(Method::PUT, &roles).json(&body).with_csrf();
    let foreign = foreign.header("origin", "https://evil.example");
    let _ = foreign.send().await.expect_problem(403, "ORIGIN_REFUSED");
    let set = put(&root).await.expect(200);
    assert_eq!(set.text("/roles/0"), "editor");
    let _ = put(&root).await.expect_problem(412, "STALE_VERSION");
    world.wait(BOUND_SECONDS);
    let ended = world.confirmed(ada.get("/api/echo")).await;
    let _ = ended.expect_problem(401, "TOKEN_REVOKED");
    let stranger = world.browser().navigate(PEOPLE).send().await;
    let _ = stranger.expect_redirect(&format!("/login?returnTo={PEOPLE}"));
}

#[tokio::test]
async fn administration_is_open_to_the_addresses_that_the_edge_proves() {
    const ADDRESS: &str = "cf-connecting-ip";
    let world = World::with(Setup {
        issuer_settings: "[admin]\naddresses = [\"203.0.113.0/24\", \"2001:db8:1::/48\"]\n",
        edge_bindings: &[("CLIENT_ADDRESS_HEADER", ADDRESS)],
        ..Setup::default()
    })
    .await;
    let root = world.admin("root").await;
    root.log_in().await;
    for (address, is_admitted) in [
        ("203.0.113.9", true),
        ("::ffff:203.0.113.9", true),
        ("2001:db8:1::9", true),
        ("203.0.114.9", false),
        ("2001:db8:2::9", false),
        ("127.0.0.1", false),
        // The edge does not know its client then.
        ("unknown", false),
    ] {
        let mut answers = Vec::new();
        for ask in [
            root.get("/auth/admin/users"),
            root.navigate(PEOPLE),
            root.get("/auth/me"),
        ] {
            // What the client writes itself is nobody's word.
            let ask = ask.header("x-forwarded-for", "203.0.113.9");
            answers.push(ask.header(ADDRESS, address).send().await);
        }
        let answers: [Answer; 3] = answers.try_into().expect("three were asked for");
        let [told, page, me] = answers;
        if is_admitted {
            let _ = (told.expect(200), page.expect(200));
        } else {
            let _ = told.expect_problem(403, "ADDRESS_NOT_ALLOWED");
            let page = page.expect(403);
            assert!(page.body.contains("This is not open to where you are."));
        }
        let _ = me.expect(200);
    }
    // Past the edge it is the address of the socket that counts, and no header.
    let past = world.stranger_at_the_issuer().get("/auth/admin/users");
    let past = past.header(ADDRESS, "203.0.113.9").send().await;
    let _ = past.expect_problem(403, "ADDRESS_NOT_ALLOWED");
}
