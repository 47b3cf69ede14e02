//! What Redis holds of a site: counts by the rules of one process, turns that end, and names that tell nothing.

use std::{fs, net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use edgeward_core::{cookie::Environment, time::UnixTime};
use edgeward_issuer::{
    config::{self, Config, RedisUrl},
    domain::{
        limits::{Counters, Limits, Rules},
        lockout::LockoutKey,
        refresh::{FamilyMutex, Hold, Turn},
        revocations::News,
        session::Sid,
    },
    store::redis::{Link, SharedCounters, Use},
};
use governor::clock::FakeRelativeClock;
use redis::{Script, aio::MultiplexedConnection};
use tokio::time::timeout;

use crate::{
    desk::{Desk, EMAIL},
    folder::Folder,
    port::free_port,
    program::NEVER,
    redis_server::{Server, server},
};

const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

/// The same numbers each time, as different as chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The limits of one process, by a clock that the test moves.
fn in_process(
    change: impl FnOnce(&mut config::Limits),
) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
    let mut settings = Config::defaults(std::path::Path::new("x")).limits;
    change(&mut settings);
    let clock = FakeRelativeClock::default();
    let limits = Limits::with_clock(&settings, Environment::Production, None, &clock);
    (limits, clock)
}

async fn ask(raw: &mut MultiplexedConnection, script: &Script, key: &str, with: &[i64]) -> u64 {
    let mut call = script.key(key);
    call.arg(with);
    call.invoke_async(raw).await.unwrap()
}

#[tokio::test]
async fn a_bucket_in_redis_answers_as_one_in_the_process() {
    let script = Script::new(include_str!("../../src/store/redis/bucket.lua"));
    let mut raw = server().raw().await;
    for (seed, per_minute, burst) in [(1, 10, 5), (2, 120, 60), (3, 1, 1), (4, 30, 30), (5, 60, 2)]
    {
        let count = |number| NonZeroU32::new(number).unwrap();
        let (limits, clock) = in_process(|settings| {
            settings.guesses_per_minute = count(per_minute);
            settings.guesses_burst = count(burst);
        });
        let (mut chance, mut micros) = (Chance(seed), NOW.seconds() * 1_000_000);
        let each = 60_000_000 / i64::from(per_minute);
        let (key, mut refused) = (format!("parity:bucket:{seed}"), 0);
        for step in 0..400 {
            let most = if chance.below(200) == 0 {
                100 * each
            } else {
                each
            };
            let millis = chance.below(u64::try_from(most / 1000).unwrap());
            clock.advance(Duration::from_millis(millis));
            micros += i64::try_from(millis).unwrap() * 1000;
            let own = limits.guess(IpAddr::from([192, 0, 2, 1])).await;
            let own = own.map_or_else(|limited| limited.seconds, |()| 0);
            let with = [each, i64::from(burst), micros];
            let shared = ask(&mut raw, &script, &key, &with).await;
            assert_eq!(shared, own, "seed {seed}, step {step}");
            refused += u32::from(own > 0);
        }
        // A clock that is set back locks nobody out for longer than a bucket takes to fill.
        let with = [each, i64::from(burst), micros - 3_600_000_000];
        let back = ask(&mut raw, &script, &key, &with).await;
        assert!(back <= 60_u64.div_ceil(u64::from(per_minute)), "{back} s");
        assert!(
            (20..380).contains(&refused),
            "seed {seed}: {refused} were refused"
        );
    }
}

#[tokio::test]
async fn a_window_in_redis_answers_as_one_in_the_process() {
    let script = Script::new(include_str!("../../src/store/redis/window.lua"));
    let mut raw = server().raw().await;
    let name = LockoutKey::from_bytes(&[7; 32]).of_name("ada@example.test");
    for (seed, most) in [(1, 3), (2, 30), (3, 1), (4, 7)] {
        let (limits, _) = in_process(|settings| {
            settings.sign_ins = NonZeroU32::new(most).unwrap();
        });
        let (mut chance, mut now) = (Chance(seed), NOW);
        let (key, mut refused) = (format!("parity:window:{seed}"), 0);
        for step in 0..600_u32 {
            let usual = i64::from(900 / most);
            now = now.plus(match chance.below(40) {
                0 => 20_000,
                1 => -5_000,
                _ => i64::try_from(chance.below(u64::try_from(usual).unwrap())).unwrap(),
            });
            // From elsewhere each time: only the name counts.
            let [_, a, b, c] = step.to_be_bytes();
            let own = limits
                .sign_in(IpAddr::from([10, a, b, c]), Some(&name), now)
                .await;
            let own = own.map_or_else(|limited| limited.seconds, |()| 0);
            let with = [i64::from(most), 900, 60, 3600, now.seconds()];
            let shared = ask(&mut raw, &script, &key, &with).await;
            assert_eq!(shared, own, "seed {seed}, step {step}");
            refused += u32::from(own > 0);
        }
        assert!(
            (20..580).contains(&refused),
            "seed {seed}: {refused} were refused"
        );
    }
}

async fn link(site: &config::Redis) -> Link {
    hearing_link(site).await.0
}

async fn hearing_link(site: &config::Redis) -> (Link, Arc<News>) {
    let news = Arc::new(News::default());
    let link = Link::open(site, &news).await.unwrap().unwrap();
    (link, news)
}

fn sid_of(number: u8) -> Sid {
    Sid::from_random(NOW, [number; 10])
}

fn is_ours<H>(turn: &Turn<H>) -> bool {
    matches!(turn, Turn::Ours(_))
}

#[tokio::test]
async fn a_turn_is_one_requests_and_ends_by_its_owner_or_by_itself() {
    let site = server().site();
    let [first, second] = [link(&site).await, link(&site).await];
    let sid = Sid::from_random(NOW, [5; 10]);
    let key = format!("{}:refresh:{sid}", site.prefix);
    let mut raw = server().raw().await;
    let turn = first.take(sid, 4).await;
    assert!(is_ours(&turn));
    assert!(matches!(second.take(sid, 4).await, Turn::Others));
    assert!(matches!(second.take(sid, 5).await, Turn::Unknown));
    let other = Sid::from_random(NOW, [6; 10]);
    assert!(is_ours(&second.take(other, 4).await));
    let ends_in: i64 = redis::cmd("PTTL")
        .arg(&key)
        .query_async(&mut raw)
        .await
        .unwrap();
    assert!((1..=10_000).contains(&ends_in), "{ends_in}");
    let mut longer = site.clone();
    longer.turn_seconds = 20;
    assert!(is_ours(&link(&longer).await.take(sid_of(7), 4).await));
    let ends_in: i64 = redis::cmd("PTTL")
        .arg(format!("{}:refresh:{}", site.prefix, sid_of(7)))
        .query_async(&mut raw)
        .await
        .unwrap();
    assert!((10_001..=20_000).contains(&ends_in), "{ends_in}");
    // It ends, and another request takes it: who had it before must not end that.
    let _: () = redis::cmd("DEL")
        .arg(&key)
        .query_async(&mut raw)
        .await
        .unwrap();
    let next = second.take(sid, 4).await;
    assert!(is_ours(&next));
    let (Turn::Ours(turn), Turn::Ours(next)) = (turn, next) else {
        panic!("they are not ours");
    };
    turn.give_back().await;
    assert!(matches!(first.take(sid, 4).await, Turn::Others));
    // A client that goes in the midst of its request leaves a turn that is given back behind it.
    drop(next);
    let given_back = timeout(NEVER, async {
        while !is_ours(&first.take(sid, 4).await) {
            tokio::task::yield_now().await;
        }
    });
    given_back.await.unwrap();
}

#[tokio::test]
async fn every_key_is_the_sites_and_ends_and_tells_nobody() {
    let redis = Server::of_its_own(&[]);
    let site = redis.site();
    let prefix = site.prefix.clone();
    let (desk, mut browser) = Desk::with_ada_and(|config| {
        config.limits.loopback = true;
        // What is counted is kept for as long as it counts, and has to be there when the keys are read.
        config.limits.guesses_per_minute = NonZeroU32::MIN;
        config.limits.reads_per_minute = NonZeroU32::MIN;
        config.redis = site;
    })
    .await;
    browser.address = Some(IpAddr::from([192, 0, 2, 77]));
    browser.log_in(EMAIL).await;
    browser.refresh().await.expect(200);
    let mut raw = redis.raw().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut raw)
        .await
        .unwrap();
    for limit in ["guesses", "sign-ins", "names", "reads"] {
        let begins = format!("{prefix}:{limit}:");
        assert!(
            keys.iter().any(|key| key.starts_with(&begins)),
            "{limit}: {keys:?}"
        );
    }
    for key in &keys {
        let (of, _) = key.split_once(':').unwrap();
        // Other tests use the server too.
        if of != prefix {
            let number = of.strip_prefix("site-").map(str::parse::<u32>);
            assert!(matches!(number, Some(Ok(_))), "{key} is no site's");
            continue;
        }
        assert!(!key.contains("192.0.2") && !key.contains("ada"), "{key}");
        let left: i64 = redis::cmd("TTL")
            .arg(key)
            .query_async(&mut raw)
            .await
            .unwrap();
        assert!((0..=7200).contains(&left), "{key} ends in {left}");
    }
    drop(desk);
}

#[tokio::test]
async fn a_server_shows_a_certificate_of_the_named_authority_and_wants_its_password() {
    let folder = Folder::new();
    let file = |name: &str| folder.path().join(name);
    let certify = |name: &str| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(file(&format!("{name}.pem")), made.cert.pem()).unwrap();
        fs::write(
            file(&format!("{name}.key")),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
    };
    certify("right");
    certify("wrong");
    let port = free_port();
    let path = |name: &str| file(name).to_str().unwrap().to_owned();
    let redis = Server::of_its_own(&[
        "--bind",
        "127.0.0.1",
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path("right.pem"),
        "--tls-key-file",
        &path("right.key"),
        "--tls-ca-cert-file",
        &path("right.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let site = redis.site();
    let mut raw = redis.raw().await;
    let rules = documented_rules(&site.prefix);
    let rules = rules.split(' ').collect::<Vec<_>>();
    let _: () = redis::cmd(rules[0])
        .arg(&rules[1..])
        .query_async(&mut raw)
        .await
        .unwrap();
    for (person, host, authority, fits) in [
        ("edgeward:s3cret", "127.0.0.1", Some("right.pem"), true),
        ("edgeward:s3cret", "127.0.0.1", Some("wrong.pem"), false),
        ("edgeward:s3cret", "localhost", Some("right.pem"), false),
        ("edgeward:s3cret", "127.0.0.1", None, false),
        ("edgeward:s3creter", "127.0.0.1", Some("right.pem"), false),
    ] {
        let url = format!("rediss://{person}@{host}:{port}");
        let site = config::Redis {
            url: Some(RedisUrl::parse(&url).unwrap()),
            ca_file: authority.map(file),
            ..site.clone()
        };
        let (link, news) = hearing_link(&site).await;
        assert_eq!(link.is_open(), fits, "{person} {host} {authority:?}");
        let shown = format!("{link:?} {} {:?}", link.place(), link.check().await);
        assert!(!shown.contains("s3cret"), "{shown}");
        if fits {
            use_all_of_it(&link, &news).await;
        }
    }
    let mut stranger = redis::cmd("ACL");
    stranger
        .arg("DRYRUN")
        .arg("edgeward")
        .arg("GET")
        .arg("another:names:x");
    let refused: String = stranger.query_async(&mut raw).await.unwrap();
    assert!(refused.contains("no permissions"), "{refused}");
}

/// What the documentation gives a user of its own, for this prefix.
fn documented_rules(prefix: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
    let page = fs::read_to_string(page).unwrap();
    let rules = page.lines().find(|line| line.starts_with("ACL SETUSER"));
    let rules = rules.unwrap().replace("PASSWORD", "s3cret");
    rules.replace("edgeward:*", &format!("{prefix}:*"))
}

/// Counts in a bucket and in a window, takes a turn, and hears what it tells.
async fn use_all_of_it(link: &Link, news: &News) {
    let settings = Config::defaults(std::path::Path::new("x")).limits;
    let names = LockoutKey::from_bytes(&[7; 32]);
    let name = names.of_name("ada@example.test");
    let counters: Box<dyn Counters> = Box::new(SharedCounters::new(
        link.clone(),
        names,
        Rules::of(&settings),
    ));
    let limits = Limits::new(&settings, Environment::Production, Some(counters));
    let from = IpAddr::from([192, 0, 2, 1]);
    limits.sign_in(from, Some(&name), NOW).await.unwrap();
    let Turn::Ours(turn) = link.take(Sid::from_random(NOW, [5; 10]), 4).await else {
        panic!("nobody else has it");
    };
    turn.give_back().await;
    let before = news.version();
    news.tell();
    // Once by itself, and once as everybody who listens.
    while news.version() < before + 2 {
        tokio::task::yield_now().await;
    }
    for what in [Use::Limits, Use::Mutex] {
        assert_eq!(link.usage().errors(what), 0, "{what:?}");
        assert!(link.usage().answers(what) > 0, "{what:?}");
    }
}
