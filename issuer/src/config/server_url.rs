//! The address of a PostgreSQL server, which may hold a password.

use super::{
    authority::{Authority, ESCAPES},
    url::{Kind, Read, Url},
};

/// `postgres://name:password@host:port/database?sslmode=verify-full`.
pub type ServerUrl = Url<OfServer>;

/// What may stand after the `?`. A password may not: it has one place, which is hidden when the address is shown.
const PARAMETERS: [&str; 5] = ["host", "sslcert", "sslkey", "sslmode", "sslrootcert"];

/// The values of `sslmode`, as libpq names them.
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Those under which the server's certificate is checked.
const VERIFYING: [&str; 2] = ["verify-ca", "verify-full"];

/// The address of a PostgreSQL server says nothing besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfServer;

impl Kind for OfServer {
    const NAME: &'static str = "ServerUrl";

    fn read(text: &str) -> Result<Read<Self>, String> {
        const FORM: &str = "must be postgres://name:password@host:port/database";
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(FORM.to_owned());
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').ok_or(FORM)?;
        if database.is_empty() || database.contains('/') || text.contains(['#', ' ', '\n']) {
            return Err(FORM.to_owned());
        }
        let authority = Authority::parse(authority)
            .filter(|them| them.password.is_none() || !them.name.is_empty())
            .ok_or_else(|| format!("{FORM}, {ESCAPES}"))?;
        let server = authority.server;
        let (mut socket, mut ssl_mode) = (server.starts_with("%2F") || server.is_empty(), None);
        for parameter in query.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !PARAMETERS.contains(&key) {
                let known = PARAMETERS.join(", ");
                return Err(format!(
                    "has a parameter that does not exist: there are {known}"
                ));
            }
            match key {
                "host" if value.starts_with('/') => socket = true,
                "host" => {
                    return Err(
                        "has a host that is no folder of a socket, as host=/run/postgresql"
                            .to_owned(),
                    );
                }
                "sslmode" if !SSL_MODES.contains(&value) => {
                    return Err(format!(
                        "has an sslmode that is none of {}",
                        SSL_MODES.join(", ")
                    ));
                }
                "sslmode" => ssl_mode = Some(value),
                _ => {}
            }
        }
        let mark = if query.is_empty() { "" } else { "?" };
        let verifies = ssl_mode.is_some_and(|mode| VERIFYING.contains(&mode));
        Ok(Read {
            shown: format!("{scheme}://{}/{database}{mark}{query}", authority.shown()),
            has_password: authority.password.is_some(),
            is_private: verifies || socket || authority.stays_on_machine(),
            besides: Self,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_without_its_password() {
        for (whole, shown) in [
            (
                "postgres://edgeward:s3cret@db.example.com:5433/edgeward?sslmode=verify-full",
                "postgres://edgeward:(redacted)@db.example.com:5433/edgeward?sslmode=verify-full",
            ),
            (
                "postgresql://edgeward@db/edgeward",
                "postgresql://edgeward@db/edgeward",
            ),
            (
                "postgres:///edgeward?host=/run/postgresql",
                "postgres:///edgeward?host=/run/postgresql",
            ),
            (
                "postgres://edgeward:s3cret%40@%2Frun%2Fpostgresql/edgeward",
                "postgres://edgeward:(redacted)@%2Frun%2Fpostgresql/edgeward",
            ),
        ] {
            let url = ServerUrl::parse(whole).unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.reveal(), whole);
            assert!(!format!("{url:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_is_none_is_refused_without_being_repeated() {
        for text in [
            "mysql://edgeward:s3cret@db/edgeward",
            "s3cret",
            "postgres://edgeward:s3cret@db",
            "postgres://edgeward:s3cret@db/",
            "postgres://edgeward:s3cret@db/a/b",
            "postgres://edgeward:s3@cret@db/edgeward",
            "postgres://edgeward@db/edgeward?password=s3cret",
            "postgres://edgeward@db/edgeward?sslmode=s3cret",
            "postgres://:s3cret@db/edgeward",
            "postgres://localhost/edgeward?host=s3cret",
        ] {
            let refused = ServerUrl::parse(text).unwrap_err();
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn is_private_on_this_machine_or_behind_a_checked_certificate() {
        for (text, private) in [
            ("postgres:///edgeward?host=/run/postgresql", true),
            ("postgres://%2Frun%2Fpostgresql/edgeward", true),
            ("postgres://localhost/edgeward", true),
            ("postgres://a@127.0.0.1:5432/edgeward", true),
            ("postgres://[::1]:5432/edgeward", true),
            ("postgres://db/edgeward?sslmode=verify-full", true),
            ("postgres://db/edgeward?sslmode=verify-ca", true),
            ("postgres://db/edgeward?sslmode=require", false),
            ("postgres://db:5432/edgeward", false),
            ("postgres://localhost.example.com/edgeward", false),
        ] {
            assert_eq!(
                ServerUrl::parse(text).unwrap().is_private(),
                private,
                "{text}"
            );
        }
    }
}
