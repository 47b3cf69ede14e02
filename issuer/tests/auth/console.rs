//! The pages of administrators: forms that work without a script, and lead through the question for the password and back.

use axum::http::Method;
use serde_json::json;

use crate::{
    desk::{Answer, Browser, EMAIL, PASSWORD},
    root::{ROOT, desk},
    scripts::scripts_of,
};

const PEOPLE: &str = "/auth/console/users";

/// The page of whom a search finds.
pub(crate) async fn path_to(root: &mut Browser, email: &str) -> String {
    let page = format!("{PEOPLE}?query={email}");
    let page = root.get(&page).send().await.expect(200);
    let (_, rest) = page
        .body
        .split_once("<a href=\"/auth/console/users/")
        .unwrap();
    let id = rest.split('"').next().unwrap();
    format!("{PEOPLE}/{id}")
}

pub(crate) fn version(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"version\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) async fn send(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    browser.post(path).form(fields).with_csrf().send().await
}

#[tokio::test]
async fn who_may_not_see_a_page_is_led_away_or_told() {
    let (desk, mut root, mut ada) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    for path in [PEOPLE, person.as_str()] {
        let led = desk.browser().get(path).send().await.expect(303);
        assert_eq!(led.header("location"), format!("/login?returnTo={path}"));
        let told = ada.get(path).send().await.expect(403);
        assert_eq!(told.header("content-type"), "text/html; charset=utf-8");
        assert!(
            told.body.contains("Your role does not allow this."),
            "{}",
            told.body
        );
        assert!(!told.body.contains("example.test"), "{}", told.body);
        // The access cookie is renewed in the background: the password shows that a person is there.
        let mut away = root.clone();
        away.forget("session");
        let led = away.get(path).send().await.expect(303);
        let place = format!("/account/step-up?returnTo={path}");
        assert_eq!(led.header("location"), place);
    }
    for path in [
        "/nobody",
        "/01a1fee9-0000-7000-8000-000000000000",
        "/%3Cscript%3E",
    ] {
        let told = root
            .get(&format!("{PEOPLE}{path}"))
            .send()
            .await
            .expect(404);
        assert!(
            told.body.contains("There is nothing here."),
            "{}",
            told.body
        );
    }
    for act in ["roles", "unlock", "sessions", "sessions/x"] {
        let act = format!("{person}/{act}");
        let refused = send(&mut ada, &act, &[]).await.expect(403);
        assert!(
            refused.body.contains("Your role does not allow this."),
            "{}",
            refused.body
        );
        let forged = root.post(&act).form(&[("csrf_token", "x")]).send().await;
        assert!(forged.expect(403).body.contains("cookie"));
        // Programs have resources of their own, with the codes that they read.
        let program = root.post(&act).json(&json!({ "roles": [], "version": "" }));
        let status = program.with_csrf().send().await.status;
        assert!([400, 415].contains(&status), "{act} {status}");
    }
    root.ask(Method::PUT, &person).send().await.expect(405);
}

#[tokio::test]
async fn people_are_shown_as_text_and_nothing_else() {
    let (desk, mut root, _) = desk().await;
    desk.run("UPDATE users SET first_name = '<script>alert(1)</script>', last_name = '\"><b>' WHERE email = 'ada@example.test'")
        .await;
    let list = root.get(PEOPLE).send().await.expect(200);
    let person = path_to(&mut root, EMAIL).await;
    let person = root.get(&person).send().await.expect(200);
    for (page, scripts) in [(&list, &[][..]), (&person, &["once.js"])] {
        assert_eq!(scripts_of(page), scripts);
        assert!(!page.body.contains("<b>"), "{}", page.body);
        assert!(
            page.body.contains("&#60;script&#62;alert(1)"),
            "{}",
            page.body
        );
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'"),
            "{policy}"
        );
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
    }
    // What was asked for stands in the form again, and nothing of it is markup.
    let asked = format!("{PEOPLE}?query=%22%3E%3Cimg%20src%3Dx%3E&role=none&status=locked");
    let page = root.get(&asked).send().await.expect(200);
    assert!(!page.body.contains("<img src=x"), "{}", page.body);
    assert!(page.body.contains("Nobody is like that."), "{}", page.body);
    assert!(
        page.body.contains("<option value=\"none\" selected>"),
        "{}",
        page.body
    );
    for (query, status) in [
        ("?query=%00", 422),
        ("?role=a%20b", 422),
        ("?cursor=x", 422),
        ("?query=a&query=b", 400),
    ] {
        let page = root
            .get(&format!("{PEOPLE}{query}"))
            .send()
            .await
            .expect(status);
        assert!(
            page.body.contains("This cannot be looked for."),
            "{}",
            page.body
        );
        assert!(page.body.contains("aria-invalid=\"true\""), "{}", page.body);
    }
    let german = format!("{PEOPLE}?query=ada&ui_locales=de");
    let page = root.get(&german).send().await.expect(200);
    assert!(page.body.contains("<h1>Personen</h1>"), "{}", page.body);
    assert!(page.body.contains("value=\"ada\""), "{}", page.body);
}

#[tokio::test]
async fn pages_of_many_people_follow_each_other() {
    let (desk, mut root, _) = desk().await;
    desk.run(
        "WITH RECURSIVE n (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < 70)
         INSERT INTO users SELECT '01a1fee9-0000-7000-8000-0000000000' || n, 'u' || n || '@example.test', 'Same', '', 'x', 0, 0, NULL FROM n",
    )
    .await;
    let first = format!("{PEOPLE}?query=same&role=&status=");
    let first = root.get(&first).send().await.expect(200);
    assert_eq!(first.body.matches("<th scope=\"row\">").count(), 50);
    let next = way(&first, "Further people").unwrap();
    assert!(next.starts_with(&format!("{PEOPLE}?query=same&")), "{next}");
    let second = root.get(&next).send().await.expect(200);
    assert_eq!(second.body.matches("<th scope=\"row\">").count(), 11);
    assert!(!second.body.contains("Further people"));
    assert!(second.body.contains("From the beginning"));

    // Both ways go through the same search, in steps as long as the one before.
    let asked = "query=u1&role=&status=&limit=4";
    let first = root.get(&format!("{PEOPLE}?{asked}")).send().await;
    let next = way(&first.expect(200), "Further people").unwrap();
    assert!(
        next.starts_with(&format!("{PEOPLE}?{asked}&cursor=")),
        "{next}"
    );
    let second = root.get(&next).send().await.expect(200);
    assert_eq!(second.body.matches("<th scope=\"row\">").count(), 4);
    let third = way(&second, "Further people").unwrap();
    assert!(
        third.starts_with(&format!("{PEOPLE}?{asked}&cursor=")),
        "{third}"
    );
    let beginning = format!("{PEOPLE}?{asked}");
    assert_eq!(way(&second, "From the beginning"), Some(beginning));
    for (page, beginning) in [
        ("?query=a%26b&cursor=x", Some("?query=a%26b&role=&status=")),
        ("?role=a%20b&cursor=x", Some("")),
        ("?limit=0&cursor=x", Some("")),
        ("?query=same&limit=4", None),
    ] {
        let page = root.get(&format!("{PEOPLE}{page}")).send().await;
        let expected = beginning.map(|query| format!("{PEOPLE}{query}"));
        assert_eq!(way(&page, "From the beginning"), expected);
    }
}

/// Where the link of this text leads.
fn way(page: &Answer, text: &str) -> Option<String> {
    let (before, _) = page.body.split_once(&format!("\">{text}"))?;
    let (_, href) = before.rsplit_once("href=\"")?;
    Some(href.replace("&#38;", "&"))
}

#[tokio::test]
async fn a_change_goes_through_the_password_and_back_to_the_person() {
    let (desk, mut root, mut ada) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    desk.wait(301).await;
    let page = root.get(&person).send().await.expect(200);
    assert!(!page.body.contains("method=\"post\""), "{}", page.body);
    let way = format!("/account/step-up?returnTo={person}");
    assert!(
        page.body.contains(&format!("href=\"{way}\"")),
        "{}",
        page.body
    );
    // A form that was open for longer leads the same way.
    for act in ["roles", "unlock", "sessions", "sessions/x"] {
        let led = send(&mut root, &format!("{person}/{act}"), &[])
            .await
            .expect(303);
        assert_eq!(led.header("location"), way);
    }
    let asked = root.get(&way).send().await.expect(200);
    assert!(
        asked.body.contains(&format!("value=\"{person}\"")),
        "{}",
        asked.body
    );
    let form = [("password", PASSWORD), ("returnTo", person.as_str())];
    let back = send(&mut root, "/auth/step-up", &form).await.expect(303);
    assert_eq!(back.header("location"), person);

    let page = root.get(&person).send().await.expect(200);
    assert!(
        page.body.contains("name=\"role:editor\" checked"),
        "{}",
        page.body
    );
    assert!(page.body.contains("name=\"role:admin\">"), "{}", page.body);
    assert!(page.body.contains("Firefox on Linux"), "{}", page.body);
    let read = version(&page);
    let fields = [
        ("version", read.as_str()),
        ("role:editor", "on"),
        ("roles", "support, writer"),
    ];
    let roles = format!("{person}/roles");
    let led = send(&mut root, &roles, &fields).await.expect(303);
    assert_eq!(led.header("location"), format!("{person}?done=roles"));
    let done = root.get(led.header("location")).send().await.expect(200);
    assert!(done.body.contains("The roles are saved."), "{}", done.body);
    assert!(
        done.body.contains("name=\"role:support\" checked"),
        "{}",
        done.body
    );
    assert!(
        done.body.contains("This person is not signed in anywhere."),
        "{}",
        done.body
    );
    ada.get("/auth/me").send().await.expect(401);

    // The form of before was of other roles.
    let stale = send(&mut root, &roles, &fields).await.expect(412);
    assert!(
        stale.body.contains("Somebody changed this meanwhile."),
        "{}",
        stale.body
    );
    assert!(
        stale.body.contains("name=\"role:writer\" checked"),
        "{}",
        stale.body
    );
    let now = version(&stale);
    let unfit = [("version", now.as_str()), ("roles", "ok <script>")];
    let unfit = send(&mut root, &roles, &unfit).await.expect(422);
    assert!(
        unfit.body.contains("A role has letters, digits"),
        "{}",
        unfit.body
    );
    assert!(
        unfit.body.contains("value=\"ok &#60;script&#62;\""),
        "{}",
        unfit.body
    );
    let done = root.get(&format!("{person}?done=everything")).send().await;
    assert!(
        !done.body.contains("notice-good"),
        "the list of acts is closed"
    );
}

#[tokio::test]
async fn a_form_whose_token_is_stale_comes_back_with_the_roles_that_are_there() {
    let (desk, mut root, _) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    let read = version(&root.get(&person).send().await.expect(200));
    let roles = format!("{person}/roles");
    let typed = [
        ("csrf_token", "stale"),
        ("version", read.as_str()),
        ("role:admin", "on"),
        ("roles", "support"),
    ];
    let again = root.post(&roles).form(&typed).send().await.expect(403);
    // Who made the form is not known: what it wishes for is not one press away from being given.
    let shows_what_is_there = |again: &Answer, held: &str| {
        for shown in [
            "did not keep its cookie",
            "name=\"role:admin\">",
            &format!("name=\"role:{held}\" checked"),
        ] {
            assert!(again.body.contains(shown), "{shown}: {}", again.body);
        }
        assert!(!again.body.contains("support"), "{}", again.body);
    };
    shows_what_is_there(&again, "editor");
    assert_eq!(version(&again), read);
    let page = root.get(&person).send().await.expect(200);
    assert!(
        page.body.contains("name=\"role:editor\" checked"),
        "nothing was done"
    );

    // Meanwhile somebody else changes them: what comes back is what they are now.
    let other = [("version", read.as_str()), ("roles", "writer")];
    send(&mut root, &roles, &other).await.expect(303);
    let again = root.post(&roles).form(&typed).send().await.expect(403);
    shows_what_is_there(&again, "writer");
    assert_ne!(version(&again), read);

    // Whoever is no administrator, or nobody, sees nothing of it.
    let nobody = desk.browser().post(&roles).form(&typed).send().await;
    assert!(!nobody.body.contains("support"), "{}", nobody.body);
}

#[tokio::test]
async fn whoever_holds_the_role_finds_the_way_on_the_own_pages_and_nobody_else() {
    let (desk, mut root, mut ada) = desk().await;
    for path in ["/account", "/account/sessions"] {
        for (language, text) in [("en", "People"), ("de", "Personen")] {
            let page = root.get(path).header("accept-language", language);
            let page = page.send().await.expect(200);
            assert_eq!(way(&page, text).as_deref(), Some(PEOPLE), "{}", page.body);
        }
        let page = ada.get(path).send().await.expect(200);
        assert!(!page.body.contains("/auth/console"), "{}", page.body);
    }
    // The database is asked, and not the token of the sign-in.
    desk.run("DELETE FROM user_roles WHERE role = 'admin'")
        .await;
    let page = root.get("/account").send().await.expect(200);
    assert!(!page.body.contains("/auth/console"), "{}", page.body);
}

#[tokio::test]
async fn locks_and_sessions_end_from_the_page() {
    let (desk, mut root, mut ada) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    desk.lock(EMAIL).await;
    let locked = format!("{PEOPLE}?query=&role=&status=locked");
    let list = root.get(&locked).send().await.expect(200);
    assert!(list.body.contains("locked until"), "{}", list.body);
    let page = root.get(&person).send().await.expect(200);
    assert!(page.body.contains("End the lock"), "{}", page.body);
    let led = send(&mut root, &format!("{person}/unlock"), &[])
        .await
        .expect(303);
    let page = root.get(led.header("location")).send().await.expect(200);
    assert!(page.body.contains("The lock has ended."), "{}", page.body);
    assert!(!page.body.contains("End the lock"), "{}", page.body);
    desk.browser().log_in(EMAIL).await;

    let actions: Vec<&str> = page.body.split("action=\"").skip(1).collect();
    let one = actions
        .iter()
        .find(|action| action.contains("/sessions/"))
        .unwrap();
    let one = one.split('"').next().unwrap().to_owned();
    let led = send(&mut root, &one, &[]).await.expect(303);
    assert_eq!(led.header("location"), format!("{person}?done=session"));
    send(&mut root, &one, &[]).await.expect(404);
    let led = send(&mut root, &format!("{person}/sessions"), &[])
        .await
        .expect(303);
    assert_eq!(led.header("location"), format!("{person}?done=sessions"));
    ada.get("/auth/me").send().await.expect(401);
    ada.refresh().await.expect(401);
    let page = root.get(&person).send().await.expect(200);
    assert!(
        page.body.contains("This person is not signed in anywhere."),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn whoever_ends_the_own_session_is_led_to_the_sign_in() {
    let (_desk, mut root, _) = desk().await;
    let own = path_to(&mut root, ROOT).await;
    let page = root.get(&own).send().await.expect(200);
    assert!(page.body.contains("This device"), "{}", page.body);
    let read = version(&page);
    let fields = [("version", read.as_str())];
    let refused = send(&mut root, &format!("{own}/roles"), &fields)
        .await
        .expect(409);
    assert!(
        refused.body.contains("Nobody else administers this site."),
        "{}",
        refused.body
    );
    let led = send(&mut root, &format!("{own}/sessions"), &[])
        .await
        .expect(303);
    assert_eq!(led.header("location"), format!("/login?returnTo={PEOPLE}"));
    assert!(root.is_signed_out());
}
