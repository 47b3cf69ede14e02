//! Which stored hashes sign in, and what becomes of them.

use serde_json::json;

use crate::desk::{Desk, EMAIL, PASSWORD};

#[tokio::test]
async fn a_password_hash_of_another_cost_is_renewed_at_sign_in() {
    let (desk, mut browser) = Desk::with_ada().await;
    let mut dearer = desk.app.config.clone();
    dearer.passwords.argon2.iterations = 2;
    let hasher = edgeward_issuer::domain::password::PasswordHasher::new(&dearer.passwords).unwrap();
    let phc = hasher
        .hash(edgeward_issuer::domain::password::Password::from_typed(
            PASSWORD,
        ))
        .await
        .unwrap();
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(phc.as_phc())
        .execute(&mut desk.sql().await)
        .await
        .unwrap();
    browser.log_in(EMAIL).await;
    let renewed = desk
        .number("SELECT count(*) FROM users WHERE password_hash LIKE '%m=8,t=1,p=1%'")
        .await;
    assert_eq!(renewed, 1);
    browser.log_in(EMAIL).await;
}

#[tokio::test]
async fn hashes_of_other_systems_sign_in_once_and_are_replaced() {
    let bcrypt = bcrypt::hash(PASSWORD, 4).unwrap();
    // Python: hashlib.pbkdf2_hmac("sha256", b"Correct-Horse-7", b"saltsaltsaltsalt", 1000).
    let pbkdf2 = "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo";
    for legacy in [bcrypt.as_str(), pbkdf2] {
        let (desk, mut browser) = Desk::with_ada().await;
        sqlx::query("UPDATE users SET password_hash = $1")
            .bind(legacy)
            .execute(&mut desk.sql().await)
            .await
            .unwrap();
        let wrong = json!({ "email": EMAIL, "password": "Wrong-Horse-7" });
        let answer = browser.post("/auth/login").json(&wrong).send().await;
        answer.expect_problem(401, "INVALID_CREDENTIALS");
        let kept = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'";
        assert_eq!(desk.number(kept).await, 0);
        browser.log_in(EMAIL).await;
        assert_eq!(desk.number(kept).await, 1);
        browser.log_in(EMAIL).await;
    }
}

#[tokio::test]
async fn an_old_password_that_no_policy_would_take_today_signs_in() {
    let desk = Desk::open_with(|config| {
        config.passwords.min_length = 40;
        config.passwords.refuse_frequent = true;
    })
    .await;
    desk.add_grandfathered(EMAIL).await;
    desk.browser().log_in(EMAIL).await;
}
