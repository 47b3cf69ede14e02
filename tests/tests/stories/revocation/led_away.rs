//! The edge takes a session for good and the issuer does not. Whoever opens a page of the issuer's then gets to the sign-in page, and is
//! not sent to and fro between the two.

use std::fs;
use std::path::Path;

use edgeward_tests::{Answer, Person, World, minutes};

/// Fewer than any browser follows.
const MOST_REDIRECTS: usize = 5;

const PAGES: [&str; 6] = [
    "/account",
    "/account/sessions",
    "/account/password",
    "/auth/console/users",
    "/account/step-up?returnTo=%2Fapp",
    "/login?returnTo=%2Faccount",
];

/// What a person sees in the end who opens this page.
async fn sees(person: &Person, page: &str) -> Answer {
    let mut place = page.to_owned();
    let mut way = Vec::new();
    while way.len() <= MOST_REDIRECTS {
        let answer = person.navigate(&place).send().await;
        let Some(next) = answer.header("location") else {
            return answer;
        };
        way.push(std::mem::replace(&mut place, next.to_owned()));
    }
    panic!("{page} leads in a circle: {way:?}");
}

/// With the token as it was before, each page leads to the form.
async fn is_asked_to_sign_in(world: &World, person: &Person, token: &str) {
    for page in PAGES {
        let cookie = format!("edgeward-access={token}; Path=/; HttpOnly");
        person.jar().receive(&cookie, false, world.now());
        // The edge knows of nothing.
        let _ = person.get("/auth/verify-token").send().await.expect(204);
        let seen = sees(person, page).await.expect(200);
        assert!(
            seen.body.contains("action=\"/auth/login\""),
            "{page}: {}",
            seen.body
        );
        assert_eq!(person.cookie("access"), None, "{page}");
    }
}

#[tokio::test]
async fn a_page_of_a_session_that_ended_this_moment_leads_to_the_sign_in() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let elsewhere = ada.at(world.browser());
    elsewhere.log_in().await;
    let token = elsewhere.access_token();
    let _ = elsewhere.get("/api/echo").send().await.expect(200);
    let all = ada.post("/auth/logout-all").with_csrf().send().await;
    let _ = all.expect(204);
    // No time passes, so the edge has no reason to ask for the feed.
    is_asked_to_sign_in(&world, &elsewhere, &token).await;
    let credentials =
        serde_json::json!({ "email": elsewhere.email, "password": elsewhere.password });
    let again = elsewhere.post("/auth/login").with_csrf();
    let _ = again.json(&credentials).send().await.expect(200);
    let account = sees(&elsewhere, "/account").await.expect(200);
    assert!(account.body.contains(&ada.email), "{}", account.body);
}

/// Half an hour without use, and the issuer's own pages want the password, while the refresh cookie lives on.
#[tokio::test]
async fn the_form_is_shown_to_whom_a_refresh_would_sign_in_and_nobody_goes_in_a_circle() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    ada.log_in().await;
    let refreshes = || {
        let lines = world.to_issuer().lines();
        let asked = lines.iter().filter(|line| *line == "POST /auth/refresh");
        asked.count()
    };
    world.wait(minutes(31));
    for page in PAGES.into_iter().chain(["/login", "/register"]) {
        let seen = sees(&ada, page).await.expect(200);
        let form = match page {
            "/register" => "action=\"/auth/register\"",
            _ => "action=\"/auth/login\"",
        };
        assert!(seen.body.contains(form), "{page}");
    }
    assert_eq!(refreshes(), 0);
    // For the app they are signed in all the time.
    let _ = ada.navigate("/app").send().await.expect(200);
    assert_eq!(refreshes(), 1);
    let _ = ada.navigate("/login").send().await.expect_redirect("/app");
    // With the new token the edge leads away from the form, and the issuer asks for the password only.
    let list = "/login?returnTo=%2Faccount%2Fsessions";
    let seen = sees(&ada, list).await.expect(200);
    assert!(
        seen.body.contains("action=\"/auth/step-up\""),
        "{}",
        seen.body
    );
    assert_eq!(refreshes(), 1);
}

#[tokio::test]
async fn a_page_of_a_session_that_a_database_put_back_does_not_have_leads_to_the_sign_in() {
    let mut world = World::start().await;
    let ada = world.user("ada").await;
    let folder = world.stack.issuer.log().with_file_name("");
    let (data, copy) = (folder.join("data"), folder.join("copy"));
    world.stack.issuer.stop();
    copied(&data, &copy);
    world.stack.issuer.start().expect("the issuer starts again");
    ada.log_in().await;
    let token = ada.access_token();
    world.stack.issuer.stop();
    fs::remove_dir_all(&data).expect("the data goes");
    copied(&copy, &data);
    world.stack.issuer.start().expect("the older data is good");
    // No feed tells of a session that nobody remembers, so the edge believes the token to its end.
    world.wait(60);
    is_asked_to_sign_in(&world, &ada, &token).await;
}

/// A folder with what is in it, as an operator keeps a copy.
fn copied(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copied(&path, &place);
        } else {
            fs::copy(&path, &place).expect("a file");
        }
    }
    let rights = fs::metadata(from).expect("a folder").permissions();
    fs::set_permissions(to, rights).expect("the same rights");
}
