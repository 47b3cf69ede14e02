//! Whether a person is looking at a page, or a program is calling an interface.
//!
//! A person without a session is led to the sign-in page; a program gets a status and a problem body. Browsers say
//! which it is (Fetch Metadata); `Accept` is believed only from clients that do not, because scripts set it freely.

/// The question "may this request be answered with a redirect to a page?".
#[derive(Clone, Copy, Debug)]
pub struct Navigation;

impl Navigation {
    /// True for GET and HEAD requests that load a top-level document. The arguments are the values of
    /// `Sec-Fetch-Mode`, `Sec-Fetch-Dest` and `Accept`, where present. With either Fetch Metadata header present,
    /// `Accept` is not looked at; frames, prefetching scripts and images are not navigations.
    #[must_use]
    pub fn detect(
        sec_fetch_mode: Option<&str>,
        sec_fetch_dest: Option<&str>,
        accept: Option<&str>,
        method: &str,
    ) -> bool {
        if !matches!(method, "GET" | "HEAD") {
            return false;
        }
        match (sec_fetch_mode, sec_fetch_dest) {
            (None, None) => accept.is_some_and(accepts_html),
            (mode, dest) => {
                mode.map(str::trim) == Some("navigate") && dest.map(str::trim) == Some("document")
            }
        }
    }
}

/// A wildcard is not enough: every `fetch()` sends `*/*`.
fn accepts_html(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|media| {
            ["text/html", "application/xhtml+xml"]
                .iter()
                .any(|html| media.eq_ignore_ascii_case(html))
        });
        let refused = parts.any(|parameter| {
            let zero = parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="));
            zero.is_some_and(|quality| quality.bytes().all(|byte| matches!(byte, b'0' | b'.')))
        });
        is_html && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_it_themselves_and_others_are_asked_what_they_accept() {
        let html = Some("text/html,application/xhtml+xml,*/*;q=0.8");
        for (mode, dest, accept, method, expected) in [
            (Some("navigate"), Some("document"), html, "GET", true),
            (Some("navigate"), Some("document"), None, "HEAD", true),
            (Some("navigate"), Some("document"), html, "POST", false),
            (Some("navigate"), Some("iframe"), html, "GET", false),
            (Some("navigate"), None, html, "GET", false),
            (None, Some("document"), html, "GET", false),
            (Some("cors"), Some("empty"), html, "GET", false),
            (Some("no-cors"), Some("image"), html, "GET", false),
            (Some(""), None, html, "GET", false),
            (None, None, html, "GET", true),
            (None, None, Some("TEXT/HTML"), "GET", true),
            (
                None,
                None,
                Some("application/json, text/html;q=0.5"),
                "GET",
                true,
            ),
            (
                None,
                None,
                Some("application/json, text/html;q=0.0"),
                "GET",
                false,
            ),
            (None, None, Some("*/*"), "GET", false),
            (None, None, Some("application/json"), "GET", false),
            (None, None, None, "GET", false),
            (None, None, html, "get", false),
            (None, None, html, "DELETE", false),
        ] {
            assert_eq!(
                Navigation::detect(mode, dest, accept, method),
                expected,
                "{mode:?} {dest:?} {accept:?} {method}"
            );
        }
    }
}
