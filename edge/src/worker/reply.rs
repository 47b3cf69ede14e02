//! The edge's own answers, as values: refusals, redirects, the answer of verify-token, health.
//!
//! People who navigate get a small page, programs get problem JSON (RFC 9457). Neither says more than the public code;
//! what the edge knows besides goes to the log.

use edgeward_core::cookie::Environment;
use edgeward_core::gate::cors::vary_with_origin;
use edgeward_core::problem::{PROBLEM_CONTENT_TYPE, Problem, ProblemCode};
use edgeward_core::trace::TRACEPARENT;

use super::response_headers::{self, NO_STORE, OWN_PAGE_POLICY, REQUEST_ID, VARY_ON_CREDENTIALS};

/// Names in lower case, no name twice.
pub(super) type OwnHeaders = Vec<(&'static str, String)>;

/// An answer that the edge makes itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// All of its headers.
    pub(super) headers: OwnHeaders,
    /// `None` sends no body at all.
    pub(super) body: Option<String>,
}

/// In which form somebody reads an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person, in a browser's window.
    Person,
    /// A program.
    Program,
}

impl Reader {
    /// The reader of the answer to a navigation or to anything else.
    pub(super) const fn of(navigation: bool) -> Self {
        if navigation {
            Self::Person
        } else {
            Self::Program
        }
    }
}

impl Reply {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: vec![
                ("cache-control", NO_STORE.to_owned()),
                ("vary", VARY_ON_CREDENTIALS.to_owned()),
            ],
            body: None,
        }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self::new(status)
    }

    /// Sends the browser elsewhere; `location` is a path that core made.
    pub(super) fn redirect(status: u16, location: String) -> Self {
        Self::new(status).with("location", location)
    }

    /// A refusal, as a page or as problem JSON.
    pub(super) fn problem(problem: &Problem, reader: Reader, request_id: &str) -> Self {
        let reply = Self::new(problem.status);
        match reader {
            Reader::Person => Self {
                body: Some(page(problem, request_id)),
                ..reply
                    .with("content-type", "text/html; charset=utf-8".to_owned())
                    .with("content-security-policy", OWN_PAGE_POLICY.to_owned())
            },
            Reader::Program => Self {
                body: Some(problem.to_json()),
                ..reply.with("content-type", PROBLEM_CONTENT_TYPE.to_owned())
            },
        }
    }

    /// A refusal of the edge itself, where no decision of core is behind it.
    pub(super) fn refusal(code: ProblemCode, reader: Reader, request_id: &str) -> Self {
        Self::problem(&Problem::new(code), reader, request_id)
    }

    /// A JSON answer.
    pub(super) fn json(status: u16, body: String) -> Self {
        Self {
            body: Some(body),
            ..Self::new(status).with("content-type", "application/json".to_owned())
        }
    }

    /// The same answer with a header more.
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same answer with several headers more.
    pub(super) fn with_each(mut self, headers: OwnHeaders) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same answer, of which caches know that it depends on the origin that asks.
    pub(super) fn varying_by_origin(mut self) -> Self {
        for (_, value) in self.headers.iter_mut().filter(|(name, _)| *name == "vary") {
            *value = vary_with_origin(Some(value));
        }
        self
    }

    /// Whether it lets an origin that asked read it.
    pub(super) fn is_for_one_origin(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, _)| *name == "access-control-allow-origin")
    }

    /// The answer as it leaves: with the security headers and the request id, and without a body for HEAD
    /// (RFC 9110, section 9.3.2).
    pub(super) fn finish(
        mut self,
        environment: Environment,
        method: &str,
        request_id: &str,
        traceparent: Option<&str>,
    ) -> Self {
        for (name, value) in response_headers::security(environment) {
            self.headers.push((name, value.to_owned()));
        }
        // These last, so that what is the same in every answer stands together.
        if let Some(said) = traceparent {
            self.headers.push((TRACEPARENT, said.to_owned()));
        }
        self.headers.push((REQUEST_ID, request_id.to_owned()));
        if method == "HEAD" {
            self.body = None;
        }
        self
    }
}

/// A page that stands without scripts and, if the issuer is away, without its style sheet.
fn page(problem: &Problem, request_id: &str) -> String {
    let title = escape(problem.title);
    let detail = problem
        .detail
        .as_deref()
        .map_or_else(String::new, |detail| {
            format!("    <p class=\"lead\">{}</p>\n", escape(detail))
        });
    let request_id = escape(request_id);
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         \x20 <meta charset=\"utf-8\">\n\
         \x20 <title>{title}</title>\n\
         \x20 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         \x20 <meta name=\"color-scheme\" content=\"light dark\">\n\
         \x20 <meta name=\"robots\" content=\"noindex\">\n\
         \x20 <link rel=\"stylesheet\" href=\"/auth/assets/pages.css\">\n\
         </head>\n\
         <body>\n\
         \x20 <main class=\"card\">\n\
         \x20   <h1>{title}</h1>\n\
         {detail}\
         \x20   <p class=\"actions\"><a class=\"button button-quiet\" href=\"/\">Go to the start page</a></p>\n\
         \x20   <p><small>Reference for support: <code>{request_id}</code></small></p>\n\
         \x20 </main>\n\
         </body>\n\
         </html>\n"
    )
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        reply
            .headers
            .iter()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn people_get_a_page_under_a_strict_policy_and_programs_get_problem_json() {
        let problem = Problem::new(ProblemCode::RouteDenied);
        let page = Reply::problem(&problem, Reader::Person, "r-1");
        assert_eq!(
            (page.status, header(&page, "content-type")),
            (403, Some("text/html; charset=utf-8"))
        );
        assert_eq!(
            header(&page, "content-security-policy"),
            Some(OWN_PAGE_POLICY)
        );
        assert!(
            page.body
                .as_deref()
                .unwrap()
                .contains("<h1>No rule allows this request.</h1>")
        );
        let json = Reply::problem(&problem, Reader::Program, "r-1");
        assert_eq!(
            (json.status, header(&json, "content-type")),
            (403, Some(PROBLEM_CONTENT_TYPE))
        );
        assert_eq!(json.body, Some(problem.to_json()));
    }

    #[test]
    fn a_detail_cannot_become_markup() {
        let problem = Problem::new(ProblemCode::RouteDenied).with_detail("<script>\"&'");
        let page = Reply::problem(&problem, Reader::Person, "<id>");
        let body = page.body.unwrap();
        assert!(body.contains("&lt;script&gt;&quot;&amp;&#39;") && body.contains("&lt;id&gt;"));
        assert!(!body.contains("<script"));
    }

    #[test]
    fn every_own_answer_is_finished_alike() {
        for reply in [
            Reply::empty(204),
            Reply::redirect(303, "/login?returnTo=%2Fapp".to_owned()),
            Reply::refusal(ProblemCode::EdgeMisconfigured, Reader::Program, "r-1"),
            Reply::json(200, "{}".to_owned()),
        ] {
            let reply = reply.finish(Environment::Production, "GET", "r-1", Some("t-1"));
            assert_eq!(header(&reply, "cache-control"), Some("no-store"));
            assert_eq!(header(&reply, "vary"), Some("Cookie, Authorization"));
            assert_eq!(header(&reply, "x-request-id"), Some("r-1"));
            assert_eq!(header(&reply, "traceparent"), Some("t-1"));
            assert_eq!(header(&reply, "x-content-type-options"), Some("nosniff"));
            assert_eq!(
                header(&reply, "strict-transport-security"),
                Some("max-age=31536000")
            );
            let mut names: Vec<_> = reply.headers.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), reply.headers.len(), "no header twice");
        }
    }

    #[test]
    fn head_gets_no_body() {
        let reply = Reply::refusal(ProblemCode::InvalidToken, Reader::Program, "r-1");
        let reply = reply.finish(Environment::Development, "HEAD", "r-1", None);
        assert_eq!((reply.status, reply.body.as_deref()), (401, None));
    }
}
