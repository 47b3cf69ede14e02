//! That a session has ended, as the feed of each process says it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edgeward_issuer::{
    domain::{audit::Action, session::RevocationReason, storage::Storage},
    store::redis::Use,
};

use super::{
    processes::Processes,
    world::{NOW, World, entry},
};

/// What has not come by then does not come.
const NEVER: Duration = Duration::from_secs(60);

pub(crate) async fn an_end_is_in_the_feed_of_its_process_at_once(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Processes::of(world).await;
    let process = &processes.both[0];
    let (sign_in, _) = process.signed_in(ada).await;
    let asked = Instant::now();
    let before = process.page(asked).await;
    assert!(
        Arc::ptr_eq(&before, &process.page(asked).await),
        "one question to the database for many edges"
    );
    let (reason, noted) = (RevocationReason::SignedOut, entry(Action::SignOut));
    let ended = process.store.revoke(sign_in.sid, reason, NOW, &noted);
    assert!(ended.await.unwrap());
    assert_ne!(before, process.page(asked).await);
    let again = process.store.revoke(sign_in.sid, reason, NOW, &noted);
    assert!(!again.await.unwrap(), "what has ended ends once");
}

pub(crate) async fn an_end_is_in_the_feed_of_every_process(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let processes = Processes::of(world).await;
    let [first, second] = &processes.both;
    let (sign_in, _) = first.signed_in(ada).await;
    let asked = Instant::now();
    let before = second.page(asked).await;
    let (reason, noted) = (RevocationReason::SignedOut, entry(Action::SignOut));
    let ended = first.store.revoke(sign_in.sid, reason, NOW, &noted);
    assert!(ended.await.unwrap());
    // Where processes tell each other, no time needs to pass for the page; else it is as old as a page may be.
    let later = match second.redis {
        Some(_) => asked,
        None => asked + Duration::from_millis(251),
    };
    let heard = tokio::time::timeout(NEVER, async {
        // Who is told may know it before who tells has its answer.
        while second.page(later).await == before || !processes.has_answer(Use::News) {
            tokio::task::yield_now().await;
        }
    });
    assert!(heard.await.is_ok(), "no word came");
    processes.have_asked(Use::News);
}
