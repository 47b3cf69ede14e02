//! The settings of Redis.

use std::{path::PathBuf, time::Duration};

use super::{Reader, number, path, text, text_in};
use crate::config::{Redis, RedisUrl, source::Raw};

/// A prefix is a part of every key and of the channel; longer would be most of each.
const PREFIX_MAX_BYTES: usize = 64;

pub(super) fn redis(reader: &mut Reader, default: Redis) -> Redis {
    let url = reader.take("redis.url", None, |raw| redis_url(raw).map(Some));
    let held = reader.take("redis.url_file", None, |raw| redis_url_in(raw).map(Some));
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
    }
}

fn redis_url(raw: &Raw) -> Result<RedisUrl, String> {
    let url = RedisUrl::parse(&text(raw)?)?;
    if url.has_password() && !matches!(raw, Raw::Variable(_)) {
        return Err(
            "holds a password, which this file would show to its readers: use EDGEWARD__REDIS__URL or redis.url_file"
                .to_owned(),
        );
    }
    Ok(url)
}

/// The address in a file of its own, as container platforms hand out secrets.
fn redis_url_in(raw: &Raw) -> Result<(PathBuf, RedisUrl), String> {
    let path = path(raw)?;
    match RedisUrl::parse(&text_in(&path)?) {
        Ok(url) => Ok((path, url)),
        Err(wrong) => Err(format!("{}: {wrong}", path.display())),
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
