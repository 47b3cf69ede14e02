//! Where to go after sign-in: only ever a place on this site.
//!
//! The value comes from a link that anybody can write, so it is never treated as a URL. It survives only as an
//! absolute path (and query) that [`CanonicalPath`] can read in one way; scheme, host, port and user name cannot be
//! expressed at all. What is given back starts with `/` and a character that is neither `/` nor `\`, in ASCII, so
//! that no browser can find another origin in it. A fragment is cut off.

use alloc::string::String;

use crate::gate::CanonicalPath;
use crate::percent::{hex_pair, is_unreserved, push_escape};

/// The query parameter that carries the place.
pub const PARAMETER: &str = "returnTo";

/// The alias that clients of other systems send.
pub const PARAMETER_ALIAS: &str = "callbackUrl";

/// The longest place, in bytes. Because it travels encoded (up to three times as long) inside one URL, and
/// intermediaries accept about 8 KiB.
pub const MAX_RETURN_TO_BYTES: usize = 2048;

/// The issuer's question for the password. It is on the way to somewhere and never the place itself.
pub const STEP_UP_PAGE: &str = "/account/step-up";

/// Below it are the issuer's pages for administrators, the only places under `/auth` that somebody returns to.
const CONSOLE: &str = "/auth/console/";

/// The canonical path and query of a same-origin place, or `None` for everything else. `raw` is the parameter's value,
/// percent-decoded once as query parameters are.
///
/// The pages of the sign-in itself are refused too: returning to them would go round in a circle. The question for the password
/// gives way to the place behind it: whoever has just signed in has answered it, and the others are asked there.
#[must_use]
pub fn sanitise(raw: &str) -> Option<String> {
    if raw.len() > MAX_RETURN_TO_BYTES {
        return None;
    }
    let without_fragment = raw.split('#').next()?;
    let (path, query) = match without_fragment.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (without_fragment, None),
    };
    let path = CanonicalPath::parse(path).ok()?;
    if leads_back_to_sign_in(&path) {
        return None;
    }
    if path.as_str().trim_end_matches('/') == STEP_UP_PAGE {
        // Shorter each time, so this ends.
        return from_query(query?);
    }
    let mut place = String::from(path.as_str());
    if let Some(query) = query {
        place.push('?');
        push_query(&mut place, query)?;
    }
    // Encoding may have made it longer than the next reader accepts.
    (place.len() <= MAX_RETURN_TO_BYTES).then_some(place)
}

/// The place named by a raw query string (`returnTo`, or its alias `callbackUrl` when that is absent), sanitised. A
/// parameter that occurs twice is no place.
#[must_use]
pub fn from_query(query: &str) -> Option<String> {
    let parameter = |wanted: &str| {
        let mut values = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| *name == wanted);
        (
            values.next().map(|(_, value)| value),
            values.next().is_some(),
        )
    };
    let (found, repeated) = match parameter(PARAMETER) {
        (None, _) => parameter(PARAMETER_ALIAS),
        named => named,
    };
    if repeated {
        return None;
    }
    sanitise(&decode_form(found?)?)
}

/// A page's address with the way back, for example `/login?returnTo=…`. A query that would make it too long is left out,
/// and so is a place that [`sanitise`] would not accept back.
pub(crate) fn with_way_back(page: &str, path: &CanonicalPath, query: Option<&str>) -> String {
    let mut full = String::from(path.as_str());
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        full.push('?');
        full.push_str(query);
    }
    let mut location = String::from(page);
    if let Some(place) = sanitise(&full).or_else(|| sanitise(path.as_str())) {
        location.push('?');
        location.push_str(PARAMETER);
        location.push('=');
        for byte in place.bytes() {
            if is_unreserved(byte) {
                location.push(char::from(byte));
            } else {
                push_escape(&mut location, byte);
            }
        }
    }
    location
}

fn leads_back_to_sign_in(path: &CanonicalPath) -> bool {
    let judged = path.without_locale(&[]);
    let below = |folder: &str| {
        judged
            .get(..folder.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(folder))
    };
    ["/login", "/register", "/auth"]
        .iter()
        .any(|page| judged.eq_ignore_ascii_case(page))
        || (below("/auth/") && !judged.starts_with(CONSOLE))
}

/// Keeps the query's meaning and makes it plain ASCII; a control character or a backslash ends the attempt.
fn push_query(place: &mut String, query: &str) -> Option<()> {
    for character in query.chars() {
        match character {
            '\\' => return None,
            control if control.is_control() => return None,
            ' ' | '"' | '<' | '>' | '`' | '{' | '}' | '|' | '^' | '\u{80}'.. => {
                let mut buffer = [0; 4];
                for byte in character.encode_utf8(&mut buffer).bytes() {
                    push_escape(place, byte);
                }
            }
            plain => place.push(plain),
        }
    }
    Some(())
}

/// `application/x-www-form-urlencoded`, strictly: a broken escape or broken UTF-8 is no value.
fn decode_form(value: &str) -> Option<String> {
    let mut decoded = alloc::vec::Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_pair(bytes.next(), bytes.next())?,
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn check(raw: &str, expected: Option<&str>) {
        assert_eq!(sanitise(raw).as_deref(), expected, "{raw:?}");
    }

    #[test]
    fn places_on_this_site_survive_in_canonical_form() {
        check("/", Some("/"));
        check("/app", Some("/app"));
        check("/app/?a=1&b=/c", Some("/app/?a=1&b=/c"));
        check(
            "/app?next=https://evil.example/",
            Some("/app?next=https://evil.example/"),
        );
        check("/a/../b?", Some("/b?"));
        check("/caf\u{e9}?q=\u{e9} x", Some("/caf%C3%A9?q=%C3%A9%20x"));
        check("/app#part", Some("/app"));
        check("/loginx", Some("/loginx"));
        check("/auth/console/users?a", Some("/auth/console/users?a"));
    }

    #[test]
    fn every_open_redirect_of_the_field_is_refused() {
        for raw in [
            "",
            "app",
            "?a",
            "#a",
            "//evil",
            "///evil",
            "////evil",
            "/\\evil",
            "\\/evil",
            "\\\\evil",
            "/\t/evil",
            "\t//evil",
            " //evil",
            "/\n/evil",
            "/%09/evil",
            "/%2f%2fevil",
            "/%2fevil",
            "/%5cevil",
            "/.//evil",
            "/..//evil",
            "/a/..//evil",
            "/;/evil",
            "//;@evil",
            "https:evil",
            "https:/evil",
            "https://evil",
            "https:\\\\evil",
            "//evil:443/",
            "http://app@evil",
            "https://app.evil.com",
            "https://evil#@app",
            "https://evil\\@app",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app/x",
            "/%0d%0aLocation:%20//evil",
            "/a\r\nLocation: //evil",
            "/a?b\r\nSet-Cookie: c=d",
            "/a?\u{0}",
            "/a?b\\c",
            "/\u{ff0f}evil",
            "/\u{2044}evil",
            "/\u{2215}evil",
            "\u{ff0f}\u{ff0f}evil",
            "//evil\u{3002}com",
            "https://app//evil",
            "https://xn--pp-6ja.example/",
            "https://app.example.com:8443/",
            "http://app.example.com/",
            "https://user:pw@app.example.com/",
            "/%252f%252fevil",
            "/%00",
            "/a%u002f",
            "/login",
            "/login/",
            "/LOGIN?returnTo=/a",
            "/login?returnTo=%2Flogin",
            "/register",
            "/auth/logout",
            "/a/../login",
        ] {
            check(raw, None);
        }
        // An ideographic full stop is a dot in host names only; in a path it is a letter like any other.
        check("/evil\u{3002}com", Some("/evil%E3%80%82com"));
        check(&format!("/{}", "a".repeat(MAX_RETURN_TO_BYTES)), None);
    }

    #[test]
    fn the_question_for_the_password_gives_way_to_the_place_behind_it() {
        for (raw, expected) in [
            ("/account/step-up", None),
            ("/account/step-up/", None),
            ("/account/step-up?", None),
            ("/account/step-up?returnTo=/account/step-up", None),
            ("/account/step-up?returnTo=https://evil.example/", None),
            ("/account/step-up?returnTo=/login", None),
            (
                "/account/step-up?returnTo=/billing%3Fa%3D1",
                Some("/billing?a=1"),
            ),
            ("/account/../account/step-up?callbackUrl=/b", Some("/b")),
            (
                "/account/step-up?returnTo=%2Faccount%2Fstep-up%3FreturnTo%3D%252Fbilling",
                Some("/billing"),
            ),
            ("/account/step-up-2", Some("/account/step-up-2")),
        ] {
            check(raw, expected);
        }
    }

    #[test]
    fn the_query_names_the_place_once() {
        for (query, expected) in [
            ("returnTo=%2Fapp%3Fa%3D1", Some("/app?a=1")),
            ("callbackUrl=/app", Some("/app")),
            ("callbackUrl=/a&returnTo=/b", Some("/b")),
            ("x=1&returnTo=/a+b", None),
            ("returnTo=/app%3Fq%3Da+b", Some("/app?q=a%20b")),
            ("returnTo=/a&returnTo=/b", None),
            ("returnTo=%2F%2Fevil&callbackUrl=/a", None),
            ("returnTo=%zz", None),
            ("returnTo", None),
            ("", None),
        ] {
            assert_eq!(from_query(query).as_deref(), expected, "{query}");
        }
    }

    #[test]
    fn what_the_gate_writes_the_sign_in_page_reads_back() {
        for (path, query, place) in [
            ("/app", None, "/app"),
            ("/app/", Some("a=1&b=%2F"), "/app/?a=1&b=%2F"),
            ("/caf\u{e9}", Some(""), "/caf%C3%A9"),
            ("/app", Some("a\\b"), "/app"),
        ] {
            let location = with_way_back("/login", &CanonicalPath::parse(path).unwrap(), query);
            let (page, parameters) = location.split_once('?').expect("a way back");
            assert_eq!(page, "/login");
            assert_eq!(from_query(parameters).as_deref(), Some(place), "{location}");
        }
        for long in ["a", "\u{e9}"].map(|text| text.repeat(MAX_RETURN_TO_BYTES / 3)) {
            let path = CanonicalPath::parse("/app").unwrap();
            let location = with_way_back("/login", &path, Some(&long));
            let (_, parameters) = location.split_once('?').expect("a way back");
            assert!(from_query(parameters).is_some());
        }
        let long = "a".repeat(MAX_RETURN_TO_BYTES);
        let location = with_way_back(
            "/login",
            &CanonicalPath::parse("/app").unwrap(),
            Some(&long),
        );
        assert_eq!(location, "/login?returnTo=%2Fapp");
    }

    proptest! {
        #[test]
        fn whatever_survives_is_a_path_of_this_site(raw in any::<String>()) {
            if let Some(place) = sanitise(&raw) {
                prop_assert!(place.starts_with('/') && place.is_ascii());
                prop_assert!(!place.starts_with("//") && !place.contains(['\\', '\r', '\n', '\t']));
            }
        }

        #[test]
        fn whatever_survives_survives_again(raw in "/([a-d./?#%2f\\\\: ]|%[0-9a-f]{2}){0,16}") {
            if let Some(place) = sanitise(&raw) {
                let again = sanitise(&place);
                prop_assert_eq!(again.as_deref(), Some(place.as_str()));
            }
        }
    }
}
