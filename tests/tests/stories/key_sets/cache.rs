//! The cache that isolates share: it spares a cold one the way to the issuer, and nothing that it holds is believed for
//! being there.

use edgeward_tests::http_server::response;
use edgeward_tests::key_server::document;
use edgeward_tests::lone_edge::signing_key;
use edgeward_tests::{EdgeCache, KeyServer, LoneEdge};

use super::{COOLDOWN_SECONDS, HARD_TTL_SECONDS, SOFT_TTL_SECONDS, assert_calm};

/// An edge that has kept the set of key 1, and what it kept it in.
async fn warm() -> (KeyServer, EdgeCache, LoneEdge) {
    let (keys, cache) = (KeyServer::with(&[&signing_key(1)]), EdgeCache::empty());
    let edge = LoneEdge::start(&keys, Some(&cache)).await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    cache.is_given(1).await;
    assert_eq!((keys.count(), cache.looks()), (1, 2));
    (keys, cache, edge)
}

#[tokio::test]
async fn a_cold_isolate_takes_the_set_that_another_one_kept() {
    let (keys, cache, edge) = warm().await;
    edge.wait(SOFT_TTL_SECONDS - 1);
    let edge = edge.starts_cold().await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(edge.is_asked(&edge.token(&signing_key(1))).await);
    }
    for request in waiting {
        assert_eq!(request.status().await, 204);
    }
    assert_eq!((keys.count(), cache.looks()), (1, 3));

    // Its age counts: it is due a second later.
    edge.wait(1);
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    keys.is_asked(2).await;
    let tags = keys.asked();
    let tag = format!("\"{}\"", signing_key(1).key_id());
    assert_eq!(
        tags[1].header("if-none-match"),
        [tag.as_str()],
        "the tag was kept too"
    );
    cache.is_given(2).await;
    assert_eq!(
        cache.looks(),
        4,
        "a refresh looks there only before it puts"
    );
    assert_calm(&edge);
}

#[tokio::test]
async fn a_set_that_the_issuer_confirms_is_kept_anew() {
    let (keys, cache, edge) = warm().await;
    let first = cache.entry();
    edge.wait(SOFT_TTL_SECONDS);
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    cache.is_given(2).await;
    let tag = format!("\"{}\"", signing_key(1).key_id());
    assert_eq!(keys.asked()[1].header("if-none-match"), [tag.as_str()]);
    assert_ne!(cache.entry(), first, "it is younger");

    // A second before its soft life ends, and almost two of them after the document was sent.
    edge.wait(SOFT_TTL_SECONDS - 1);
    keys.says(response(500, &[], b""));
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    assert_eq!((keys.count(), cache.looks()), (2, 4));
    assert_calm(&edge);
}

#[tokio::test]
async fn an_older_set_does_not_take_the_place_of_a_younger_one() {
    let (keys, cache, edge) = warm().await;
    let began = loaded_at(&cache);
    edge.wait(5);
    // An unknown key causes a fetch, and so a younger entry.
    let _ = edge.judges(&signing_key(2)).await.expect(401);
    cache.is_given(2).await;
    assert_eq!(loaded_at(&cache), began + 5);

    // An isolate of which the fetch began earlier ends it only now.
    edge.wait(-3);
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(2)).await.expect(401);
    assert_eq!(keys.count(), 3);
    cache.is_looked_at(5).await;
    // A fetch of later is kept; had the one before been, there would be one more.
    edge.wait(COOLDOWN_SECONDS);
    let _ = edge.judges(&signing_key(2)).await.expect(401);
    assert_eq!(keys.count(), 4);
    cache.is_given(3).await;
    assert_eq!(loaded_at(&cache), began + 2 + COOLDOWN_SECONDS);
    assert_eq!(cache.given(), 3);

    // What seems to come from the future helps nobody until then.
    edge.wait(-2 * COOLDOWN_SECONDS);
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    cache.is_given(4).await;
    assert_eq!(loaded_at(&cache), began + 2 - COOLDOWN_SECONDS);
    assert_calm(&edge);
}

/// When the set was loaded that is kept: the third line of an entry.
fn loaded_at(cache: &EdgeCache) -> i64 {
    let entry = String::from_utf8_lossy(&cache.entry()).into_owned();
    let line = entry.lines().nth(2).expect("an entry has five parts");
    line.parse().expect("a number of seconds")
}

#[tokio::test]
async fn a_cold_isolate_lives_through_an_outage_on_what_was_kept() {
    let (keys, _, mut edge) = warm().await;
    keys.says(response(500, &[], b""));
    edge.wait(SOFT_TTL_SECONDS);
    for _ in 0..2 {
        edge = edge.starts_cold().await;
        let before = keys.count();
        let _ = edge.judges(&signing_key(1)).await.expect(204);
        assert_eq!(keys.count(), before + 1, "the issuer is asked first");
        let _ = edge.judges(&signing_key(1)).await.expect(204);
        edge.wait(HARD_TTL_SECONDS - SOFT_TTL_SECONDS - 60);
    }
    edge.wait(120);
    edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(503);

    keys.lists(&[&signing_key(2)]);
    edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(401);
    let _ = edge.judges(&signing_key(2)).await.expect(204);
}

#[tokio::test]
async fn a_set_past_its_soft_life_is_not_taken() {
    let (keys, _, edge) = warm().await;
    edge.wait(SOFT_TTL_SECONDS);
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    assert_eq!(keys.count(), 2);
    assert_calm(&edge);
}

#[tokio::test]
async fn a_key_that_the_kept_set_lacks_is_looked_for_at_the_issuer() {
    let (keys, cache, edge) = warm().await;
    keys.lists(&[&signing_key(1), &signing_key(2)]);
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(2)).await.expect(204);
    cache.is_given(2).await;
    assert_eq!((keys.count(), cache.looks()), (2, 4));
    for _ in 0..20 {
        let _ = edge.judges(&signing_key(3)).await.expect(401);
    }
    assert_eq!(
        (keys.count(), cache.looks()),
        (2, 4),
        "the cooldown counts from that fetch"
    );
    assert_calm(&edge);
}

#[tokio::test]
async fn what_this_edge_did_not_seal_is_no_entry() {
    let (keys, cache, edge) = warm().await;
    let genuine = cache.entry();
    let evil = document(&[&signing_key(2)]);
    let end = genuine
        .iter()
        .position(|byte| *byte == b'{')
        .expect("a document");
    let forged = [&genuine[..end], evil.as_bytes()].concat();
    let cut = &genuine[..genuine.len() - 1];
    let huge = [&genuine[..], &vec![b' '; 128 * 1024]].concat();
    let mut edge = edge;
    let mut fetches = 1;
    let mut given = 1;
    for entry in [
        forged.as_slice(),
        evil.as_bytes(),
        cut,
        &huge,
        b"",
        b"\n\n\n\n\n",
    ] {
        let what = String::from_utf8_lossy(entry.get(..40).unwrap_or(entry)).into_owned();
        cache.holds(entry);
        edge = edge.starts_cold().await;
        let _ = edge.judges(&signing_key(1)).await.expect(204);
        let _ = edge.judges(&signing_key(2)).await.expect(401);
        fetches += 2; // because the second token asks the issuer for its key
        assert_eq!(keys.count(), fetches, "{what}");
        // What was loaded and what was confirmed is kept, each behind its request.
        given += 2;
        cache.is_given(given).await;
    }
    cache.holds(&genuine);
    edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    assert_eq!(keys.count(), fetches, "the genuine one is good still");
    assert_calm(&edge);
}

#[tokio::test]
async fn a_cache_that_fails_costs_a_fetch_and_nothing_else() {
    let (keys, cache, mut edge) = warm().await;
    let mut fetches = 1;
    for (title, bytes) in [
        ("500", response(500, &[("CF-Cache-Status", "HIT")], b"")),
        ("no status", response(200, &[], &cache.entry())),
        ("no HTTP", b"+OK\r\n".to_vec()),
        ("closed at once", Vec::new()),
        (
            "broken off",
            b"HTTP/1.1 200 OK\r\nCF-Cache-Status: HIT\r\nContent-Length: 900\r\n\r\nedgeward"
                .to_vec(),
        ),
    ] {
        cache.says(bytes);
        edge = edge.starts_cold().await;
        let answer = edge.judges(&signing_key(1)).await;
        assert_eq!(answer.status, 204, "{title}");
        fetches += 1;
        assert_eq!(keys.count(), fetches, "{title}");
    }
}

#[tokio::test]
async fn a_cache_that_never_answers_is_not_waited_for() {
    let (keys, cache, edge) = warm().await;
    cache.never_answers();
    let edge = edge.starts_cold().await;
    let _ = edge.judges(&signing_key(1)).await.expect(204);
    assert_eq!(keys.count(), 2);
    assert_calm(&edge);
}
