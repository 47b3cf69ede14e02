//! An access token that a proxy asks about has arrived at a client, as one at an edge has.

use edgeward_issuer::config::Dialect;

use crate::{DIALECTS, Verdicts};

const CONFIRMED: &str = "SELECT count(*) FROM families WHERE confirmed = 1";

impl Verdicts {
    /// Writes down what the verdicts showed, as the serving issuer does behind its answers.
    async fn write(&self) -> u64 {
        let app = &self.desk.app;
        app.arrivals.write(&app.store).await.unwrap()
    }
}

#[tokio::test]
async fn a_token_that_a_proxy_asks_about_shows_that_its_refresh_arrived() {
    for dialect in DIALECTS {
        let mut verdicts = Verdicts::given_in(dialect).await;
        let first = verdicts.cookie();
        assert_eq!(
            verdicts
                .about(dialect, "GET", "/app", &[&first])
                .await
                .status,
            200
        );
        assert_eq!(verdicts.write().await, 0, "it came with the sign-in");
        verdicts.ada.refresh().await.expect(200);
        // Tokens of before say nothing of what came after.
        verdicts.about(dialect, "GET", "/app", &[&first]).await;
        assert_eq!(verdicts.write().await, 0);
        let next = verdicts.cookie();
        let broken = format!("{next}x");
        verdicts.about(dialect, "GET", "/app", &[&broken]).await;
        assert_eq!(verdicts.write().await, 0, "not verified");
        assert_eq!(verdicts.desk.number(CONFIRMED).await, 0);
        verdicts.about(dialect, "GET", "/app", &[&next]).await;
        assert_eq!(verdicts.write().await, 1);
        verdicts.about(dialect, "GET", "/app", &[&next]).await;
        assert_eq!(verdicts.write().await, 0, "known");
        assert_eq!(verdicts.desk.number(CONFIRMED).await, 1);
    }
}

#[tokio::test]
async fn a_refusal_shows_it_too_and_a_late_parent_is_then_a_stolen_one() {
    let mut verdicts = Verdicts::given_in(Dialect::Traefik).await;
    let mut late = verdicts.ada.clone();
    verdicts.ada.refresh().await.expect(200);
    let cookie = verdicts.cookie();
    assert_eq!(verdicts.traefik("/admin", &[&cookie]).await.status, 403);
    assert_eq!(verdicts.write().await, 1);
    verdicts.desk.wait(31).await;
    late.refresh().await.expect_problem(401, "REFRESH_REUSED");
}
