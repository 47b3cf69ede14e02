//! Many sessions of one account: how many there may be, and what ending all of them takes.

use edgeward_issuer::domain::{
    accounts::UserId,
    audit::Action,
    revocations::{Revocations, Revoking},
    session::{SESSIONS_MAX, Sid},
    storage::{Entered, Storage},
};

use super::world::{NOW, World, entry, new_sign_in};

/// Much more than a feed has of these cases.
const MOST: usize = 5_000;

const HOUR: i64 = 3600;

const DAY: i64 = 24 * HOUR;

/// So many sessions, by number, when they expire, and when the first was used; each other a second later. Past the store,
/// because there is nothing that would make so many.
struct Many {
    from: i64,
    to: i64,
    expire: i64,
    used: i64,
}

impl World {
    async fn with_many(&self, user: UserId, many: Many) {
        let Many { from, to, .. } = many;
        let (expire, used) = (NOW.plus(many.expire), NOW.plus(many.used - from));
        let digest = self.bytes(7);
        self.run(&format!(
            "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
             INSERT INTO families (sid, user_id, client_id, seq, current_digest, rotated_at_ms, confirmed, idle_expires_at,
                 absolute_expires_at, auth_time, amr, acr, device_digest, device_name, user_agent, created_at, last_used_at)
             SELECT '01a1ee56-5e00-7ad0-ac7a-' || substr('00000000000' || i, length('00000000000' || i) - 11), '{user}',
                 'edgeward-web', 0, {digest}, 0, 0, {expire}, {expire}, 0, 'pwd', 'aal1', {digest}, 'Firefox', '', 0, {used} + i
             FROM n"
        ))
        .await
        .unwrap();
    }

    async fn living(&self, user: UserId) -> i64 {
        self.number(&format!(
            "SELECT count(*) FROM families WHERE user_id = '{user}' AND revoked_at IS NULL
             AND idle_expires_at > {NOW} AND absolute_expires_at > {NOW}"
        ))
        .await
    }
}

/// The session of that number.
fn numbered(number: i64) -> Sid {
    Sid::parse(&format!("01a1ee56-5e00-7ad0-ac7a-{number:012}")).unwrap()
}

pub(crate) async fn who_signs_in_beyond_the_most_ends_what_lies_longest_unused(world: World) {
    let ada = world.with_account("ada@example.test").await;
    let bob = world.with_account("bob@example.test").await;
    let bobs = world.with_sign_in(bob).await;
    let expired = SESSIONS_MAX + 1;
    world
        .with_many(
            ada,
            Many {
                from: 1,
                to: SESSIONS_MAX,
                expire: HOUR,
                used: -HOUR,
            },
        )
        .await;
    // What has expired counts for nothing, however late it was used.
    world
        .with_many(
            ada,
            Many {
                from: expired,
                to: expired,
                expire: 0,
                used: 0,
            },
        )
        .await;
    // The first was used at the issuer's own pages since it was refreshed.
    world
        .run(&format!(
            "INSERT INTO browser_sessions (digest, sid, created_at, last_used_at, idle_expires_at, absolute_expires_at)
             VALUES ({}, '{}', 0, {NOW}, {NOW}, {NOW})",
            world.bytes(1),
            numbered(1)
        ))
        .await
        .unwrap();
    let before = world.entries().await;
    let new = world.with_sign_in(ada).await;
    assert_eq!(world.living(ada).await, SESSIONS_MAX);
    assert_eq!(
        world.entries().await,
        before + 2,
        "the end has an entry too"
    );
    let noted = format!(
        "SELECT count(*) FROM audit_log WHERE action = 'session.replace' AND entry LIKE '%\"session\":\"{}\"%'",
        numbered(2)
    );
    assert_eq!(world.number(&noted).await, 1);
    let ended = "SELECT count(*) FROM families WHERE revoked_reason = 'replaced'";
    assert_eq!(world.number(ended).await, 1);
    let told = world.store.revocations(0, NOW, MOST).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].id.as_str(), told[0].reason.as_str()),
        (&*numbered(2).to_string(), "replaced")
    );
    for living in [numbered(1), numbered(3), new.sid, bobs.sid] {
        let family = world.store.family(living).await.unwrap().unwrap();
        assert!(family.is_live(NOW), "{living}");
    }

    // An account from before there was a bound comes down to it, also by callers without cookies.
    world
        .with_many(
            ada,
            Many {
                from: 1_001,
                to: 1_040,
                expire: HOUR,
                used: -2 * HOUR,
            },
        )
        .await;
    for living in [
        SESSIONS_MAX + 25,
        SESSIONS_MAX + 10,
        SESSIONS_MAX,
        SESSIONS_MAX,
    ] {
        let mut by_body = new_sign_in(ada);
        by_body.session = None;
        let noted = entry(Action::SignIn);
        let done = world.store.sign_in(&by_body, None, None, &noted).await;
        assert_eq!(done.unwrap(), Entered::Done);
        assert_eq!(world.living(ada).await, living);
    }
}

pub(crate) async fn the_end_of_all_takes_what_can_still_matter(world: World) {
    let ada = world.with_account("ada@example.test").await;
    // Expired for long, for so short that its last token may be good, alive without a token, and alive with one.
    for many in [
        Many {
            from: 1,
            to: 1_000,
            expire: -2 * HOUR,
            used: -DAY,
        },
        Many {
            from: 1_001,
            to: 1_001,
            expire: -HOUR,
            used: -HOUR,
        },
        Many {
            from: 1_101,
            to: 1_900,
            expire: HOUR,
            used: -3 * DAY,
        },
        Many {
            from: 1_901,
            to: 2_000,
            expire: HOUR,
            used: -DAY,
        },
    ] {
        world.with_many(ada, many).await;
    }
    let noted = entry(Action::RevokeAllSessions);
    let ended = world.store.revoke_all(ada, None, NOW, &noted).await;
    assert_eq!(ended.unwrap(), 901);
    let untouched = "SELECT count(*) FROM families WHERE revoked_at IS NULL";
    assert_eq!(world.number(untouched).await, 1_000);
    let told = world.store.revocations(0, NOW, MOST).await.unwrap();
    let mut told: Vec<String> = told.into_iter().map(|entry| entry.id).collect();
    told.sort();
    let expected: Vec<String> = [1_001]
        .into_iter()
        .chain(1_901..=2_000)
        .map(|number| numbered(number).to_string())
        .collect();
    assert_eq!(told, expected);
    let noted = entry(Action::RevokeAllSessions);
    let ended = world.store.revoke_subject(ada, NOW, &noted).await;
    assert_eq!(ended.unwrap(), 0, "nothing is left");
}
