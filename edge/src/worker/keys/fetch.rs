//! One fetch of the key set from the issuer, with everything that can be wrong about the answer.

use edgeward_core::keys::{
    FETCH_LEASE_SECONDS, KeySet, KeySetError, MAX_KEY_SET_BYTES, NO_USABLE_KEY,
};
use web_sys::{AbortController, Request};

use super::Published;
use super::cache::LOOK_TIMEOUT_MILLISECONDS;
use crate::worker::body::{self, Unread};
use crate::worker::document::{self, Wanted};
use crate::worker::errand::Errand;
use crate::worker::platform;
use crate::worker::proof::Asker;

/// The address of the key set at the issuer.
const KEY_SET_PATH: &str = "/.well-known/jwks.json";
/// Because a visitor waits for it on a cold isolate.
const FETCH_TIMEOUT_MILLISECONDS: i32 = 5_000;
const _: () = assert!(
    ((LOOK_TIMEOUT_MILLISECONDS + FETCH_TIMEOUT_MILLISECONDS) as i64) < FETCH_LEASE_SECONDS * 1_000,
    "who fetches gives up, the look into the shared cache included, before another request takes over"
);
/// Because tags are digests or counters, and it is kept and sent back.
const MAX_ENTITY_TAG_BYTES: usize = 128;

/// A good answer.
pub(super) enum Fetched {
    /// A set with at least one usable key.
    Set {
        published: Published,
        entity_tag: Option<String>,
    },
    /// The set that the entity tag belongs to is in force still.
    Unchanged,
}

/// Why no set could be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NotSent,
    Unreachable,
    TooSlow,
    Status,
    NotOurs,
    TooLarge,
    Broken,
    Refused(KeySetError),
    Empty,
}

impl Failure {
    /// From a closed list (docs/VERIFICATION.md); nothing of the answer is in it.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::NotSent => "request-not-made",
            Self::Unreachable => "issuer-unreachable",
            Self::TooSlow => "issuer-too-slow",
            Self::Status => "status-not-200",
            Self::NotOurs => "unchanged-without-our-etag",
            Self::TooLarge => KeySetError::TooLarge.reason(),
            Self::Broken => "body-broke-off",
            Self::Refused(error) => error.reason(),
            Self::Empty => NO_USABLE_KEY,
        }
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Broken => Self::Broken,
            Unread::TooLarge => Self::TooLarge,
        }
    }
}

/// Asks the issuer, with the entity tag of the set at hand, and gives up after [`FETCH_TIMEOUT_MILLISECONDS`].
pub(super) async fn fetch(errand: &Errand, entity_tag: Option<&str>) -> Result<Fetched, Failure> {
    let abort = AbortController::new().map_err(|_| Failure::NotSent)?;
    let wanted = Wanted {
        target: KEY_SET_PATH,
        accept: "application/jwk-set+json, application/json",
        asker: Asker::Client(None),
        entity_tag,
        tells: &[],
    };
    let request =
        document::request(errand, wanted, &abort.signal()).map_err(|_| Failure::NotSent)?;
    let entity_tag = entity_tag.map(str::to_owned);
    let asked = async move { answer(&request, entity_tag.as_deref()).await };
    let answered = platform::within(FETCH_TIMEOUT_MILLISECONDS, asked).await;
    answered.unwrap_or_else(|| {
        abort.abort();
        Err(Failure::TooSlow)
    })
}

async fn answer(request: &Request, entity_tag: Option<&str>) -> Result<Fetched, Failure> {
    let response = platform::fetch(request)
        .await
        .map_err(|_| Failure::Unreachable)?;
    let said = response.headers().get("etag").ok().flatten();
    match response.status() {
        200 => {}
        304 if confirms(entity_tag, said.as_deref()) => return Ok(Fetched::Unchanged),
        304 => return Err(Failure::NotOurs),
        _ => return Err(Failure::Status),
    }
    let body = body::read(&response, MAX_KEY_SET_BYTES).await?;
    let published = acceptable(body)?;
    let entity_tag = said.filter(|tag| is_entity_tag(tag));
    Ok(Fetched::Set {
        published,
        entity_tag,
    })
}

/// The set in a document, wherever it came from.
pub(super) fn acceptable(body: Vec<u8>) -> Result<Published, Failure> {
    let keys = KeySet::parse(&body).map_err(Failure::Refused)?;
    if keys.is_empty() {
        Err(Failure::Empty)
    } else {
        Ok(Published { keys, body })
    }
}

/// Whether a 304 speaks of the set that was asked about. Tags are compared weakly (RFC 9110, section 13.1.2), because a
/// proxy that compresses makes them weak.
fn confirms(asked: Option<&str>, said: Option<&str>) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    asked.is_some() && asked.map(opaque) == said.map(opaque)
}

/// The form of RFC 9110, section 8.8.3, without the octets that it only tolerates.
fn is_entity_tag(text: &str) -> bool {
    let opaque = text
        .strip_prefix("W/")
        .unwrap_or(text)
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    text.len() <= MAX_ENTITY_TAG_BYTES
        && opaque.is_some_and(|opaque| {
            opaque
                .bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What can be wrong about a fetch that no rule about sets names.
    const OWN: [Failure; 6] = [
        Failure::NotSent,
        Failure::Unreachable,
        Failure::TooSlow,
        Failure::Status,
        Failure::NotOurs,
        Failure::Broken,
    ];

    /// Its place in [`OWN`]; a new variant does not compile until it has one, or is another's.
    fn place(failure: Failure) -> Option<usize> {
        match failure {
            Failure::NotSent => Some(0),
            Failure::Unreachable => Some(1),
            Failure::TooSlow => Some(2),
            Failure::Status => Some(3),
            Failure::NotOurs => Some(4),
            Failure::Broken => Some(5),
            Failure::TooLarge | Failure::Refused(_) | Failure::Empty => None,
        }
    }

    #[test]
    fn the_page_and_the_stories_name_every_reason_of_a_fetch() {
        let page = include_str!("../../../../docs/VERIFICATION.md");
        let stories = include_str!("../../../../tests/tests/stories/key_sets/bad_answers.rs");
        let (_, sentence) = page
            .split_once("where the fetch itself may have failed as well:")
            .unwrap();
        let (sentence, _) = sentence.split_once(".\n").unwrap();
        let told: Vec<_> = sentence.split('`').skip(1).step_by(2).collect();
        for (at, failure) in OWN.into_iter().enumerate() {
            assert_eq!(place(failure), Some(at));
            let quoted = format!("\"{}\"", failure.reason());
            assert!(stories.contains(&quoted), "no story has {quoted}");
        }
        assert_eq!(told, OWN.map(Failure::reason));
    }

    #[test]
    fn only_our_own_tag_confirms() {
        for (asked, said, expected) in [
            (Some("\"a\""), Some("\"a\""), true),
            (Some("\"a\""), Some("W/\"a\""), true),
            (Some("W/\"a\""), Some("\"a\""), true),
            (Some("\"a\""), Some("\"b\""), false),
            (Some("\"a\""), Some(""), false),
            (Some("\"a\""), None, false),
            (None, Some("\"a\""), false),
            (None, None, false),
        ] {
            assert_eq!(confirms(asked, said), expected, "{asked:?}, {said:?}");
        }
    }

    #[test]
    fn what_is_sent_back_has_the_form_of_a_tag() {
        let longest = format!("\"{}\"", "a".repeat(MAX_ENTITY_TAG_BYTES - 2));
        let too_long = format!("\"{}\"", "a".repeat(MAX_ENTITY_TAG_BYTES - 1));
        for (text, expected) in [
            ("\"\"", true),
            ("\"a\"", true),
            ("W/\"a-B_9~!\"", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("\"", false),
            ("a", false),
            ("\"a", false),
            ("w/\"a\"", false),
            ("\"a\"b\"", false),
            ("\"a b\"", false),
            ("\"a\", \"b\"", false),
            ("\"ä\"", false),
        ] {
            assert_eq!(is_entity_tag(text), expected, "{text}");
        }
    }

    #[test]
    fn a_set_that_verifies_nothing_is_none() {
        for (body, failure) in [
            ("", "not-json"),
            ("<!doctype html><title>Sign in</title>", "not-json"),
            ("[]", "not-an-object"),
            ("{}", "keys-missing"),
            ("{\"keys\":[]}", "key-set-without-usable-key"),
            ("{\"keys\":[{\"kty\":\"oct\"}]}", "symmetric-key"),
        ] {
            let reason = acceptable(body.into()).err().map(Failure::reason);
            assert_eq!(reason, Some(failure), "{body}");
        }
    }
}
