//! The trace that a request belongs to, by the W3C recommendation Trace Context.
//!
//! A well-formed `traceparent` goes on as it came: the edge records no span of its own, and a parent that nobody recorded
//! would break the trace in two. Anything else is as good as none, and a new one is made of the request's own id. It names a
//! request for people who search logs; nothing is decided by it, so anybody may choose it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;

/// The header.
pub const TRACEPARENT: &str = "traceparent";

/// The header that means something beside a well-formed [`TRACEPARENT`] only.
pub const TRACESTATE: &str = "tracestate";

/// The longest header that is looked at. Because version 00 has 55 characters, and a later one that says much more would
/// only be cut by somebody else.
const MAX_BYTES: usize = 128;

/// A well-formed `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads the header as section 3.2 says. `None` for what is not well-formed, two headers in one line among it.
    #[must_use]
    pub fn read(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str, length: usize| {
            text.len() == length
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let names_something = |text: &str| text.bytes().any(|byte| byte != b'0');
        let is_known = version == "00";
        // A later version may say more; what it says first has this form.
        let more = parts.next().is_some();
        let is_well_formed = header.len() <= MAX_BYTES
            && header
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',')
            && is_hex(version, 2)
            && version != "ff"
            && is_hex(trace, 32)
            && names_something(trace)
            && is_hex(parent, 16)
            && names_something(parent)
            && is_hex(flags, 2)
            && !(is_known && more);
        is_well_formed.then(|| Self(header.to_owned()))
    }

    /// A new trace that begins with a request, made of the request's id, a random UUID: the whole of it names the trace, its
    /// end the request. `None` for an id that is none.
    #[must_use]
    pub fn beginning_with(request_id: &str) -> Option<Self> {
        let hex: String = request_id.chars().filter(|one| *one != '-').collect();
        Self::read(&format!("00-{hex}-{}-00", hex.get(16..)?))
    }

    /// The header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        self.0.split('-').nth(1).unwrap_or_default()
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn what_is_well_formed_is_taken_as_it_is() {
        for (header, accepted) in [
            (format!("00-{TRACE}-{PARENT}-01"), true),
            (format!("00-{TRACE}-{PARENT}-00"), true),
            (format!("00-{TRACE}-{PARENT}-ff"), true),
            (format!("01-{TRACE}-{PARENT}-01"), true),
            (format!("cc-{TRACE}-{PARENT}-01-what-comes-later"), true),
            (format!("00-{TRACE}-{PARENT}-01-more"), false),
            (format!("00-{TRACE}-{PARENT}-01-"), false),
            (format!("cc-{TRACE}-{PARENT}-01.more"), false),
            (format!("cc-{TRACE}-{PARENT}-01-{}", "x".repeat(128)), false),
            (format!("ff-{TRACE}-{PARENT}-01"), false),
            (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), false),
            (format!("00-{}-{PARENT}-01", "0".repeat(32)), false),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), false),
            (format!("00-{TRACE}0-{PARENT}-01"), false),
            (format!("00-{TRACE}-{PARENT}"), false),
            (format!("00-{TRACE}-{PARENT}-1"), false),
            (format!("00-{TRACE}-{PARENT}-0g"), false),
            (format!(" 00-{TRACE}-{PARENT}-01"), false),
            (format!("01-{TRACE}-{PARENT}-01-a b"), false),
            (
                format!("01-{TRACE}-{PARENT}-01-a,00-{TRACE}-{PARENT}-01"),
                false,
            ),
            (String::new(), false),
        ] {
            let read = TraceParent::read(&header);
            assert_eq!(read.is_some(), accepted, "{header}");
            if let Some(read) = read {
                assert_eq!((read.as_str(), read.trace_id()), (&*header, TRACE));
            }
        }
    }

    #[test]
    fn a_new_trace_is_named_after_the_request_that_begins_it() {
        let made = TraceParent::beginning_with("01234567-89ab-4def-8123-456789abcdef").unwrap();
        assert_eq!(
            made.as_str(),
            "00-0123456789ab4def8123456789abcdef-8123456789abcdef-00"
        );
        for id in ["", "r-1", "01234567-89AB-4DEF-8123-456789ABCDEF"] {
            assert_eq!(TraceParent::beginning_with(id), None, "{id}");
        }
    }
}
