//! What an edge counts is among the issuer's numbers, each of them, as soon as the edge has asked for the feed again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use edgeward_core::tally::Counted;
use edgeward_tests::world::{LONGEST_BACKOFF_SECONDS, NEVER};
use edgeward_tests::{Person, Setup, World, minutes, raw};
use reqwest::Method;
use xtask::stack::ready;

const POLICY: &str = r#"
version = 1

[limit.search]
requests = 1
within_seconds = 3600
by = "identity"

[[route]]
path = "/"
allow = "public"

[[route]]
path = "/app/**"
allow = "signed-in"

[[route]]
path = "/api/**"
allow = "signed-in"

[[route]]
path = "/api/search"
allow = "signed-in"
limit = "search"

[[route]]
path = "/api/strict"
allow = "signed-in"
revocation = "strict"

[[route]]
path = "/api/pay"
allow = "signed-in"
csrf = true

[[route]]
path = "/admin/**"
roles = ["admin"]
"#;

/// Older than the feed may be.
const STALE_SECONDS: i64 = 2;
/// More than a few milliseconds, and far less than an edge waits for keys.
const A_WHILE: Duration = Duration::from_millis(20);
/// Further apart than the issuer believes the proof of an edge, which then cannot read the feed.
const APART_SECONDS: i64 = 120;

/// Under which name the issuer shows it.
const fn series(what: Counted) -> &'static str {
    match what {
        Counted::Passed => "verdicts_total{result=\"passed\"}",
        Counted::Answered => "verdicts_total{result=\"answered\"}",
        Counted::Redirected => "verdicts_total{result=\"redirected\"}",
        Counted::Unauthenticated => "verdicts_total{result=\"unauthenticated\"}",
        Counted::Forbidden => "verdicts_total{result=\"forbidden\"}",
        Counted::Limited => "verdicts_total{result=\"limited\"}",
        Counted::Refused => "verdicts_total{result=\"refused\"}",
        Counted::Failed => "verdicts_total{result=\"failed\"}",
        Counted::Unconfirmed => "unconfirmed_total",
        Counted::KeysAtHand => "tokens_total{key_set=\"at_hand\"}",
        Counted::KeysAwaited => "tokens_total{key_set=\"awaited\"}",
        Counted::KeyWait => "key_wait_seconds_total",
        Counted::CsrfValid => "csrf_checks_total{result=\"valid\"}",
        Counted::CsrfInvalid => "csrf_checks_total{result=\"invalid\"}",
    }
}

/// A world whose issuer shows its numbers, and somebody in it.
struct Site {
    world: World,
    ada: Person,
    numbers: SocketAddr,
}

/// One thing that is done.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Somebody signed in, as a program.
    Gets(&'static str, u16),
    /// The same.
    Posts(&'static str, u16),
    /// The same, with the CSRF token.
    PostsWithCsrf(&'static str, u16),
    /// Nobody, as a program.
    NobodyGets(&'static str, u16),
    /// The same, with more cookies than the edge reads.
    NobodyBringsTooMuch(&'static str, u16),
    /// Nobody, as a person who goes to a page.
    NobodyGoes(&'static str, u16),
    /// Somebody, while the edge cannot read the feed.
    GetsWithoutTheFeed(&'static str, u16),
}

impl Site {
    async fn start() -> Self {
        let numbers = ready::free_address().expect("a free port");
        let settings = format!("[metrics]\nlisten = \"{numbers}\"\n");
        let world = World::with(Setup {
            policy: Some(POLICY.to_owned()),
            issuer_settings: settings.leak(),
            // Limits hold for this machine too.
            edge_bindings: &[("LIMIT_LOOPBACK", "true")],
            ..Setup::default()
        })
        .await;
        world.wait(minutes(5));
        let ada = world.user("ada").await;
        ada.log_in().await;
        Self {
            world,
            ada,
            numbers,
        }
    }

    /// What the issuer shows of edges.
    fn shown(&self) -> BTreeMap<String, f64> {
        let answer = raw::get(self.numbers, "/metrics", &[]).expect("the numbers");
        let lines = answer.body.lines();
        let ours = lines.filter_map(|line| line.strip_prefix("edgeward_edge_"));
        ours.filter_map(|line| line.rsplit_once(' '))
            .map(|(name, number)| (name.to_owned(), number.parse().expect("a number")))
            .collect()
    }

    fn shown_of(&self, what: Counted) -> f64 {
        *self.shown().get(series(what)).expect("a series")
    }

    /// The edge asks for the feed, tells what it counted, and has the issuer's answer. The request that makes it ask is told of next time,
    /// but for its token. Where the issuer answers later than a request waits for it, more requests are needed, and some pass
    /// unconfirmed: what they add to the numbers is returned. The last one always is the one before which everything was answered.
    async fn is_told(&self) -> Vec<Counted> {
        let asking = self.ada.get("/auth/verify-token");
        let (began, mut added) = (Instant::now(), Vec::new());
        loop {
            self.world.wait(STALE_SECONDS);
            let mut questions = 0;
            let mut is_answered = false;
            while !is_answered {
                assert!(began.elapsed() < NEVER, "never in time");
                let (answer, is_confirmed) = self.world.asks_once(&asking).await;
                let _ = answer.expect(204);
                added.extend([Counted::Answered, Counted::KeysAtHand]);
                added.extend((!is_confirmed).then_some(Counted::Unconfirmed));
                (questions, is_answered) = (questions + 1, is_confirmed);
            }
            if questions == 1 {
                return added;
            }
        }
    }

    async fn does(&self, act: Act) {
        let ada = &self.ada;
        let (answer, status) = match act {
            Act::Gets(path, status) => (ada.get(path).send().await, status),
            Act::Posts(path, status) => (ada.post(path).send().await, status),
            Act::PostsWithCsrf(path, status) => (ada.post(path).with_csrf().send().await, status),
            Act::NobodyGets(path, status) => (self.world.browser().get(path).send().await, status),
            Act::NobodyBringsTooMuch(path, status) => {
                let cookie = format!("c={}", "x".repeat(32 * 1024));
                let asking = self.world.browser().get(path).header("cookie", &cookie);
                (asking.send().await, status)
            }
            Act::NobodyGoes(path, status) => {
                (self.world.browser().navigate(path).send().await, status)
            }
            Act::GetsWithoutTheFeed(path, status) => {
                let issuer = self.world.to_issuer();
                issuer.sets_the_clock_ahead_by(APART_SECONDS);
                self.world.wait(STALE_SECONDS);
                let answer = ada.get(path).send().await;
                issuer.sets_the_clock_ahead_by(0);
                self.world.wait(LONGEST_BACKOFF_SECONDS);
                (answer, status)
            }
        };
        let _ = answer.expect(status);
    }
}

#[tokio::test]
async fn each_number_of_an_edge_reaches_the_issuer() {
    use Counted::{
        Answered, CsrfInvalid, CsrfValid, Failed, Forbidden, KeysAtHand, Limited, Passed,
        Redirected, Refused, Unauthenticated, Unconfirmed,
    };
    let site = Site::start().await;
    let rows: &[(&[Act], &[Counted])] = &[
        (&[Act::Gets("/api/echo", 200)], &[Passed, KeysAtHand]),
        (
            &[Act::Gets("/auth/verify-token", 204)],
            &[Answered, KeysAtHand],
        ),
        (&[Act::NobodyGoes("/app", 303)], &[Redirected]),
        (&[Act::NobodyGets("/api/echo", 401)], &[Unauthenticated]),
        (&[Act::Gets("/admin", 403)], &[Forbidden, KeysAtHand]),
        (
            &[Act::Gets("/api/search", 404), Act::Gets("/api/search", 429)],
            &[Passed, Limited, KeysAtHand, KeysAtHand],
        ),
        (&[Act::NobodyGets("/a;b", 400)], &[Refused]),
        (&[Act::NobodyBringsTooMuch("/", 431)], &[Refused]),
        (
            &[Act::NobodyGets("/auth/verify-token", 401)],
            &[Unauthenticated],
        ),
        (
            &[Act::GetsWithoutTheFeed("/api/strict", 503)],
            &[Failed, KeysAtHand],
        ),
        (
            &[Act::GetsWithoutTheFeed("/api/echo", 200)],
            &[Passed, Unconfirmed, KeysAtHand],
        ),
        (
            &[Act::PostsWithCsrf("/api/pay", 404)],
            &[Passed, CsrfValid, KeysAtHand],
        ),
        (
            &[Act::Posts("/api/pay", 403)],
            &[Forbidden, CsrfInvalid, KeysAtHand],
        ),
    ];
    let mut reached = BTreeSet::new();
    // The first question is the one for which keys had to be waited for.
    let _ = site.is_told().await;
    let _ = site.is_told().await;
    for (acts, counted) in rows {
        let before = site.shown();
        for act in *acts {
            site.does(*act).await;
        }
        let questions = site.is_told().await;
        let mut expected = before;
        reached.extend(counted.iter().copied().map(series));
        // Besides, the questions: of the last one its token, and in its place the question before.
        for what in counted.iter().chain(&questions) {
            *expected.get_mut(series(*what)).expect("a series") += 1.0;
        }
        assert_eq!(site.shown(), expected, "{acts:?}");
    }
    let others = Counted::ALL.map(series).into_iter();
    let others: Vec<_> = others.filter(|name| !reached.contains(name)).collect();
    assert_eq!(others, [Counted::KeysAwaited, Counted::KeyWait].map(series));
}

#[tokio::test]
async fn what_a_cold_isolate_waits_for_keys_reaches_the_issuer() {
    let mut site = Site::start().await;
    let _ = site.is_told().await;
    site.world.stack.edge.stop();
    site.world
        .stack
        .edge
        .start()
        .expect("the edge starts again");
    let awaited = site.shown_of(Counted::KeysAwaited);
    let waited = site.shown_of(Counted::KeyWait);
    let asked_for_keys = || {
        let lines = site.world.to_issuer().lines();
        let sets = lines.iter().filter(|line| line.contains("/jwks.json"));
        sets.count()
    };
    let before = asked_for_keys();
    site.world.to_issuer().holds_back();
    let asking = site.ada.ask(Method::GET, "/api/echo");
    let answer = tokio::spawn(asking.send());
    // Takes its time once it waits: a Worker's clock counts whole milliseconds, and stands still unless the Worker is asked something.
    let (began, mut waits_since) = (Instant::now(), None);
    while waits_since.is_none_or(|since: Instant| since.elapsed() < A_WHILE) {
        assert!(began.elapsed() < NEVER, "it never asks for keys");
        let health = site.world.browser().get("/_edgeward/health").send().await;
        let _ = health.expect(200);
        if waits_since.is_none() && asked_for_keys() > before {
            waits_since = Some(Instant::now());
        }
    }
    site.world.to_issuer().lets_go();
    let _ = answer.await.expect("it ends").expect(200);
    let _ = site.is_told().await;
    assert_eq!(site.shown_of(Counted::KeysAwaited), awaited + 1.0);
    assert!(site.shown_of(Counted::KeyWait) > waited);
}

/// The first request of all waits for the key set, and what comes later does not, while the set is renewed behind requests.
#[tokio::test]
async fn more_than_ninety_five_of_a_hundred_requests_find_the_keys_at_hand() {
    const REQUESTS: i64 = 100;
    /// A hundred of these are longer than a set is fresh, and shorter than the life of a token.
    const APART_SECONDS: i64 = 5;
    let site = Site::start().await;
    for _ in 0..REQUESTS {
        site.world.wait(APART_SECONDS);
        site.does(Act::Gets("/api/echo", 200)).await;
    }
    let _ = site.is_told().await;
    let [at_hand, awaited] =
        [Counted::KeysAtHand, Counted::KeysAwaited].map(|what| site.shown_of(what));
    assert!(awaited >= 1.0, "the first one waits");
    assert!(at_hand + awaited >= 100.0, "{at_hand} and {awaited}");
    assert!(
        at_hand / (at_hand + awaited) > 0.95,
        "{at_hand} and {awaited}"
    );
}
