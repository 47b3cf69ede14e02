//! The settings of Redis.

use std::time::Duration;

use super::{Reader, number, path, seconds, text};
use crate::config::{Redis, RedisUrl, source::Raw};

/// A prefix is a part of every key and of the channel; longer would be most of each.
const PREFIX_MAX_BYTES: usize = 64;

pub(super) fn redis(reader: &mut Reader, default: Redis) -> Redis {
    let (url, held) = RedisUrl::take(reader, "redis.url", "redis.url_file");
    let (url_file, held) = held.unzip();
    if url.is_some() && held.is_some() {
        reader.contradict("redis.url_file", "redis.url", "there is one Redis");
    }
    Redis {
        url: url.or(held),
        url_file,
        ca_file: reader.take("redis.ca_file", None, |raw| path(raw).map(Some)),
        prefix: reader.take("redis.prefix", default.prefix, prefix),
        timeout: reader.take("redis.timeout_ms", default.timeout, timeout),
        // Under 6 s the turn could end before a request does that waits for the database; over 2 minutes no grace is.
        turn_seconds: reader.take("redis.turn_seconds", default.turn_seconds, seconds(6, 120)),
    }
}

/// Under 10 ms a pause of the scheduler is taken for a loss; over a second a Redis that hangs is felt by everybody.
fn timeout(raw: &Raw) -> Result<Duration, String> {
    number(10, 1000)(raw).map(Duration::from_millis)
}

/// What no key and no rule of an access list needs to quote.
fn prefix(raw: &Raw) -> Result<String, String> {
    let prefix = text(raw)?;
    let fits = prefix
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits && prefix.len() <= PREFIX_MAX_BYTES {
        Ok(prefix)
    } else {
        Err(format!(
            "must be letters, digits, -, _ and ., at most {PREFIX_MAX_BYTES}"
        ))
    }
}
