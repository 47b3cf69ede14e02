//! Whose page a request came from, by what browsers say of it: `Origin` (RFC 6454) and Fetch Metadata.
//!
//! A page of another site can make a browser send cookies, but it can choose neither of the two headers. So of a request
//! that acts in somebody's name they are judged before anything else; the CSRF token ([`crate::csrf`]) comes besides.
//! Whatever sends neither is no browser that matters: no foreign page made it send the cookies.

use alloc::string::String;

/// What the two headers of one request say; a header that came twice is one value that nobody accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Provenance<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
}

/// Whose page it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PageOf {
    /// A page of this site or of a listed origin, or no page at all.
    Ours,
    /// A page of this site that keeps its name to itself: `Origin: null`, which `Referrer-Policy: no-referrer` makes
    /// browsers send with forms. It must bring the CSRF token.
    OursUnnamed,
    /// Another page.
    Others,
}

impl Provenance<'_> {
    /// Judges against the site's own origin and the `listed` ones beside it.
    ///
    /// `same-site` is another page of the same site, such as a sibling subdomain, and no page of ours unless its origin is
    /// listed. A value of Fetch Metadata that no browser sends is nobody's.
    pub fn judge(&self, own: &str, listed: &[&[String]]) -> PageOf {
        let is_here = matches!(self.fetch_site, None | Some("same-origin" | "none"));
        let is_listed = |origin: &str| {
            let mut origins = listed.iter().flat_map(|list| list.iter());
            origins.any(|known| known == origin)
        };
        match self.origin {
            None if is_here => PageOf::Ours,
            Some(origin) if origin == own && is_here => PageOf::Ours,
            Some("null") if self.fetch_site == Some("same-origin") => PageOf::OursUnnamed,
            Some(origin) if origin != own && is_listed(origin) => PageOf::Ours,
            None | Some(_) => PageOf::Others,
        }
    }
}

/// Whether a method may change something (RFC 9110, section 9.2.1), so that whose page asks for it matters.
#[must_use]
pub fn is_unsafe(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Whether a text is an origin as browsers write it: scheme, host in lower case and ASCII, and a port only where it is not
/// the scheme's own. Anything else would never be equal to an `Origin`.
#[must_use]
pub fn is_serialised(text: &str) -> bool {
    let (authority, own_port) = match (text.strip_prefix("https://"), text.strip_prefix("http://"))
    {
        (Some(authority), _) => (authority, "443"),
        (None, Some(authority)) => (authority, "80"),
        (None, None) => return false,
    };
    let (host, port) = match authority.rsplit_once(':') {
        // An IPv6 address keeps its colons within brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let is_port = |port: &str| {
        !port.starts_with('0') && port != own_port && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
            })
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const SITE: &str = "https://site.example";

    #[test]
    fn whose_page_it_was() {
        let listed = ["https://admin.site.example".to_string(), SITE.to_string()];
        let (ours, unnamed, others) = (PageOf::Ours, PageOf::OursUnnamed, PageOf::Others);
        for (origin, fetch_site, expected) in [
            (None, None, ours),
            (None, Some("same-origin"), ours),
            (None, Some("none"), ours),
            (None, Some("same-site"), others),
            (None, Some("cross-site"), others),
            (None, Some("same-origin, cross-site"), others),
            (None, Some("Same-Origin"), others),
            (None, Some(""), others),
            (Some(SITE), None, ours),
            (Some(SITE), Some("same-origin"), ours),
            (Some(SITE), Some("same-site"), others),
            (Some(SITE), Some("cross-site"), others),
            (
                Some("https://site.example, https://site.example"),
                None,
                others,
            ),
            (Some("https://SITE.example"), None, others),
            (Some("http://site.example"), None, others),
            (Some("https://site.example:443"), None, others),
            (Some("https://site.example:8443"), None, others),
            (Some("https://site.example/"), None, others),
            (Some("https://site.example.evil.example"), None, others),
            (Some("https://evilsite.example"), None, others),
            (Some("https://a.site.example"), Some("same-site"), others),
            (Some("https://evil.example"), None, others),
            (Some("https://evil.example"), Some("same-origin"), others),
            (Some("https://admin.site.example"), None, ours),
            (Some("https://admin.site.example"), Some("same-site"), ours),
            (Some("https://admin.site.example"), Some("cross-site"), ours),
            (Some("null"), None, others),
            (Some("null"), Some("none"), others),
            (Some("null"), Some("cross-site"), others),
            (Some("null"), Some("same-origin"), unnamed),
            (Some(""), None, others),
        ] {
            let provenance = Provenance { origin, fetch_site };
            let judged = provenance.judge(SITE, &[&listed]);
            assert_eq!(judged, expected, "{provenance:?}");
        }
    }

    #[test]
    fn an_origin_is_what_browsers_write() {
        for (text, expected) in [
            ("https://app.example.com", true),
            ("http://127.0.0.1:8787", true),
            ("https://[2001:db8::1]:8443", true),
            ("http://localhost:3000", true),
            ("https://xn--bcher-kva.example", true),
            ("https://app.example.com/", false),
            ("https://App.example.com", false),
            ("https://app.example.com:443", false),
            ("http://app.example.com:80", false),
            ("https://app.example.com:", false),
            ("https://app.example.com:08443", false),
            ("https://app.example.com:65536", false),
            ("https://*.example.com", false),
            ("https://bücher.example", false),
            ("https://a..b", false),
            ("https://u@app.example.com", false),
            ("https://", false),
            ("ftp://app.example.com", false),
            ("app.example.com", false),
            ("null", false),
            ("*", false),
        ] {
            assert_eq!(is_serialised(text), expected, "{text}");
        }
    }

    #[test]
    fn methods_that_change_nothing_are_a_closed_list() {
        for (method, expected) in [
            ("GET", false),
            ("HEAD", false),
            ("OPTIONS", false),
            ("TRACE", false),
            ("POST", true),
            ("PUT", true),
            ("PATCH", true),
            ("DELETE", true),
            ("get", true),
            ("PROPFIND", true),
        ] {
            assert_eq!(is_unsafe(method), expected, "{method}");
        }
    }
}
