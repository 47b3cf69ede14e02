//! Fills a new data folder with people who are signed in, for `cargo xtask bench issuer`: rows as the store writes them, but
//! many in one transaction and not synced, which no request may do.
//!
//! `cargo run --release -p edgeward-issuer --example fill -- DATA PEOPLE SAMPLE OUT`. Of SAMPLE people, spread over all, OUT
//! gets the files `refresh` and `sessions` (their secrets, a line each) and `emails`; everybody's password is [`PASSWORD`]. The
//! last line of the output is the time of one hash at the configured cost, in milliseconds, measured when nothing else is done.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails says so by panicking"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Instant,
};

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    App,
    clock::Clock,
    config::Config,
    custody::{MacKey, Secrets},
    domain::{
        accounts::UserId,
        audit::{Action, Actor, AuditEntry, EntryHash, Origin, entry_hash},
        moment::Moment,
        password::{Password, PasswordHasher},
        refresh::RefreshToken,
        session::{Device, SessionSecret, Sid, WEB_CLIENT, random},
    },
};
use sqlx::{
    ConnectOptions, Connection, QueryBuilder, Row, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// The password of everybody.
const PASSWORD: &str = "correct horse battery staple";

/// So many rows in a statement.
const TOGETHER: usize = 100;

/// So many statements for each table in a transaction. Half of the indices are hit at random, so each commit writes most of
/// their pages again.
const STATEMENTS: usize = 5_000;

/// The sign-ins were spread over so many seconds before now: less than the idle life of a refresh token.
const SPREAD: i64 = 10 * 24 * 3600;

/// As a browser sends it; the load sends the same.
const USER_AGENT: &str = "bench";

/// How many hashes are timed.
const HASHES: usize = 20;

struct Person {
    id: UserId,
    email: String,
    at: UnixTime,
    sid: Sid,
    refresh: RefreshToken,
    session: SessionSecret,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let data = PathBuf::from(&arguments[0]);
    let people: usize = arguments[1].parse().unwrap();
    let sample: usize = arguments[2].parse().unwrap();
    let out = PathBuf::from(&arguments[3]);
    let config = Config::defaults(&data);
    let file = data.join("edgeward.db");
    let app = App::open(config.clone()).await.unwrap();
    app.store.close().await;
    let hasher = PasswordHasher::new(&config.passwords).unwrap();
    let hash = hasher.hash(Password::from_typed(PASSWORD)).await.unwrap();
    let secrets = Secrets::load_or_create(&config.secrets_folder(), config.environment).unwrap();
    // The issuer takes it in on its first start, as the first generation.
    let mac = MacKey::from_bytes(**secrets.of_folder().refresh_mac);

    let mut db = open(&file).await;
    let mut end = last_entry(&mut db).await;
    let now = Clock.now();
    let every = (people / sample.max(1)).max(1);
    let mut kept = [String::new(), String::new(), String::new()];
    let mut number = 0;
    while number < people {
        let mut tx = db.begin().await.unwrap();
        for _ in 0..STATEMENTS {
            let size = TOGETHER.min(people - number);
            if size == 0 {
                break;
            }
            let group: Vec<Person> = (number..number + size)
                .map(|number| person(&mac, now, number, people))
                .collect();
            insert(&mut tx, &group, hash.as_phc(), now, &mut end).await;
            for (place, person) in group.iter().enumerate() {
                if (number + place).is_multiple_of(every) {
                    let texts = [
                        person.refresh.reveal(),
                        person.session.reveal(),
                        &person.email,
                    ];
                    for (kept, text) in kept.iter_mut().zip(texts) {
                        kept.push_str(text);
                        kept.push('\n');
                    }
                }
            }
            number += size;
        }
        tx.commit().await.unwrap();
    }
    db.close().await.unwrap();
    for (name, text) in ["refresh", "sessions", "emails"].iter().zip(kept) {
        fs::write(out.join(name), text).unwrap();
    }
    println!("{:.3}", milliseconds_of_a_hash(&hasher).await);
}

/// The median of some, one after the other.
async fn milliseconds_of_a_hash(hasher: &PasswordHasher) -> f64 {
    let mut taken = Vec::new();
    for _ in 0..HASHES {
        let started = Instant::now();
        let _ = hasher.hash(Password::from_typed(PASSWORD)).await.unwrap();
        taken.push(started.elapsed());
    }
    taken.sort_unstable();
    taken[HASHES / 2].as_secs_f64() * 1000.0
}

async fn open(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(false)
        // Nothing is to be undone here; the issuer puts the log back when it opens the file.
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-2000000")
        .connect()
        .await
        .unwrap()
}

async fn last_entry(db: &mut SqliteConnection) -> (u64, EntryHash) {
    let row = sqlx::query("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1")
        .fetch_one(db)
        .await
        .unwrap();
    let hash: Vec<u8> = row.get("hash");
    let seq: i64 = row.get("seq");
    (seq.unsigned_abs(), hash.try_into().unwrap())
}

fn person(mac: &MacKey, now: UnixTime, number: usize, people: usize) -> Person {
    let share = i64::try_from(number).unwrap() * SPREAD / i64::try_from(people).unwrap();
    let at = now.plus(share - SPREAD);
    let sid = Sid::from_random(at, random().unwrap());
    Person {
        id: UserId::from_random(at, random().unwrap()),
        email: format!("person{number}@example.test"),
        at,
        sid,
        refresh: RefreshToken::make(mac, sid, 0, random().unwrap()),
        session: SessionSecret::from_random(random().unwrap()),
    }
}

async fn insert(
    db: &mut SqliteConnection,
    group: &[Person],
    hash: &str,
    now: UnixTime,
    end: &mut (u64, EntryHash),
) {
    let config = Config::defaults(Path::new("unused"));
    let device = Device::of_request(USER_AGENT, None, [127, 0, 0, 1].into());
    let mut users = QueryBuilder::<Sqlite>::new(
        "INSERT INTO users (id, email, first_name, last_name, password_hash, created_at, updated_at) ",
    );
    users.push_values(group, |mut row, person| {
        row.push_bind(person.id.to_string())
            .push_bind(&person.email)
            .push_bind("Ada")
            .push_bind("Lovelace")
            .push_bind(hash)
            .push_bind(person.at.seconds())
            .push_bind(person.at.seconds());
    });
    users.build().execute(&mut *db).await.unwrap();

    let mut families = QueryBuilder::<Sqlite>::new(
        "INSERT INTO families (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
             absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, address_range, created_at,
             last_used_at) ",
    );
    families.push_values(group, |mut row, person| {
        let at = person.at.seconds();
        row.push_bind(person.sid.to_string())
            .push_bind(person.id.to_string())
            .push_bind(WEB_CLIENT)
            .push_bind(0)
            .push_bind(person.refresh.digest().as_bytes().to_vec())
            .push_bind(Moment::from_time(person.at).millis())
            .push_bind(0)
            .push_bind(at + config.tokens.refresh_idle_seconds)
            .push_bind(at + config.tokens.refresh_absolute_seconds)
            .push_bind(at)
            .push_bind("pwd")
            .push_bind("aal1")
            .push_bind(device.mark.program.as_bytes().to_vec())
            .push_bind(&device.name)
            .push_bind(&device.user_agent)
            .push_bind(device.address.as_str())
            .push_bind(at)
            .push_bind(at);
    });
    families.build().execute(&mut *db).await.unwrap();

    let mut sessions = QueryBuilder::<Sqlite>::new(
        "INSERT INTO browser_sessions (digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at) ",
    );
    sessions.push_values(group, |mut row, person| {
        row.push_bind(person.session.digest().as_bytes().to_vec())
            .push_bind(person.sid.to_string())
            .push_bind(now.seconds())
            .push_bind(now.seconds())
            .push_bind(now.seconds() + config.tokens.session_idle_seconds)
            .push_bind(now.seconds() + config.tokens.session_absolute_seconds);
    });
    sessions.build().execute(&mut *db).await.unwrap();

    let mut entries = Vec::with_capacity(group.len());
    for person in group {
        let actor = Actor::User(person.id);
        let entry = AuditEntry::done(Action::SignIn, actor, person.at, &Origin::default())
            .about("user", person.id)
            .in_session(person.sid)
            .canonical()
            .unwrap();
        let (seq, previous) = (end.0 + 1, end.1);
        *end = (seq, entry_hash(seq, &previous, &entry));
        entries.push((seq, entry, previous, end.1));
    }
    let mut log =
        QueryBuilder::<Sqlite>::new("INSERT INTO audit_log (seq, entry, previous_hash, hash) ");
    log.push_values(entries, |mut row, (seq, entry, previous, hash)| {
        row.push_bind(i64::try_from(seq).unwrap())
            .push_bind(entry)
            .push_bind(previous.to_vec())
            .push_bind(hash.to_vec());
    });
    log.build().execute(db).await.unwrap();
}
