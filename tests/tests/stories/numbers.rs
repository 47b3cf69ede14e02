//! What an edge counts is among the issuer's numbers, each of them, as soon as the edge has asked for the feed again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use edgeward_core::tally::Counted;
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
/// The longest wait after failures of the feed, with what lots add to it.
const LONGEST_BACKOFF_SECONDS: i64 = 10;
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

    /// The edge asks for the feed, and tells what it counted. This very request is told of next time, but for its token.
    async fn is_told(&self) {
        self.world.wait(STALE_SECONDS);
        let asked = self.ada.get("/auth/verify-token").send().await;
        let _ = asked.expect(204);
    }

    async fn does(&self, act: Act) {
        let ada = &self.ada;
        let (answer, status) = match act {
            Act::Gets(path, status) => (ada.get(path).send().await, status),
            Act::Posts(path, status) => (ada.post(path).send().await, status),
            Act::PostsWithCsrf(path, status) => (ada.post(path).with_csrf().send().await, status),
            Act::NobodyGets(path, status) => (self.world.browser().get(path).send().await, status),
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
    site.is_told().await;
    site.is_told().await;
    for (acts, counted) in rows {
        let before = site.shown();
        for act in *acts {
            site.does(*act).await;
        }
        site.is_told().await;
        let mut expected = before;
        // Besides, the question before and its token.
        for what in counted.iter().chain(&[Answered, KeysAtHand]) {
            *expected.get_mut(series(*what)).expect("a series") += 1.0;
            reached.insert(series(*what));
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
    site.is_told().await;
    site.world.stack.edge.stop();
    site.world
        .stack
        .edge
        .start()
        .expect("the edge starts again");
    let awaited = site.shown_of(Counted::KeysAwaited);
    let waited = site.shown_of(Counted::KeyWait);
    site.world.to_issuer().holds_back();
    let asking = site.ada.ask(Method::GET, "/api/echo");
    let answer = tokio::spawn(asking.send());
    // Takes its time: a Worker's clock counts whole milliseconds.
    for _ in 0..30 {
        let health = site.world.browser().get("/_edgeward/health").send().await;
        let _ = health.expect(200);
    }
    site.world.to_issuer().lets_go();
    let _ = answer.await.expect("it ends").expect(200);
    site.is_told().await;
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
    site.is_told().await;
    let [at_hand, awaited] =
        [Counted::KeysAtHand, Counted::KeysAwaited].map(|what| site.shown_of(what));
    assert!(awaited >= 1.0, "the first one waits");
    assert!(at_hand + awaited >= 100.0, "{at_hand} and {awaited}");
    assert!(
        at_hand / (at_hand + awaited) > 0.95,
        "{at_hand} and {awaited}"
    );
}
