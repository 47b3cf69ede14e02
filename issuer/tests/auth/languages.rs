//! In which language a page answers, and whose it is.

use std::fs;

use edgeward_issuer::domain::language::Language;

use crate::{
    desk::{Answer, Desk},
    settings::check,
};

fn is_in(answer: &Answer, tag: &str, heading: &str) {
    assert_eq!(answer.header("content-language"), tag);
    for part in [
        format!("<html lang=\"{tag}\" dir=\"ltr\">"),
        format!("<h1>{heading}</h1>"),
    ] {
        assert!(answer.body.contains(&part), "{part}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_page_is_in_the_language_that_the_browser_wants() {
    let desk = Desk::open().await;
    for (wanted, tag, heading) in [
        ("de-AT,de;q=0.9,en;q=0.5", "de", "Anmelden"),
        ("en-GB", "en", "Sign in"),
        ("fr,it", "en", "Sign in"),
        ("", "en", "Sign in"),
    ] {
        let mut browser = desk.browser();
        let ask = browser.get("/login").header("accept-language", wanted);
        is_in(&ask.send().await.expect(200), tag, heading);
    }
}

#[tokio::test]
async fn who_wants_none_of_them_gets_the_configured_one() {
    let desk = Desk::open_with(|config| config.pages.language = Language::German).await;
    let answer = desk.browser().get("/login").send().await.expect(200);
    is_in(&answer, "de", "Anmelden");
}

#[tokio::test]
async fn a_chosen_language_is_remembered_and_wins() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    let page = browser
        .get("/login?returnTo=%2Fapp")
        .header("accept-language", "en")
        .send()
        .await
        .expect(200);
    let way =
        "href=\"/login?returnTo=/app&#38;ui_locales=de\" lang=\"de\" hreflang=\"de\">Deutsch<";
    assert!(page.body.contains(way), "{}", page.body);
    let chosen = browser
        .get("/login?returnTo=%2Fapp&ui_locales=de")
        .header("accept-language", "en")
        .send()
        .await
        .expect(200);
    is_in(&chosen, "de", "Anmelden");
    let later = browser.get("/register").header("accept-language", "en");
    is_in(&later.send().await.expect(200), "de", "Konto anlegen");
}

#[tokio::test]
async fn a_refusal_and_a_form_that_is_shown_again_are_in_it_too() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    let page = browser
        .get("/account/nowhere")
        .header("accept", "text/html")
        .header("accept-language", "de")
        .send()
        .await
        .expect(404);
    is_in(&page, "de", "Das hat nicht geklappt");
    let token = browser.csrf_token().await;
    let again = browser
        .post("/auth/login")
        .header("accept-language", "de")
        .form(&[
            ("csrf_token", &token),
            ("email", "ada@example.com"),
            ("password", "wrong"),
        ])
        .send()
        .await
        .expect(401);
    is_in(&again, "de", "Anmelden");
    for part in [
        "Die E-Mail-Adresse oder das Passwort ist falsch.",
        "<title>Fehler: Anmelden – Edgeward</title>",
        "value=\"ada@example.com\"",
    ] {
        assert!(again.body.contains(part), "{part}: {}", again.body);
    }
    assert!(
        !again.body.contains("ui_locales"),
        "there is no way back to it"
    );
}

#[test]
fn mistakes_of_the_settings_are_told() {
    for (file, complaint) in [
        (
            "[pages]\nlanguage = \"fr\"\n",
            "FILE:2: pages.language: must be en or de",
        ),
        (
            "[pages]\nbrand_name = \"a\\u0007b\"\n",
            "FILE:2: pages.brand_name: must be a name",
        ),
        (
            "[pages]\nlogo = \"absent/logo.svg\"\n",
            "FILE:2: pages.logo: ",
        ),
        (
            "[pages]\nlogo = \"logo.html\"\n",
            "FILE:2: pages.logo: logo.html: must end with .svg, .png or .webp",
        ),
        (
            "[pages]\nstylesheet = \"brand.js\"\n",
            "FILE:2: pages.stylesheet: brand.js: must end with .css",
        ),
    ] {
        check(file, &[], &[complaint]);
    }
}

#[tokio::test]
async fn the_brand_is_the_operators() {
    let folder = crate::folder::Folder::new();
    let (logo, stylesheet) = (
        folder.path().join("logo.svg"),
        folder.path().join("brand.css"),
    );
    fs::write(&logo, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    fs::write(&stylesheet, ":root{--accent:#123456}").unwrap();
    let desk = Desk::open_with(|config| {
        config.pages.brand_name = "Rössle & <Söhne>".to_owned();
        config.pages.logo = Some(logo);
        config.pages.stylesheet = Some(stylesheet);
    })
    .await;
    let page = desk.browser().get("/login").send().await.expect(200);
    assert!(
        page.body
            .contains("<span>Rössle &#38; &#60;Söhne&#62;</span>"),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("brand-mark"),
        "the logo is in its place"
    );
    let mut order = Vec::new();
    for (name, content_type) in [
        ("pages.css", "text/css; charset=utf-8"),
        ("brand.css", "text/css; charset=utf-8"),
        ("logo", "image/svg+xml"),
    ] {
        let (before, rest) = page
            .body
            .split_once(&format!("/auth/assets/{name}?v="))
            .unwrap_or_else(|| panic!("{name}: {}", page.body));
        order.push(before.len());
        let version = rest.split('"').next().unwrap();
        for (query, kept) in [
            (
                format!("?v={version}"),
                "public, max-age=31536000, immutable",
            ),
            ("?v=0".to_owned(), "public, max-age=3600"),
            (String::new(), "public, max-age=3600"),
        ] {
            let path = format!("/auth/assets/{name}{query}");
            let file = desk.browser().get(&path).send().await.expect(200);
            assert_eq!(file.header("content-type"), content_type, "{path}");
            assert_eq!(file.header("cache-control"), kept, "{path}");
            let policy = file.header("content-security-policy");
            assert!(
                policy.starts_with("default-src 'none'"),
                "a picture runs nothing: {policy}"
            );
        }
    }
    assert!(order.is_sorted(), "the brand's style comes last");
    desk.browser()
        .get("/auth/assets/other")
        .send()
        .await
        .expect(404);
}
