//! Which scripts pages run: modules of ours, let in by their digest, on the pages that need them, and nothing on others.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::desk::{Answer, Desk};

/// The modules of a page by the names of their files. Holds that there is no other script on it, and that its policy lets in these
/// and no others.
pub(crate) fn scripts_of(page: &Answer) -> Vec<String> {
    let tags: Vec<&str> = page.body.split("<script").skip(1).collect();
    let modules: Vec<(String, String)> = tags.iter().map(|tag| module(tag)).collect();
    let policy = page.header("content-security-policy");
    let sources = policy
        .split("; ")
        .find_map(|directive| directive.strip_prefix("script-src "));
    let expected: Vec<String> = modules
        .iter()
        .map(|(_, digest)| format!("'{digest}'"))
        .collect();
    assert_eq!(sources.unwrap_or_default(), expected.join(" "), "{policy}");
    modules.into_iter().map(|(name, _)| name).collect()
}

/// The name and the digest in what follows `<script`.
fn module(tag: &str) -> (String, String) {
    let parts = || {
        let rest = tag.strip_prefix(" type=\"module\" src=\"/auth/assets/")?;
        let (name, rest) = rest.split_once("?v=")?;
        let (_, rest) = rest.split_once("\" integrity=\"")?;
        let (digest, rest) = rest.split_once("\"></script>")?;
        // The version is before the digest, and nothing is between the digest and the end.
        (!digest.contains('"') && !rest.is_empty()).then(|| (name.to_owned(), digest.to_owned()))
    };
    parts().unwrap_or_else(|| panic!("a script that is no module of ours: {tag}"))
}

#[tokio::test]
async fn a_page_with_a_form_runs_one_module_and_others_run_none() {
    let (_desk, mut ada) = Desk::with_ada_signed_in().await;
    for (path, expected) in [
        ("/login", &["once.js"][..]),
        ("/register?returnTo=%2Fapp", &["once.js"]),
        ("/account", &[]),
        ("/account/password", &["once.js"]),
        ("/account/sessions", &["sessions.js"]),
        ("/account/sessions/end-all", &["once.js"]),
        ("/account/step-up", &["once.js"]),
        ("/account/sign-out", &["once.js"]),
    ] {
        let page = ada.get(path).send().await.expect(200);
        assert_eq!(scripts_of(&page), expected, "{path}");
        let policy = page.header("content-security-policy");
        // What is asked for besides is asked of us, and only by the module that does.
        let may_ask = policy.contains("; connect-src 'self'");
        assert_eq!(may_ask, expected.contains(&"sessions.js"), "{path}");
        assert!(!policy.contains("unsafe") && !policy.contains("frame-src"));
    }
    let absent = ada.get("/account/nothing").header("accept", "text/html");
    assert!(scripts_of(&absent.send().await.expect(404)).is_empty());
}

#[tokio::test]
async fn the_digest_is_that_of_the_file() {
    let desk = Desk::open().await;
    let mut browser = desk.browser();
    let page = browser.get("/login").send().await.expect(200);
    let (_, rest) = page.body.split_once("src=\"").unwrap();
    let (address, rest) = rest.split_once('"').unwrap();
    let (_, rest) = rest.split_once("integrity=\"sha256-").unwrap();
    let digest = rest.split('"').next().unwrap();
    let file = browser.get(address).send().await.expect(200);
    assert_eq!(
        file.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(
        file.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    let found = Sha256::digest(file.body.as_bytes());
    assert_eq!(digest, Base64::encode_string(&found));
}
