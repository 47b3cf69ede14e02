//! Alerts: whose turn it is, what is counted, and what is still to be sent.

use std::sync::Arc;

use edgeward_issuer::{
    config::{AlertRule, Per, default_alerts},
    domain::{
        alerts::{self, Counted, SUBJECTS_MAX},
        events::{Circumstances, EventType, SecurityEvent},
    },
    store::alerts::Sent,
};
use tokio::task::JoinSet;

use super::world::{NOW, World};

fn rule(per: Per, count: i64) -> AlertRule {
    AlertRule {
        event: EventType::CsrfRefused,
        per,
        count,
        ..default_alerts().remove(0)
    }
}

fn alert(rule: &AlertRule, subject: &str) -> alerts::Alert {
    let counted = Counted {
        subject: subject.to_owned(),
        count: rule.count,
        first_at: NOW,
        last_at: NOW,
    };
    alerts::raise(rule, &[counted], &[], "https://a.example", NOW)
        .unwrap()
        .remove(0)
}

pub(crate) async fn one_process_has_the_turn_until_it_ends(world: World) {
    let other = world.another().await;
    let take = async |holder: &str, at: i64| {
        let store = if holder == "a" { &world.store } else { &other };
        let (now, until) = (NOW.plus(at), NOW.plus(at + 60));
        store.take_alert_turn(holder, now, until).await.unwrap()
    };
    for (holder, at, expected) in [
        ("a", 0, true),
        ("b", 1, false),
        ("a", 30, true),
        ("b", 60, false),
        ("b", 89, false),
        ("b", 90, true),
        ("a", 91, false),
    ] {
        assert_eq!(take(holder, at).await, expected, "{holder} {at}");
    }
    world.store.give_alert_turn_back("a").await.unwrap();
    assert!(!take("a", 92).await, "only who has it gives it back");
    other.give_alert_turn_back("b").await.unwrap();
    assert!(take("a", 93).await);
    // A clock that was ahead for a moment keeps nobody out for longer than a turn may last.
    assert!(take("a", 86_400).await);
    assert!(take("b", 94).await);
    assert!(!take("a", 95).await);
    // One that is a little ahead has its turn all the same: both would send the same alert.
    assert!(take("b", 100).await);
    assert!(!take("a", 95).await);
}

pub(crate) async fn events_are_counted_together_as_the_rule_says(world: World) {
    let ada = world.with_account("ada@example.test").await;
    for (at, address, user) in [
        (-1, "192.0.2.9", None),
        (0, "192.0.2.1", Some(ada)),
        (1, "192.0.2.1", Some(ada)),
        (2, "192.0.2.2", Some(ada)),
        (3, "192.0.2.1", None),
        (10, "192.0.2.9", None),
    ] {
        let around = Circumstances::new(address.parse().unwrap(), "", "POST", "/");
        let mut event = SecurityEvent::refusal(EventType::CsrfRefused, NOW.plus(at), "r", around);
        event.user = user;
        world.store.record_event(&event).await.unwrap();
    }
    let ada = ada.to_string();
    for (per, count, expected) in [
        (Per::Site, 1, vec![("", 4, 0, 3)]),
        (Per::Site, 5, vec![]),
        (
            Per::Address,
            1,
            vec![("192.0.2.1", 3, 0, 3), ("192.0.2.2", 1, 2, 2)],
        ),
        (Per::Address, 2, vec![("192.0.2.1", 3, 0, 3)]),
        (Per::User, 2, vec![(ada.as_str(), 3, 0, 2)]),
    ] {
        let window = (NOW, NOW.plus(10));
        let found = world.store.count_for_alert(&rule(per, count), window).await;
        let found = found.unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|row| {
                let since = |at: edgeward_core::time::UnixTime| at.seconds_since(NOW);
                (
                    row.subject.as_str(),
                    row.count,
                    since(row.first_at),
                    since(row.last_at),
                )
            })
            .collect();
        assert_eq!(told, expected, "{per:?} {count}");
    }
    for index in 0..2 * SUBJECTS_MAX {
        let address = format!("198.51.100.{index}").parse().unwrap();
        let around = Circumstances::new(address, "", "POST", "/");
        let event = SecurityEvent::refusal(EventType::CsrfRefused, NOW.plus(50), "r", around);
        world.store.record_event(&event).await.unwrap();
    }
    let window = (NOW.plus(50), NOW.plus(51));
    let found = world
        .store
        .count_for_alert(&rule(Per::Address, 1), window)
        .await;
    assert_eq!(i64::try_from(found.unwrap().len()).unwrap(), SUBJECTS_MAX);
}

pub(crate) async fn what_was_told_is_not_raised_again(world: World) {
    let stores = [
        Arc::new(world.another().await),
        Arc::new(world.another().await),
    ];
    let rule = rule(Per::Site, 1);
    let first = alert(&rule, "");
    assert!(world.store.raise_alert(&first).await.unwrap());
    let mut running = JoinSet::new();
    for index in 0..50 {
        let (store, again) = (Arc::clone(&stores[index % 2]), alert(&rule, ""));
        running.spawn(async move { store.raise_alert(&again).await.unwrap() });
    }
    assert!(running.join_all().await.iter().all(|raised| !raised));
    assert!(
        world
            .store
            .raise_alert(&alert(&rule, "192.0.2.1"))
            .await
            .unwrap()
    );
    let cooling = world.store.cooling_subjects(&rule.name, NOW).await.unwrap();
    assert_eq!(cooling.len(), 2);
    let later = NOW.plus(rule.cooldown_seconds);
    assert_eq!(
        world
            .store
            .cooling_subjects(&rule.name, later)
            .await
            .unwrap(),
        [""; 0]
    );
}

pub(crate) async fn an_alert_is_due_until_it_is_taken_or_given_up(world: World) {
    let rule = rule(Per::Site, 1);
    let (one, two) = (alert(&rule, "1"), alert(&rule, "2"));
    for alert in [&one, &two] {
        assert!(world.store.raise_alert(alert).await.unwrap());
    }
    let due = async |at: i64| -> Vec<(String, u32)> {
        let found = world.store.due_alerts(NOW.plus(at)).await.unwrap();
        found.into_iter().map(|due| (due.id, due.tries)).collect()
    };
    assert_eq!(due(-1).await, []);
    assert_eq!(due(0).await.len(), 2);
    world
        .store
        .settle_alert(&one.id, Sent::Taken, NOW)
        .await
        .unwrap();
    let later = Sent::Failed(Some(NOW.plus(10)));
    world.store.settle_alert(&two.id, later, NOW).await.unwrap();
    assert_eq!(due(9).await, []);
    assert_eq!(due(10).await, [(two.id.clone(), 1)]);
    let (old, cold) = (NOW.plus(1), NOW.plus(rule.cooldown_seconds));
    assert_eq!(
        world.store.end_alerts(old, NOW).await.unwrap(),
        0,
        "they keep others from being told"
    );
    assert_eq!(
        world.store.end_alerts(old, cold).await.unwrap(),
        1,
        "the other is still to be sent"
    );
    world
        .store
        .settle_alert(&two.id, Sent::Failed(None), NOW)
        .await
        .unwrap();
    assert_eq!(due(9999).await, []);
    assert_eq!(
        world.store.end_alerts(NOW, cold).await.unwrap(),
        0,
        "not old enough"
    );
    assert_eq!(world.store.end_alerts(old, cold).await.unwrap(), 1);
}
