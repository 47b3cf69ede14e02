//! Alerts: when enough events of a kind are somebody's business, and what that somebody is told.
//!
//! Everything here is a function of counts and the moment; counting is the database's, and sending that of `alerts` at the
//! root of the crate.

use edgeward_core::time::UnixTime;
use hmac::{Hmac, Mac, digest::KeyInit};
use serde::Serialize;
use sha2::Sha256;

use super::session::{self, NoRandomness};
use crate::config::AlertRule;

/// Events count when they are so old: by then the transaction that writes one has ended, so none is missed because it came
/// after the count of its second.
pub const SETTLED_SECONDS: i64 = 10;

/// So many addresses or users at once are told of one rule, the worst first: an attack from everywhere is one message too.
pub const SUBJECTS_MAX: i64 = 10;

/// A receiver that is away is tried after 10 seconds, 20, 40 and so on.
const FIRST_WAIT_SECONDS: i64 = 10;

/// The longest wait.
const WAIT_MAX_SECONDS: i64 = 3600;

/// Given up after so many, which is most of a night.
const TRIES_MAX: u32 = 16;

/// What was counted of a rule's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Which address or user; empty where everything is counted together.
    pub subject: String,
    /// How many.
    pub count: i64,
    /// The first of them.
    pub first_at: UnixTime,
    /// The last of them.
    pub last_at: UnixTime,
}

/// An alert to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its identifier: the same in every attempt to send it.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// See [`Counted::subject`].
    pub subject: String,
    /// When it was raised.
    pub raised_at: UnixTime,
    /// Until then the same is not told again.
    pub cools_at: UnixTime,
    /// What is sent, a JSON object.
    pub body: String,
}

/// What is sent. Members may be added, none is taken away.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: &'a str,
    rule: &'a str,
    severity: &'static str,
    event: &'static str,
    message: &'static str,
    count: i64,
    window_seconds: i64,
    per: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    first_at: UnixTime,
    last_at: UnixTime,
    raised_at: UnixTime,
    issuer: &'a str,
}

/// The span of time whose events count for a rule: from the first moment, up to and without the second.
#[must_use]
pub fn window(rule: &AlertRule, now: UnixTime) -> (UnixTime, UnixTime) {
    let end = now.plus(-SETTLED_SECONDS);
    (end.plus(-rule.window_seconds), end)
}

/// The alerts of a rule, from what was counted in its window. Who is in `cooling` was told a while ago.
///
/// # Errors
/// Without randomness for their identifiers.
pub fn raise(
    rule: &AlertRule,
    counted: &[Counted],
    cooling: &[String],
    issuer: &str,
    now: UnixTime,
) -> Result<Vec<Alert>, NoRandomness> {
    counted
        .iter()
        .filter(|counted| counted.count >= rule.count && !cooling.contains(&counted.subject))
        .map(|counted| {
            let id = session::uuid_v7(now, session::random()?).to_string();
            let body = Body {
                id: &id,
                rule: &rule.name,
                severity: rule.severity.name(),
                event: rule.event.name(),
                message: rule.event.message(),
                count: counted.count,
                window_seconds: rule.window_seconds,
                per: rule.per.name(),
                subject: &counted.subject,
                first_at: counted.first_at,
                last_at: counted.last_at,
                raised_at: now,
                issuer,
            };
            Ok(Alert {
                // Text and whole numbers only, which can always be written.
                body: serde_json::to_string(&body).unwrap_or_default(),
                rule: rule.name.clone(),
                subject: counted.subject.clone(),
                raised_at: now,
                cools_at: now.plus(rule.cooldown_seconds),
                id,
            })
        })
        .collect()
}

/// When a failed attempt, the `tried`th counted from 1, is made again; `None` when it is given up.
#[must_use]
pub fn next_try(tried: u32, now: UnixTime) -> Option<UnixTime> {
    if tried >= TRIES_MAX {
        return None;
    }
    let doubled = FIRST_WAIT_SECONDS.saturating_mul(1_i64 << tried.saturating_sub(1).min(32));
    Some(now.plus(doubled.min(WAIT_MAX_SECONDS)))
}

/// HMAC-SHA256 over the moment, a full stop and the body, as hexadecimal digits. With the moment in it a receiver can refuse
/// what somebody recorded and sends again.
#[must_use]
pub fn signature(secret: &str, sent_at: UnixTime, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(sent_at.seconds().to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Per, default_alerts};

    const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);

    fn counted(subject: &str, count: i64) -> Counted {
        Counted {
            subject: subject.to_owned(),
            count,
            first_at: NOW.plus(-200),
            last_at: NOW.plus(-100),
        }
    }

    #[test]
    fn a_rule_tells_of_each_that_reaches_its_count_unless_it_was_told_of() {
        let mut rule = default_alerts().remove(0);
        rule.per = Per::Address;
        for (count, found, cooling, expected) in [
            (1, vec![], vec![], vec![]),
            (1, vec![counted("", 1)], vec![], vec![""]),
            (1, vec![counted("", 1)], vec![""], vec![]),
            (3, vec![counted("a", 3), counted("b", 2)], vec![], vec!["a"]),
            (
                3,
                vec![counted("a", 3), counted("b", 9)],
                vec!["a"],
                vec!["b"],
            ),
        ] {
            rule.count = count;
            let cooling: Vec<String> = cooling.into_iter().map(str::to_owned).collect();
            let alerts = raise(&rule, &found, &cooling, "https://a.example", NOW).unwrap();
            let told: Vec<&str> = alerts.iter().map(|alert| alert.subject.as_str()).collect();
            assert_eq!(told, expected);
            for alert in alerts {
                assert_eq!(alert.cools_at, NOW.plus(rule.cooldown_seconds));
                assert!(
                    alert
                        .body
                        .starts_with(&format!("{{\"id\":\"{}\",", alert.id))
                );
            }
        }
    }

    #[test]
    fn windows_of_a_rule_that_is_told_again_at_once_meet_without_a_gap() {
        let rule = default_alerts().remove(0);
        assert_eq!(rule.cooldown_seconds, rule.window_seconds);
        let (_, end) = window(&rule, NOW);
        let (begin, _) = window(&rule, NOW.plus(rule.cooldown_seconds));
        assert_eq!(begin, end);
    }

    #[test]
    fn attempts_grow_rarer_and_end() {
        let waits: Vec<i64> = (1..TRIES_MAX)
            .map(|tried| next_try(tried, NOW).unwrap().seconds_since(NOW))
            .collect();
        assert_eq!(
            waits[..10],
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
        );
        assert!(waits[10..].iter().all(|wait| *wait == WAIT_MAX_SECONDS));
        assert_eq!(next_try(TRIES_MAX, NOW), None);
        assert_eq!(next_try(u32::MAX, NOW), None);
    }

    #[test]
    fn the_signature_is_what_another_program_computes() {
        // printf '1795000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        assert_eq!(signature("secret", NOW, "{\"a\":1}"), EXPECTED_SIGNATURE);
    }

    const EXPECTED_SIGNATURE: &str =
        "f9e0bd0d1a561fbfdabec6356500586e2c72d7d797314b41b8380761868d6c25";
}
