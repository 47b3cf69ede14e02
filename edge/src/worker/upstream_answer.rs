//! What becomes of the headers of an upstream's answer, before the client gets it.
//!
//! First what belongs to the other connection ends, then our word takes the place of the app's where it must, then what is
//! absent is filled in. The rules are tables in `response_headers.rs`; here they are put together for one answer.

use edgeward_core::gate::{Permit, ResponsePolicy};
use web_sys::Response;

use super::config::{Origin, Settings};
use super::request::Inbound;
use super::response_headers::{self, FOR_SHARED_CACHES, REQUEST_ID, SIGNED_BY_US};
use super::runtime::{self, Changes, HeaderList, Names};

thread_local! {
    static ASKED_FOR: Names = Names::new(&["connection", "location", "cache-control"]);
}

/// What the answer says that the changes depend on.
pub(super) struct Said(HeaderList);

impl Said {
    /// Reads an answer.
    pub(super) fn by(upstream: &Response) -> Self {
        Self(ASKED_FOR.with(|names| runtime::values(&upstream.headers(), names)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(candidate, _)| candidate == name)?;
        Some(&found.1)
    }

    /// The changes to an answer of the upstream at `origin`.
    pub(super) fn changes<'c>(
        &'c self,
        origin: &Origin,
        permit: &Permit,
        inbound: &Inbound,
        settings: &Settings,
    ) -> Changes<'c> {
        let connection = self.header("connection");
        let mut removed: Vec<_> = response_headers::hop_by_hop(connection)
            .chain(SIGNED_BY_US)
            .collect();
        let stays = |name: &str| {
            let ends_here = removed.iter().any(|gone| gone.eq_ignore_ascii_case(name));
            self.header(name).filter(|_| !ends_here)
        };
        let mut set = vec![(REQUEST_ID, inbound.id.clone())];
        if let Some(rest) = stays("location").and_then(|location| inside(location, origin)) {
            let scheme = settings.issuer.scheme();
            set.push(("location", format!("{scheme}://{}{rest}", inbound.host)));
        }
        let policy = permit.response_policy();
        let knows_caller = permit.identity().is_some();
        let cache_control = stays("cache-control");
        if let Some(instead) = response_headers::cache_control(policy, knows_caller, cache_control)
        {
            set.push(("cache-control", instead.to_owned()));
        }
        if policy == ResponsePolicy::PrivateNoStore {
            removed.extend(FOR_SHARED_CACHES);
        }
        Changes {
            removed,
            set,
            absent: response_headers::security(settings.environment).collect(),
        }
    }
}

/// What follows the upstream's own origin in a redirect of its. The client knows the upstream by another name.
fn inside<'l>(location: &'l str, origin: &Origin) -> Option<&'l str> {
    let rest = location.strip_prefix(origin.as_str())?;
    match rest.bytes().next() {
        None | Some(b'/' | b'?' | b'#') => Some(rest),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::config::tests::settings_with;
    use crate::worker::proxy::tests::permit;
    use crate::worker::request::tests::inbound;
    use std::str::FromStr as _;

    /// The changes to an answer with these headers, on a route for anyone or one for the signed-in.
    fn check(path: &str, said: &[(&str, &str)], expected: &[(&str, Option<&str>)]) {
        let settings = settings_with(&[]).ok().unwrap();
        let request = inbound("GET", &format!("https://app.test{path}"), &[]);
        let permit = permit(path);
        let said = said.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let said = Said(said.collect());
        let changes = said.changes(&settings.app_upstream, &permit, &request, &settings);
        for (name, value) in expected {
            let set = changes.set.iter().find(|(candidate, _)| candidate == name);
            let becomes = set.map(|(_, value)| value.as_str());
            assert_eq!(becomes, *value, "{path} {name}");
            if value.is_none() {
                let is_gone = changes.removed.contains(name);
                let is_said = said.header(name).is_some();
                assert!(is_gone || !is_said || *name == "cache-control" || *name == "location");
            }
        }
        for name in [
            "connection",
            "upgrade",
            "edgeward-assertion",
            "edgeward-proof",
        ] {
            assert!(changes.removed.contains(&name), "{name}");
        }
        for (name, _) in response_headers::security(settings.environment) {
            assert!(changes.absent.iter().any(|(absent, _)| *absent == name));
        }
    }

    #[test]
    fn our_word_takes_the_place_of_the_apps_where_it_must() {
        check(
            "/public",
            &[],
            &[("x-request-id", Some("r-1")), ("cache-control", None)],
        );
        check(
            "/mine",
            &[("cache-control", "public, max-age=60")],
            &[("cache-control", Some("private, no-store"))],
        );
        check(
            "/mine",
            &[("cache-control", "no-store")],
            &[("cache-control", None)],
        );
        check(
            "/mine",
            &[
                ("connection", "Cache-Control"),
                ("cache-control", "no-store"),
            ],
            &[("cache-control", Some("private, no-store"))],
        );
        check(
            "/public",
            &[("location", "http://127.0.0.1:3000/login")],
            &[("location", Some("https://app.test/login"))],
        );
        check(
            "/public",
            &[("location", "https://elsewhere.test/")],
            &[("location", None)],
        );
        check(
            "/public",
            &[
                ("connection", "location"),
                ("location", "http://127.0.0.1:3000/login"),
            ],
            &[("location", None)],
        );
    }

    #[test]
    fn shared_caches_are_told_nothing_about_what_is_for_one_person() {
        let settings = settings_with(&[]).ok().unwrap();
        for (path, expected) in [("/mine", true), ("/public", false)] {
            let request = inbound("GET", &format!("https://app.test{path}"), &[]);
            let said = Said(Vec::new());
            let changes = said.changes(&settings.app_upstream, &permit(path), &request, &settings);
            for name in FOR_SHARED_CACHES {
                assert_eq!(changes.removed.contains(&name), expected, "{path} {name}");
            }
        }
    }

    #[test]
    fn only_redirects_to_the_upstream_itself_are_renamed() {
        let upstream = Origin::from_str("http://127.0.0.1:3000").unwrap();
        for (location, rest) in [
            ("http://127.0.0.1:3000/login", Some("/login")),
            ("http://127.0.0.1:3000", Some("")),
            ("http://127.0.0.1:3000?x", Some("?x")),
            ("http://127.0.0.1:30001/", None),
            ("http://127.0.0.1:3000.evil.test/", None),
            ("http://127.0.0.1:3000@evil.test/", None),
            ("/login", None),
            ("https://elsewhere.test/", None),
        ] {
            assert_eq!(inside(location, &upstream), rest, "{location}");
        }
    }
}
