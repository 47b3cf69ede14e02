//! Who connects to which server, as it stands in an address: what the addresses of PostgreSQL and Redis have in common.

use std::net::IpAddr;

/// Whether a host is this machine, so that nobody is on the way to it. An IPv6 address stands without brackets.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `name:password@host:port`, of which all but the host may be missing.
pub(super) struct Authority<'a> {
    pub(super) name: &'a str,
    pub(super) password: Option<&'a str>,
    /// Host and port.
    pub(super) server: &'a str,
}

impl<'a> Authority<'a> {
    /// `None` where an `@` of the name or the password is not written as `%40`: a driver might find another host.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (person, server) = text.rsplit_once('@').unwrap_or(("", text));
        let (name, password) = match person.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (person, None),
        };
        (!person.contains('@')).then_some(Self {
            name,
            password,
            server,
        })
    }

    /// Whether the server listens on the loopback interface, by its usual names.
    pub(super) fn stays_on_machine(&self) -> bool {
        let host = match self.server.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => self.server,
        };
        ["localhost", "127.0.0.1", "[::1]"].contains(&host)
    }

    /// Without the password.
    pub(super) fn shown(&self) -> String {
        let Self { name, server, .. } = self;
        match self.password {
            Some(_) => format!("{name}:(redacted)@{server}"),
            None if name.is_empty() => (*server).to_owned(),
            None => format!("{name}@{server}"),
        }
    }
}

/// What to say where a name or a password cannot be told from what is around it.
pub(super) const ESCAPES: &str = "with @, : and / in a password written as %40, %3A and %2F";
