//! An issuer whose tokens are signed in KMS, by keys that its schedule makes there.

use edgeward_issuer::{
    chores,
    config::{Config, Kms, KmsKey, SealerKind, SigningPlace},
    domain::keyring::{
        KeyState, PrivateHalf, StoredKey,
        acts::Acts,
        destroy::{self, Noted},
        life::Pace,
    },
    signatures::SigningAlgorithm,
};
use tokio::task::JoinSet;

use super::{
    is_own_process,
    moto::World,
    script::{KEY, Server, no},
    signs::Account,
};
use crate::{
    asked::{keys, read, readiness, until_ready, verified},
    desk::{Desk, EMAIL},
};

fn config(config: &mut Config, endpoint: &str, key: &str) {
    config.custody.signing = SigningPlace::Kms;
    config.custody.timeout = std::time::Duration::from_secs(20);
    config.tokens.algorithm = SigningAlgorithm::Es256;
    config.custody.kms = Some(Kms {
        key: KmsKey::parse(key).unwrap(),
        other_key: None,
        endpoint: Some(endpoint.to_owned()),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_makes_keys_of_es256_in_moto_and_tokens_are_signed_there() {
    const NAME: &str = "the_schedule_makes_keys_of_es256_in_moto_and_tokens_are_signed_there";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let mut world = World::new().await;
    // Keys of EdDSA are in the database and wait long: moto could make none.
    let (desk, _) = Desk::with_ada().await;
    chores::make_next_key(&desk.app).await;
    let (endpoint, key) = (world.endpoint.clone(), world.key.clone());
    let desk = desk
        .restarted(move |its| {
            config(its, &endpoint, &key);
            its.custody.sealer = SealerKind::Kms;
        })
        .await;
    chores::make_next_key(&desk.app).await;
    let of_es256 = |keys: Vec<StoredKey>| -> Vec<StoredKey> {
        let all = keys.into_iter();
        all.filter(|key| key.algorithm == SigningAlgorithm::Es256)
            .collect()
    };
    let [made] = &of_es256(keys(&desk).await)[..] else {
        panic!("the schedule made one key");
    };
    assert_eq!(made.life.state, KeyState::Published);
    let PrivateHalf::Elsewhere(held) = &made.private else {
        panic!("{made:?} is not in KMS");
    };
    let arn = held.reference.strip_prefix("kms:").unwrap();
    let acts = Acts {
        store: &desk.app.store,
        secrets: &desk.app.secrets,
        algorithm: SigningAlgorithm::Es256,
        now: desk.app.clock.now(),
    };
    acts.rotate(Pace::Forced).await.unwrap();
    read(&desk).await;
    let mut ada = desk.browser();
    ada.log_in(EMAIL).await;
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");
    assert_eq!(until_ready(&desk).await["checks"]["signingKey"], "ok");
    ada.refresh().await.expect(200);
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");

    // A key that has ended is deleted when somebody says so, and none before.
    let due = |keys: &[StoredKey], kid: &str| destroy::due(keys, Some(kid), acts.now).map(|_| ());
    let all = keys(&desk).await;
    assert_eq!(due(&all, &made.life.key_id), Err(destroy::Kept::NotEnded));
    acts.revoke(&made.life.key_id).await.unwrap();
    let all = keys(&desk).await;
    let due = destroy::due(&all, Some(&made.life.key_id), acts.now).unwrap();
    let outcomes = destroy::destroy(&desk.app.store, &desk.app.secrets, &due, acts.now).await;
    let destroyed = outcomes[0].done.as_ref().unwrap();
    assert!(matches!(destroyed.noted, Noted::Now), "{destroyed:?}");
    let described = world.administrator.describe_key().key_id(arn).send().await;
    let metadata = described.unwrap().key_metadata.unwrap();
    assert_eq!(metadata.key_state.unwrap().as_str(), "PendingDeletion");
    assert_eq!(desk.audit().await.last().unwrap()["action"], "key.destroy");

    // The next one was made when this one was revoked. Without KMS nobody is half signed in.
    read(&desk).await;
    ada.refresh().await.expect(200);
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");
    let before = ada.cookie("refresh");
    world.end();
    let answer = ada.refresh().await.expect(503);
    assert_eq!(answer.json()["code"], "SIGNING_UNAVAILABLE");
    assert_eq!(ada.cookie("refresh"), before);
    let ready = readiness(&desk, 503).await;
    assert_eq!(ready["checks"]["signingKey"], "failing");
    assert_eq!(ready["checks"]["database"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_signed_is_signed_in_kms_and_while_it_refuses_nothing_is_lost() {
    const NAME: &str = "all_that_is_signed_is_signed_in_kms_and_while_it_refuses_nothing_is_lost";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let account = Account::default();
    let server = Server::start(account.answers()).await;
    let endpoint = server.address.clone();
    let (desk, mut ada) = Desk::with_ada_and(move |its| config(its, &endpoint, KEY)).await;
    chores::make_next_key(&desk.app).await;
    read(&desk).await;
    let made = keys(&desk).await;
    assert_eq!(made.len(), 4, "the first and the next of each: {made:?}");
    for key in &made {
        let PrivateHalf::Elsewhere(held) = &key.private else {
            panic!("{key:?} is not in KMS");
        };
        let arn = held.reference.strip_prefix("kms:").unwrap().to_owned();
        assert!(account.arns().contains(&arn), "{arn}");
    }
    ada.log_in(EMAIL).await;
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");
    assert_eq!(until_ready(&desk).await["checks"]["signingKey"], "ok");
    let set = ada.get("/.well-known/jwks.json").send().await.expect(200);
    let shown = set.json()["keys"].as_array().unwrap().len();
    assert_eq!(shown, 4);

    server.answers(|_, _| {
        (
            400,
            no(
                "AccessDeniedException",
                "not authorized to perform: kms:Sign",
            ),
        )
    });
    let families = "SELECT count(*) FROM families";
    let before = (ada.cookie("refresh"), desk.number(families).await);
    let answer = ada.refresh().await.expect(503);
    assert_eq!(answer.json()["code"], "SIGNING_UNAVAILABLE");
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
    assert_eq!((ada.cookie("refresh"), desk.number(families).await), before);
    assert_eq!(
        readiness(&desk, 503).await["checks"]["signingKey"],
        "failing"
    );
    // What was signed is verified on, and keys are shown.
    let _ = ada.get("/auth/me").send().await.expect(200);
    read(&desk).await;
    let _ = ada.get("/.well-known/jwks.json").send().await.expect(200);

    server.answers(account.answers());
    let served = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while ada.refresh().await.status != 200 {
            tokio::task::yield_now().await;
        }
    });
    served.await.expect("KMS is asked again");
    assert_eq!(verified(&desk, &ada.cookie("access")), "ES256");

    // The same names, and other keys behind them: no token leaves.
    account.exchange();
    let answer = ada.refresh().await.expect(503);
    assert_eq!(answer.json()["code"], "SIGNING_UNAVAILABLE");
}

/// A signature there costs money and counts towards a quota, and whoever asks proves nothing.
#[tokio::test]
async fn of_many_who_ask_whether_it_is_ready_one_has_something_signed() {
    const NAME: &str = "of_many_who_ask_whether_it_is_ready_one_has_something_signed";
    if !is_own_process(module_path!(), NAME) {
        return;
    }
    let server = Server::start(Account::default().answers()).await;
    let endpoint = server.address.clone();
    let desk = Desk::open_with(move |its| config(its, &endpoint, KEY)).await;
    server.asked();
    // Some hang up as soon as they have asked.
    for _ in 0..5 {
        let mut browser = desk.browser();
        let asks = browser.get("/readyz").send();
        let answer = tokio::time::timeout(std::time::Duration::ZERO, asks).await;
        assert!(answer.is_err(), "nobody was asked");
    }
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let mut browser = desk.browser();
        asking.spawn(async move { browser.get("/readyz").send().await.body });
    }
    let mut answers = asking.join_all().await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let asked = server.asked();
    let signed = asked.iter().filter(|(act, ..)| act == "Sign").count();
    let algorithms = desk.app.config.algorithms().len();
    assert!((1..=algorithms).contains(&signed), "{signed}: {asked:?}");
}
