//! How many rotations a second a store takes, each durable and with its audit entry: no HTTP, no hashing, no tokens.
//!
//! `cargo run --release -p edgeward-issuer --example rotations -- FILE|URL [CLIENTS] [SECONDS]`. Each client has a family
//! of its own and rotates it again as soon as it was answered.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that fails says so by panicking"
)]

use std::{
    env,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    config::ServerUrl,
    custody::Sealed,
    domain::{
        accounts::{Account, Email, NewAccount, PersonName, UserId},
        audit::{Action, Actor, AuditEntry, Origin},
        moment::Moment,
        refresh::Rotation,
        session::{Device, Digest, NewSignIn, Sid, WEB_CLIENT, random},
        storage::{Entered, PasswordHash, Storage},
    },
    store::Store,
};

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let place = arguments.next().unwrap();
    let clients: usize = arguments.next().map_or(32, |text| text.parse().unwrap());
    let seconds: u64 = arguments.next().map_or(5, |text| text.parse().unwrap());
    let store = match ServerUrl::parse(&place) {
        Ok(url) => Store::connect(&url, 64).await.unwrap(),
        Err(_) => Store::open(Path::new(&place)).await.unwrap(),
    };
    store.migrate_up().await.unwrap();
    let store = Arc::new(store);
    let user = add_user(&store).await;
    let mut families = Vec::new();
    for _ in 0..clients {
        families.push(sign_in(&store, user).await);
    }
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let running = families.into_iter().map(|family| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { rotate(&store, family, until).await })
    });
    let mut waits = Vec::new();
    for client in running.collect::<Vec<_>>() {
        waits.extend(client.await.unwrap());
    }
    let taken = started.elapsed().as_secs_f64();
    waits.sort_unstable();
    let at = |share: usize| {
        waits
            .get((waits.len() - 1) * share / 100)
            .unwrap()
            .as_secs_f64()
            * 1000.0
    };
    println!(
        "{clients} clients: {:.0} rotations/s, p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        waits.len() as f64 / taken,
        at(50),
        at(95),
        at(99),
    );
    store.close().await;
}

fn entry(action: Action) -> AuditEntry {
    AuditEntry::done(action, Actor::Issuer, NOW, &Origin::default())
}

async fn add_user(store: &Store) -> UserId {
    let id = UserId::from_random(NOW, random().unwrap());
    let account = NewAccount {
        account: Account {
            id,
            email: Email::parse(&format!("{id}@example.test")).unwrap(),
            first_name: PersonName::parse("firstName", "Ada").unwrap(),
            last_name: PersonName::parse("lastName", "Lovelace").unwrap(),
            roles: Vec::new(),
        },
        password_hash: PasswordHash::from_phc(String::new()),
        now: NOW,
    };
    let noted = entry(Action::Register);
    let _ = store.create_account(&account, &noted).await.unwrap();
    id
}

async fn sign_in(store: &Store, user: UserId) -> NewSignIn {
    let sign_in = NewSignIn {
        sid: Sid::from_random(NOW, random().unwrap()),
        user,
        client: WEB_CLIENT,
        refresh: Digest::from_bytes(random().unwrap()),
        session: None,
        now: NOW,
        idle_expires_at: NOW.plus(1_000),
        absolute_expires_at: NOW.plus(5_000),
        session_idle_expires_at: NOW.plus(100),
        session_absolute_expires_at: NOW.plus(500),
        amr: vec!["pwd".to_owned()],
        acr: "aal1".to_owned(),
        device: Device::of_request("Firefox/140.0", None, [203, 0, 113, 7].into()),
        replaces: Vec::new(),
        makes_room: entry(Action::ReplaceSession),
    };
    let noted = entry(Action::SignIn);
    let entered = store.sign_in(&sign_in, None, None, &noted).await;
    assert_eq!(entered.unwrap(), Entered::Done);
    sign_in
}

/// Rotates one family until the end, and says how long each rotation took.
async fn rotate(store: &Store, family: NewSignIn, until: Instant) -> Vec<Duration> {
    let (mut current, mut waits) = (family.refresh, Vec::new());
    while Instant::now() < until {
        let rotation = Rotation {
            sid: family.sid,
            seq: waits.len() as u64,
            current,
            next: Digest::from_bytes(random().unwrap()),
            // About as long as a sealed refresh token.
            sealed_next: Sealed::from_bytes(vec![1; 172]),
            at: Moment::from_time(NOW.plus(10)),
            idle_expires_at: NOW.plus(1_010),
            device: family.device.mark,
            address: family.device.address.clone(),
            demands_step_up: false,
        };
        let asked = Instant::now();
        let noted = entry(Action::Refresh).in_session(family.sid);
        assert!(store.rotate(&rotation, &noted).await.unwrap());
        waits.push(asked.elapsed());
        current = rotation.next;
    }
    waits
}
