//! Verdicts on the issuer's own tokens of other algorithms than EdDSA.

use edgeward_core::token::ParsedToken;
use edgeward_issuer::{config::Dialect, signatures::SigningAlgorithm};

use crate::{FROM_HERE, Verdicts};

#[tokio::test]
async fn a_token_of_any_algorithm_gets_its_verdict() {
    for algorithm in SigningAlgorithm::ALL {
        let verdicts = Verdicts::given(Dialect::Traefik, FROM_HERE, algorithm).await;
        let token = verdicts.ada.cookie("access");
        let parsed = ParsedToken::parse(&token).unwrap();
        assert_eq!(parsed.algorithm(), algorithm.name());
        let cookie = verdicts.cookie();
        let told = verdicts.traefik("/app", &[&cookie]).await;
        assert_eq!(told.status, 200, "{algorithm}");
        assert_eq!(told.header("edgeward-roles"), Some("editor"));
        let mangled = format!("{}AAAA", &cookie[..cookie.len() - 4]);
        let told = verdicts.traefik("/app", &[&mangled]).await;
        assert_eq!(told.status, 401, "{algorithm}");
    }
}
