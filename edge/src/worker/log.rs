//! The Worker's log: one JSON object per line on the console.
//!
//! Only what is refused or fails is logged here, under the request's id, with codes and reasons from closed lists. No
//! header, cookie, token, query or body ever comes near it.

use serde_json::{Map, Value};

use super::platform;

/// Writes a line. Fields with an empty value are left out.
pub(super) fn line(level: &'static str, event: &'static str, fields: &[(&'static str, &str)]) {
    platform::log(&format(level, event, fields));
}

fn format(level: &str, event: &str, fields: &[(&str, &str)]) -> String {
    let mut members = Map::new();
    for (name, value) in [("level", level), ("event", event)].iter().chain(fields) {
        if !value.is_empty() {
            members.insert((*name).to_owned(), Value::from(*value));
        }
    }
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object_whatever_the_values_are() {
        let written = format(
            "warn",
            "refused",
            &[
                ("requestId", "r-1"),
                ("rule", "line\nbreak \"quoted\""),
                ("reason", ""),
            ],
        );
        assert!(!written.contains('\n'));
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read.get("event"), Some(&Value::from("refused")));
        assert_eq!(
            read.get("rule"),
            Some(&Value::from("line\nbreak \"quoted\""))
        );
        assert_eq!(read.get("reason"), None);
    }
}
