//! One empty database of a case, the store upon it, and what the cases put into it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use edgeward_core::time::UnixTime;
use edgeward_issuer::{
    config::{self, ServerUrl},
    custody::Sealed,
    domain::{
        accounts::{Account, Email, NewAccount, PersonName, Role, UserId},
        audit::{Action, Actor, AuditEntry, Origin},
        moment::Moment,
        refresh::Rotation,
        session::{Device, Digest, NewSignIn, Sid, WEB_CLIENT},
        storage::{Creation, Entered, PasswordHash, Storage},
    },
    store::{Store, audit::ChainVerdict, redis::Link},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tokio::time::timeout;

use crate::{
    folder::Folder,
    postgres::{Database, server},
    program::NEVER,
    redis_server,
};

/// The moment at which the cases begin.
pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

/// Enough that fifty writers at once also wait for a connection.
const CONNECTIONS: u32 = 16;

/// So many rounds of waiting for others are a minute, which no attempt waits in vain, however slow the disk is.
pub(crate) const ROUNDS: u32 = 240;

pub(crate) struct World {
    pub(crate) store: Store,
    kind: Kind,
    redis: Option<config::Redis>,
}

enum Kind {
    Lite(Folder),
    Pg(Database),
}

/// A connection past the store, as somebody with the file or the address has it.
pub(crate) enum Raw {
    Lite(SqliteConnection),
    Pg(PgConnection),
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let world = Self::bare(Kind::Lite(Folder::new())).await;
        world.store.migrate_up().await.unwrap();
        world
    }

    pub(crate) async fn postgres() -> Self {
        let world = Self::bare(Kind::Pg(server().database().await)).await;
        world.store.migrate_up().await.unwrap();
        world
    }

    /// The same with a Redis beside the database.
    pub(crate) fn and_redis(mut self) -> Self {
        self.redis = Some(redis_server::server().site());
        self
    }

    async fn bare(kind: Kind) -> Self {
        let store = kind.open().await;
        Self {
            store,
            kind,
            redis: None,
        }
    }

    /// What a process with this store shares with others.
    pub(crate) async fn link(&self, store: &Store) -> Option<Link> {
        let link = Link::open(self.redis.as_ref()?, store.news())
            .await
            .unwrap();
        let opened = timeout(NEVER, async {
            while !link.as_ref().unwrap().is_open() {
                tokio::task::yield_now().await;
            }
        });
        opened.await.expect("it is asked");
        link
    }

    /// Lets time pass for what Redis counts.
    pub(crate) async fn age_counts(&self, time: Duration) {
        const AGE: &str = r"
            local seconds = tonumber(ARGV[1])
            for _, key in ipairs(redis.call('KEYS', KEYS[1] .. ':*')) do
                local left = redis.call('TTL', key) - seconds
                if redis.call('TYPE', key).ok == 'hash' then
                    redis.call('HINCRBY', key, 'began', -seconds)
                    redis.call('HINCRBY', key, 'free', -seconds)
                elseif tonumber(redis.call('GET', key)) then
                    redis.call('DECRBY', key, seconds * 1000000)
                end
                if left > 0 then redis.call('EXPIRE', key, left) else redis.call('DEL', key) end
            end";
        let Some(site) = &self.redis else { return };
        let mut raw = redis_server::server().raw().await;
        let script = redis::Script::new(AGE);
        let mut call = script.key(&site.prefix);
        call.arg(time.as_secs());
        let _: () = call.invoke_async(&mut raw).await.unwrap();
    }

    /// The store as another process has it.
    pub(crate) async fn another(&self) -> Store {
        self.kind.open().await
    }

    /// A folder for what is in no database.
    pub(crate) fn folder() -> Folder {
        Folder::new()
    }

    pub(crate) async fn raw(&self) -> Raw {
        match &self.kind {
            Kind::Lite(folder) => {
                let options = SqliteConnectOptions::new().filename(file(folder));
                Raw::Lite(options.connect().await.unwrap())
            }
            Kind::Pg(database) => Raw::Pg(database.sql().await),
        }
    }

    /// Runs statements past the store.
    pub(crate) async fn run(&self, statements: &str) -> Result<(), String> {
        self.raw().await.run(statements).await
    }

    /// Lets the database refuse every entry whose text has the word "refuse-me": a failure in the midst of an act.
    pub(crate) async fn refuse_marked_entries(&self) {
        let trigger = match &self.kind {
            Kind::Lite(_) => {
                "CREATE TRIGGER refuses BEFORE INSERT ON audit_log WHEN NEW.entry LIKE '%refuse-me%'
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            Kind::Pg(_) => {
                "CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$
                     BEGIN RAISE EXCEPTION 'refused'; END $$;
                 CREATE TRIGGER refuses BEFORE INSERT ON audit_log FOR EACH ROW WHEN (NEW.entry LIKE '%refuse-me%')
                     EXECUTE FUNCTION refuses()"
            }
        };
        self.run(trigger).await.unwrap();
    }

    /// Thirty-two times the same byte, as each database writes it.
    pub(crate) fn bytes(&self, byte: u8) -> String {
        let hex = format!("{byte:02x}").repeat(32);
        match &self.kind {
            Kind::Lite(_) => format!("x'{hex}'"),
            Kind::Pg(_) => format!("'\\x{hex}'::bytea"),
        }
    }

    /// The one number that a query past the store gives.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        match self.raw().await {
            Raw::Lite(mut sql) => sqlx::query_scalar(query).fetch_one(&mut sql).await,
            Raw::Pg(mut sql) => sqlx::query_scalar(query).fetch_one(&mut sql).await,
        }
        .unwrap()
    }

    /// How many rows a table has.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// How many rows each table of ours has, whichever schema this is.
    pub(crate) async fn counted(&self) -> Vec<(String, i64)> {
        let tables = match &self.kind {
            Kind::Lite(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                 AND name <> '_sqlx_migrations' ORDER BY name"
            }
            Kind::Pg(_) => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
                 AND tablename <> '_sqlx_migrations' ORDER BY tablename"
            }
        };
        let names: Result<Vec<String>, _> = match self.raw().await {
            Raw::Lite(mut sql) => sqlx::query_scalar(tables).fetch_all(&mut sql).await,
            Raw::Pg(mut sql) => sqlx::query_scalar(tables).fetch_all(&mut sql).await,
        };
        let mut counted = Vec::new();
        for name in names.unwrap() {
            let rows = self.rows(&name).await;
            counted.push((name, rows));
        }
        counted
    }

    /// Whether the database counts how often an index is read; where it does, that of the types of events has been.
    pub(crate) async fn reads_by_type_are_counted(&self) -> bool {
        let read = "SET enable_seqscan = off;
            SELECT count(*) FROM security_events WHERE type = 'account.locked' AND at > 0;
            SELECT pg_stat_force_next_flush()";
        match &self.kind {
            Kind::Lite(_) => false,
            Kind::Pg(_) => {
                self.run(read).await.unwrap();
                true
            }
        }
    }

    /// Walks the log, which must be whole, and says how long it is.
    pub(crate) async fn entries(&self) -> u64 {
        match self.store.verify_audit_chain().await.unwrap() {
            ChainVerdict::Whole(walk) => walk.entries(),
            ChainVerdict::Broken(broken) => panic!("the chain is broken: {broken:?}"),
        }
    }

    /// An account that exists.
    pub(crate) async fn with_account(&self, email: &str) -> UserId {
        let account = new_account(email);
        let noted = entry(Action::Register);
        let made = self.store.create_account(&account, &noted).await.unwrap();
        assert_eq!(made, Creation::Created);
        account.account.id
    }

    /// A sign-in that has happened.
    pub(crate) async fn with_sign_in(&self, user: UserId) -> NewSignIn {
        let sign_in = new_sign_in(user);
        let noted = entry(Action::SignIn);
        let done = self.store.sign_in(&sign_in, None, None, &noted).await;
        assert_eq!(done.unwrap(), Entered::Done);
        sign_in
    }
}

impl Kind {
    async fn open(&self) -> Store {
        match self {
            Self::Lite(folder) => Store::open(&file(folder)).await.unwrap(),
            Self::Pg(database) => connect(&database.url()).await,
        }
    }
}

async fn connect(url: &ServerUrl) -> Store {
    Store::connect(url, CONNECTIONS).await.unwrap()
}

fn file(folder: &Folder) -> PathBuf {
    folder.path().join("edgeward.db")
}

impl Raw {
    pub(crate) async fn run(&mut self, statements: &str) -> Result<(), String> {
        let statements = AssertSqlSafe(statements.to_owned());
        let ran = match self {
            Self::Lite(sql) => sqlx::raw_sql(statements).execute(sql).await.map(drop),
            Self::Pg(sql) => sqlx::raw_sql(statements).execute(sql).await.map(drop),
        };
        ran.map_err(|error| error.to_string())
    }

    /// Begins a transaction that sees the log as it is now, whatever others write.
    pub(crate) async fn begin_and_look(&mut self) {
        let begin = match self {
            Self::Lite(_) => "BEGIN",
            Self::Pg(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        };
        let look = format!("{begin}; SELECT count(*) FROM audit_log");
        self.run(&look).await.unwrap();
    }
}

/// Different each time.
pub(crate) fn unlike<const N: usize>() -> [u8; N] {
    static LAST: AtomicU8 = AtomicU8::new(0);
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes[0] = LAST.fetch_add(1, Ordering::Relaxed);
    bytes
}

pub(crate) fn digest() -> Digest {
    Digest::from_bytes(unlike())
}

pub(crate) fn entry(action: Action) -> AuditEntry {
    AuditEntry::done(action, Actor::Operator, NOW, &Origin::default())
}

pub(crate) fn new_account(email: &str) -> NewAccount {
    NewAccount {
        account: Account {
            id: UserId::from_random(NOW, unlike()),
            email: Email::parse(email).unwrap(),
            first_name: PersonName::parse("firstName", "Zoë").unwrap(),
            last_name: PersonName::parse("lastName", "Ångström-山田").unwrap(),
            roles: ["editor", "admin"]
                .map(|role| Role::parse(role).unwrap())
                .to_vec(),
        },
        password_hash: PasswordHash::from_phc("$argon2id$made$elsewhere".to_owned()),
        now: NOW,
    }
}

pub(crate) fn new_sign_in(user: UserId) -> NewSignIn {
    NewSignIn {
        sid: Sid::from_random(NOW, unlike()),
        user,
        client: WEB_CLIENT,
        refresh: digest(),
        session: Some(digest()),
        now: NOW,
        idle_expires_at: NOW.plus(1_000),
        absolute_expires_at: NOW.plus(5_000),
        session_idle_expires_at: NOW.plus(100),
        session_absolute_expires_at: NOW.plus(500),
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        acr: "aal1".to_owned(),
        device: Device::of_request("Mozilla/5.0 Firefox/140.0", None, [203, 0, 113, 7].into()),
        replaces: Vec::new(),
        makes_room: entry(Action::ReplaceSession),
    }
}

/// The rotation of a family whose token is still the first, to another successor each time.
pub(crate) fn first_rotation(sign_in: &NewSignIn) -> Rotation {
    rotation_from(sign_in, 0, sign_in.refresh)
}

pub(crate) fn rotation_from(sign_in: &NewSignIn, seq: u64, current: Digest) -> Rotation {
    Rotation {
        sid: sign_in.sid,
        seq,
        current,
        next: digest(),
        sealed_next: Sealed::from_bytes(vec![1, 2, 3]),
        at: Moment::from_time(NOW.plus(10)),
        idle_expires_at: NOW.plus(1_010),
        device: sign_in.device.mark,
        address: sign_in.device.address.clone(),
        demands_step_up: false,
    }
}
