//! Two processes of one site, as far as they share something beside the database: with Redis they count together, tell each
//! other whose turn it is, and that a session has ended. Without it the limits are those of one process, which is then
//! asked twice; everything else is asked of two.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use edgeward_core::{cookie::Environment, time::UnixTime};
use edgeward_issuer::{
    config::Config,
    custody::{MacKey, Secrets},
    domain::{
        access_token::Minter,
        audit::Origin,
        keyring::Keyring,
        limits::{Counters, Limited, Limits, Rules},
        lockout::{CounterKey, LockoutKey},
        moment::Moment,
        refresh::{Context, RefreshError, RefreshToken, Refreshed, refresh_in_turn},
        revocations::{Entries, Feed, Pages},
        secrets::Known,
        session::{Device, NewSignIn},
        storage::{Entered, Storage},
    },
    signatures::SigningAlgorithm,
    store::{
        Store,
        redis::{Link, SharedCounters, Use},
    },
};
use governor::clock::FakeRelativeClock;

use super::world::{NOW, World, entry, new_sign_in, unlike};
use edgeward_issuer::domain::{accounts::UserId, audit::Action};

/// Names counters; all processes of a site have the same.
pub(crate) const LOCKOUT_SECRET: [u8; 32] = [7; 32];

pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) redis: Option<Link>,
    pub(crate) pages: Pages,
    pub(crate) keyring: Keyring,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) config: Arc<Config>,
    pub(crate) mac: Known<MacKey>,
    limits: Arc<Limits<FakeRelativeClock>>,
}

pub(crate) struct Processes {
    pub(crate) world: World,
    pub(crate) both: [Process; 2],
    clock: FakeRelativeClock,
    passed: Duration,
}

impl Processes {
    pub(crate) async fn of(world: World) -> Self {
        Self::with(world, |_| {}).await
    }

    pub(crate) async fn with(world: World, change: impl FnOnce(&mut Config)) -> Self {
        let folder = World::folder();
        let mut config = Config::defaults(folder.path());
        change(&mut config);
        let config = Arc::new(config);
        let secrets = folder.path().join("secrets");
        let secrets = Secrets::load_or_create(&secrets, Environment::Development).unwrap();
        let secrets = Arc::new(secrets);
        let clock = FakeRelativeClock::default();
        let first = Process::start(&world, &config, &secrets, &clock).await;
        let mut second = Process::start(&world, &config, &secrets, &clock).await;
        if first.redis.is_none() {
            second.limits = Arc::clone(&first.limits);
        }
        Self {
            world,
            both: [first, second],
            clock,
            passed: Duration::ZERO,
        }
    }

    /// The one that is asked next when requests are spread.
    pub(crate) fn turn(&self, n: usize) -> &Process {
        &self.both[n % 2]
    }

    /// By the clocks of the processes.
    pub(crate) fn now(&self) -> UnixTime {
        NOW.plus(i64::try_from(self.passed.as_secs()).unwrap())
    }

    /// Lets time pass for everything that counts.
    pub(crate) async fn let_pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.passed += time;
        self.world.age_counts(time).await;
    }

    /// Redis answered, where there is one: nobody fell back on what is not tried here.
    pub(crate) fn have_asked(&self, what: Use) {
        for link in self
            .both
            .iter()
            .filter_map(|process| process.redis.as_ref())
        {
            assert_eq!(link.usage().fallbacks(what), 0, "{what:?}");
        }
        assert!(self.has_answer(what));
    }

    /// Whether Redis answered one of them, or there is none.
    pub(crate) fn has_answer(&self, what: Use) -> bool {
        let answers = |process: &Process| {
            let link = process.redis.as_ref();
            link.map_or(1, |link| link.usage().answers(what))
        };
        self.both.iter().any(|process| answers(process) > 0)
    }
}

impl Process {
    async fn start(
        world: &World,
        config: &Arc<Config>,
        secrets: &Arc<Secrets>,
        clock: &FakeRelativeClock,
    ) -> Self {
        let store = world.another().await;
        let redis = world.link(&store).await;
        let shared = redis.clone().map(|link| -> Box<dyn Counters> {
            let (names, rules) = (
                LockoutKey::from_bytes(&LOCKOUT_SECRET),
                Rules::of(&config.limits),
            );
            Box::new(SharedCounters::new(link, names, rules))
        });
        let environment = Environment::Development;
        let limits = Limits::with_clock(&config.limits, environment, shared, clock);
        Self {
            keyring: Keyring::load_or_create(&store, secrets, &[], NOW, Instant::now())
                .await
                .unwrap(),
            secrets: Arc::clone(secrets),
            store,
            redis,
            pages: Pages::default(),
            config: Arc::clone(config),
            mac: Known::only(MacKey::from_bytes([3; 32])),
            limits: Arc::new(limits),
        }
    }

    pub(crate) async fn guess(&self, from: &str) -> Result<(), u64> {
        seconds(self.limits.guess(address(from)).await)
    }

    pub(crate) async fn sign_in(
        &self,
        from: &str,
        name: &CounterKey,
        now: UnixTime,
    ) -> Result<(), u64> {
        let asked = self.limits.sign_in(address(from), Some(name), now);
        seconds(asked.await)
    }

    pub(crate) async fn lift(&self, name: &CounterKey, at: UnixTime, now: UnixTime) -> bool {
        self.limits.lift(name, at, now).await
    }

    pub(crate) fn name(typed: &str) -> CounterKey {
        LockoutKey::from_bytes(&LOCKOUT_SECRET).of_name(typed)
    }

    /// A sign-in whose refresh token is genuine.
    pub(crate) async fn signed_in(&self, user: UserId) -> (NewSignIn, RefreshToken) {
        let mut sign_in = new_sign_in(user);
        let token = RefreshToken::make(self.mac.makes(), sign_in.sid, 0, unlike());
        sign_in.refresh = token.digest();
        let noted = entry(Action::SignIn);
        assert_eq!(
            self.store
                .sign_in(&sign_in, None, None, &noted)
                .await
                .unwrap(),
            Entered::Done
        );
        (sign_in, token)
    }

    /// A refresh from the device of the sign-in, so many milliseconds after it.
    pub(crate) async fn refresh(
        &self,
        token: &str,
        millis: i64,
    ) -> Result<Refreshed, RefreshError> {
        let device = Device::of_request("Mozilla/5.0 Firefox/140.0", None, [203, 0, 113, 7].into());
        let now = Moment::from_millis(NOW.seconds() * 1000 + millis).time();
        let exp = now.plus(self.config.tokens.access_seconds);
        let (keyring, secrets) = (&self.keyring, &self.secrets);
        let signer = keyring.signer(
            &self.store,
            secrets,
            SigningAlgorithm::EdDsa,
            exp,
            now,
            Instant::now(),
        );
        let signer = signer.await.unwrap();
        let context = Context {
            keys: &self.mac,
            tokens: &self.config.tokens,
            rules: &self.config.refresh,
            minter: Minter::new(&signer, &self.config, &self.config.issuer.audience),
            origin: &Origin::default(),
            device: &device.mark,
            address: &device.address,
            at: Moment::from_millis(NOW.seconds() * 1000 + millis),
        };
        refresh_in_turn(&self.store, &self.redis, context, token).await
    }

    /// The first page of the feed, as this process answers it at that moment.
    pub(crate) async fn page(&self, asked: Instant) -> Arc<Entries> {
        let key = self.keyring.signing_key(NOW, asked).unwrap();
        let feed = Feed {
            news: self.store.news(),
            pages: &self.pages,
            key: &key,
            issuer: &self.config.issuer,
        };
        feed.entries(&self.store, 0, NOW, asked).await.unwrap()
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(asked: Result<(), Limited>) -> Result<(), u64> {
    asked.map_err(|limited| limited.seconds)
}
