//! The form of a person's roles where it cannot be saved yet: what was chosen comes back, and nobody but the person saves it.

use std::num::NonZeroU32;

use crate::{
    account::hidden,
    console::{path_to, send, version},
    desk::{Answer, Ask, Desk, EMAIL, PASSWORD},
    root::{desk, desk_with},
    scripts::scripts_of,
};

/// The box and what was typed beside it, as a page has them.
const MARKUP: &str = "editor support &#60;b&#62;";

/// What an administrator has ticked and typed on a person's page.
fn chosen<'a>(csrf_token: &'a str, version: &'a str, typed: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("csrf_token", csrf_token),
        ("version", version),
        ("person", EMAIL),
        ("role:editor", "on"),
        ("roles", typed),
    ]
}

/// The roles stand in the form as they were chosen, as text, and nothing was saved.
fn keeps_the_roles(page: &Answer, person: &str, version: &str, roles: &str) {
    for part in [
        &format!("action=\"{person}/roles\""),
        &format!("href=\"{person}\""),
        &format!("name=\"roles\" type=\"text\" value=\"{roles}\""),
        &format!("name=\"version\" value=\"{version}\""),
        &format!("<bdi>{EMAIL}</bdi>"),
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(scripts_of(page), ["once.js"]);
}

/// Sends what is refused by this status and this code. A page has no code in it, so the numbers tell: this one, and no other.
async fn refused_as(desk: &Desk, ask: Ask<'_>, status: u16, code: &str) -> Answer {
    let refusals = || -> Vec<String> {
        let numbers = desk.app.metrics.text().unwrap();
        let lines = numbers.lines().map(str::to_owned);
        lines
            .filter(|line| line.contains("refusals_total{"))
            .collect()
    };
    let before = refusals();
    let refused = ask.send().await.expect(status);
    let mut new = refusals();
    new.retain(|line| !before.contains(line));
    let [new] = &new[..] else {
        panic!("{code}: {new:?}");
    };
    assert!(new.contains(&format!("{{code=\"{code}\"}}")), "{new}");
    refused
}

#[tokio::test]
async fn roles_that_cannot_be_saved_for_the_moment_are_kept() {
    let few = NonZeroU32::new(8).unwrap();
    let (desk, mut root, _) = desk_with(|config| {
        config.limits.reads_burst = few;
        config.limits.reads_per_minute = NonZeroU32::MIN;
    })
    .await;
    let person = path_to(&mut root, EMAIL).await;
    let read = version(&root.get(&person).send().await.expect(200));
    let token = root.csrf_token().await;
    let roles = format!("{person}/roles");

    desk.run("CREATE TRIGGER broken BEFORE INSERT ON user_roles BEGIN SELECT RAISE(ABORT, 'broken'); END")
        .await;
    let fit = chosen(&token, &read, "support, writer");
    let kept = root.post(&roles).form(&fit).send().await.expect(500);
    assert!(
        kept.body.contains("went wrong on our side"),
        "{}",
        kept.body
    );
    keeps_the_roles(&kept, &person, &read, "editor support writer");

    root.address = Some("192.0.2.1".parse().unwrap());
    while root.get(&person).send().await.status == 200 {}
    for (language, said) in [
        ("en", "Too many attempts came from here. Try again in"),
        ("de", "Versuchen Sie es"),
    ] {
        let ask = root.post(&roles).header("accept-language", language);
        let unfit = chosen(&token, &read, "support, <b>");
        let kept = ask.form(&unfit).send().await.expect(429);
        assert!(kept.body.contains(said), "{}", kept.body);
        assert_ne!(kept.header("retry-after"), "");
        keeps_the_roles(&kept, &person, &read, MARKUP);
    }
    // A stranger's form is not kept, and neither is what is no form of ours.
    for fields in [
        &[
            ("csrf_token", "x"),
            ("version", &read),
            ("roles", "support"),
        ][..],
        &[("csrf_token", &token), ("roles", "support")],
    ] {
        let refused = root.post(&roles).form(fields);
        let refused = refused_as(&desk, refused, 429, "RATE_LIMITED").await;
        assert!(!refused.body.contains("support"), "{}", refused.body);
    }
}

/// Lets every look at a person fail, and nothing before it: whoever asks is known, and their token is judged.
const BLIND: &str =
    "CREATE TRIGGER blind BEFORE INSERT ON audit_log WHEN NEW.entry LIKE '%account.view%'
     BEGIN SELECT RAISE(ABORT, 'broken'); END";

#[tokio::test]
async fn roles_are_kept_where_their_page_cannot_be_shown_and_their_token_was_good() {
    let (desk, mut root, _) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    let read = version(&root.get(&person).send().await.expect(200));
    let token = root.csrf_token().await;
    let roles = format!("{person}/roles");
    desk.run(BLIND).await;
    // What is refused is the role, and its page cannot be shown.
    let unfit = chosen(&token, &read, "support, <b>");
    let kept = root.post(&roles).form(&unfit).send().await.expect(500);
    keeps_the_roles(&kept, &person, &read, MARKUP);
    let forged = chosen("a-stranger's", &read, "support");
    let refused = root.post(&roles).form(&forged).send().await.expect(500);
    for sent in ["support", "role:editor", EMAIL] {
        assert!(!refused.body.contains(sent), "{sent}: {}", refused.body);
    }
}

#[tokio::test]
async fn nothing_is_kept_of_a_form_whose_token_cannot_be_judged() {
    let (desk, mut root, _) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    let read = version(&root.get(&person).send().await.expect(200));
    let token = root.csrf_token().await;
    let roles = format!("{person}/roles");
    // Whose session it is cannot be looked up, and a token is bound to that.
    desk.run("ALTER TABLE browser_sessions RENAME TO away")
        .await;
    for (language, said) in [
        (
            "en",
            "What you sent could not be checked, so nothing was done",
        ),
        ("de", "ließ sich nicht prüfen. Es ist nichts geschehen"),
    ] {
        for token in [token.as_str(), "a-stranger's"] {
            let ask = root.post(&roles).header("accept-language", language);
            let sent = chosen(token, &read, "support");
            let told = ask.form(&sent).send().await.expect(500);
            assert!(told.body.contains(said), "{}", told.body);
            for sent in ["support", "role:editor", EMAIL, token] {
                assert!(!told.body.contains(sent), "{sent}: {}", told.body);
            }
        }
    }
    let program = root.post(&roles).json(&serde_json::json!({}));
    program.send().await.expect_problem(500, "INTERNAL");
    // What could be judged says nothing of the kind.
    desk.run("ALTER TABLE away RENAME TO browser_sessions")
        .await;
    let forged = chosen("a-stranger's", &read, "support");
    let refused = root.post(&roles).form(&forged).send().await.expect(403);
    assert!(!refused.body.contains("could not be checked"));
}

#[tokio::test]
async fn roles_wait_behind_the_question_for_the_password_and_are_saved_by_nobody_but_the_person() {
    let (desk, mut root, mut ada) = desk().await;
    let person = path_to(&mut root, EMAIL).await;
    let read = version(&root.get(&person).send().await.expect(200));
    let roles = format!("{person}/roles");
    // The sign-in is too old, the session is doubted, or its cookie has ended and the access is renewed in the background.
    desk.wait(301).await;
    for state in ["too old", "doubted", "idle"] {
        let mut root = root.clone();
        match state {
            "idle" => root.forget("session"),
            "doubted" => {
                desk.run("UPDATE families SET step_up_demanded_at = 1")
                    .await;
            }
            _ => {}
        }
        let token = root.csrf_token().await;
        let chosen = chosen(&token, &read, "support, <b>");
        let question = root.post(&roles).form(&chosen).send().await.expect(401);
        assert!(question.body.contains("Confirm that it is you"), "{state}");
        let carried = hidden(&question.body);
        let expected = [
            ("returnTo", ""),
            ("resendTo", roles.as_str()),
            ("resend.roles", "editor support &#60;b&#62;"),
            ("resend.version", &read),
            ("resend.person", EMAIL),
        ];
        assert_eq!(carried, expected, "{state}");
    }
    let token = root.csrf_token().await;
    let question = root
        .post(&roles)
        .form(&chosen(&token, &read, "support, <b>"))
        .send()
        .await;
    let question = question.expect(401);
    let mut carried = hidden(&question.body);
    carried.retain(|(name, _)| *name != "resend.roles");
    carried.extend([
        ("resend.roles", "editor support <b>"),
        ("password", PASSWORD),
    ]);
    let offer = send(&mut root, "/auth/step-up", &carried).await.expect(200);
    keeps_the_roles(&offer, &person, &read, MARKUP);
    assert!(
        offer.body.contains("They are not saved yet."),
        "{}",
        offer.body
    );
    ada.get("/auth/me").send().await.expect(200);

    let (_, rest) = offer
        .body
        .split_once("name=\"csrf_token\" value=\"")
        .unwrap();
    let token = rest.split('"').next().unwrap();
    let fields = [
        ("csrf_token", token),
        ("version", read.as_str()),
        ("person", EMAIL),
        ("roles", "editor support"),
    ];
    let led = root.post(&roles).form(&fields).send().await.expect(303);
    assert_eq!(led.header("location"), format!("{person}?done=roles"));
    ada.get("/auth/me").send().await.expect(401);
    // Once more, of roles that are others by now.
    let stale = send(&mut root, &roles, &fields[1..]).await.expect(412);
    assert!(stale.body.contains("Somebody changed this meanwhile."));

    // A form without a good token carries nothing.
    desk.wait(301).await;
    let forged = chosen("a-stranger's", &read, "support");
    let forged = root.post(&roles).form(&forged);
    let forged = refused_as(&desk, forged, 403, "CSRF_INVALID").await;
    assert!(!forged.body.contains("resendTo"), "{}", forged.body);
}
