//! Of fifty requests with one token, sent at once to two issuers on one PostgreSQL, exactly one rotates, a thousand times.

use std::collections::BTreeMap;

use reqwest::{Client, StatusCode};
use tokio::task::JoinSet;

use crate::{
    client::{refresh, sign_in},
    site::{Issuer, Kind, Site},
};

/// Simultaneous refreshes of a round.
const AT_ONCE: usize = 50;

/// How often fifty are sent at once, over all families.
const ROUNDS: usize = 1_000;

/// Families whose rounds run beside each other, so that one works while the other waits for the disk.
const FAMILIES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_refreshes_at_two_issuers_one_rotates() {
    let site = Site::new(Kind::Postgres).await;
    let issuers = [site.serve(), site.serve()];
    let mut families = JoinSet::new();
    for _ in 0..FAMILIES {
        let http = Client::new();
        let token = sign_in(&http, &issuers[0].origin)
            .await
            .unwrap()
            .expect(200)
            .refresh_token();
        let origins = issuers
            .iter()
            .map(|issuer: &Issuer| issuer.origin.clone())
            .collect();
        families.spawn(rounds(http, origins, token));
    }
    families.join_all().await;
    let expected = i64::try_from(ROUNDS).unwrap();
    for query in [
        "SELECT CAST(sum(seq) AS bigint) FROM families",
        "SELECT count(*) FROM audit_log WHERE action = 'session.refresh'",
    ] {
        assert_eq!(
            site.numbers(query).await,
            [expected],
            "exactly one rotation each: {query}"
        );
    }
}

/// The rounds of one family, one after the other.
async fn rounds(http: Client, origins: Vec<String>, mut token: String) {
    for round in 1..=ROUNDS / FAMILIES {
        let mut running = JoinSet::new();
        for index in 0..AT_ONCE {
            let (http, token) = (http.clone(), token.clone());
            let origin = origins[index % origins.len()].clone();
            running.spawn(async move { refresh(&http, &origin, &token).await.unwrap() });
        }
        let mut successors: BTreeMap<String, usize> = BTreeMap::new();
        for answer in running.join_all().await {
            match answer.status {
                StatusCode::OK => *successors.entry(answer.refresh_token()).or_default() += 1,
                StatusCode::CONFLICT => {}
                _ => panic!("round {round}: {answer:?}"),
            }
        }
        assert_eq!(successors.len(), 1, "round {round}");
        token = successors.into_keys().next().unwrap();
    }
}
