//! The address of a Redis server, which may hold a password.

use super::{
    authority::{Authority, ESCAPES},
    url::{Kind, Read, Url},
};

/// `rediss://name:password@host:port/number`, `redis://…` without TLS, or `unix:///run/redis/redis.sock`.
pub type RedisUrl = Url<OfRedis>;

/// What the address of a Redis server says besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfRedis {
    has_tls: bool,
}

impl Kind for OfRedis {
    const NAME: &'static str = "RedisUrl";

    fn read(text: &str) -> Result<Read<Self>, String> {
        const FORM: &str = "must be rediss://name:password@host:port/number, redis://… or unix:///path/of/a/socket";
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        // After a `#` the driver would take `insecure`, which switches the check of the certificate off.
        if rest.contains(['#', '?', ' ', '\n']) {
            return Err(format!("{FORM}, and nothing behind it"));
        }
        let (has_tls, is_socket) = match scheme {
            "rediss" => (true, false),
            "redis" => (false, false),
            "unix" => (false, true),
            _ => return Err(FORM.to_owned()),
        };
        if is_socket {
            if !rest.starts_with('/') || rest.contains('@') {
                return Err(FORM.to_owned());
            }
            return Ok(Read {
                shown: text.to_owned(),
                has_password: false,
                is_private: true,
                besides: Self { has_tls },
            });
        }
        let (authority, number) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = Authority::parse(authority)
            .filter(|them| them.password.is_some() || them.name.is_empty())
            .ok_or_else(|| format!("{FORM}, {ESCAPES}"))?;
        if authority.server.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FORM.to_owned());
        }
        // What the driver does not take is told now and not at the first connection.
        redis::Client::open(text).map_err(|_| FORM)?;
        let slash = if number.is_empty() { "" } else { "/" };
        Ok(Read {
            shown: format!("{scheme}://{}{slash}{number}", authority.shown()),
            has_password: authority.password.is_some(),
            is_private: has_tls || authority.stays_on_machine(),
            besides: Self { has_tls },
        })
    }
}

impl RedisUrl {
    /// Whether the server must show a certificate.
    #[must_use]
    pub const fn has_tls(&self) -> bool {
        self.besides().has_tls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_without_its_password() {
        for (whole, shown, private) in [
            (
                "rediss://edgeward:s3cret%40@cache.example.com:6380/2",
                "rediss://edgeward:(redacted)@cache.example.com:6380/2",
                true,
            ),
            (
                "redis://:s3cret@cache.example.com",
                "redis://:(redacted)@cache.example.com",
                false,
            ),
            ("redis://10.0.0.5:6379", "redis://10.0.0.5:6379", false),
            (
                "redis://localhost.example.com",
                "redis://localhost.example.com",
                false,
            ),
            ("redis://localhost/", "redis://localhost", true),
            ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0", true),
            ("redis://[::1]:6379", "redis://[::1]:6379", true),
            (
                "unix:///run/redis/redis.sock",
                "unix:///run/redis/redis.sock",
                true,
            ),
        ] {
            let url = RedisUrl::parse(whole).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.reveal(), whole);
            assert_eq!(url.is_private(), private, "{whole}");
            assert_eq!(url.has_password(), whole.contains("s3cret"));
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_is_none_is_refused_without_being_repeated() {
        for text in [
            "http://edgeward:s3cret@cache",
            "s3cret",
            "redis://s3cret@cache",
            "redis://a:s3@cret@cache",
            "redis://:s3cret@",
            "redis://:s3cret@cache/x",
            "redis://:s3cret@cache:port",
            "redis://:s3cret@cache?protocol=resp3",
            "rediss://:s3cret@cache/#insecure",
            "redis+unix:///s3cret",
            "unix://s3cret",
            "unix:///run/redis.sock?pass=s3cret",
        ] {
            let refused = RedisUrl::parse(text).map(|_| text).unwrap_err();
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
}
