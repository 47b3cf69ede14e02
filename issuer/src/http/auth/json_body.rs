//! The members of a JSON body, and which of them is wrong. A refusal names the member and never repeats what is in it: that
//! may be a password. The parser's own text does, so only its kind is taken from it.

use serde::de::DeserializeOwned;

use crate::http::problem::ApiError;

/// A name of the caller's that is no member of ours is repeated as far as this.
const NAME_MAX_CHARS: usize = 64;

/// Reads a whole body.
///
/// # Errors
/// [`ApiError::Malformed`].
pub(super) fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    const NO_OBJECT: &str = "the body is not a JSON object";
    // Serde would fill the members from an array, in the order of the source.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(ApiError::malformed(NO_OBJECT));
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut parser);
    let value: T = read.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.classify() != serde_json::error::Category::Data {
            return no_json();
        }
        let said = inner.to_string();
        let member = |name: &str, what: &str| {
            let within = match path.as_str() {
                "." => name.to_owned(),
                path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
                path => format!("{path}.{name}"),
            };
            let name: String = within
                .chars()
                .filter(|letter| !letter.is_control())
                .take(NAME_MAX_CHARS)
                .collect();
            ApiError::malformed(format!("the JSON body {what}: {name}"))
        };
        if let Some(name) = named(&said, "missing field `") {
            return member(name, "lacks a documented member");
        }
        if let Some(name) = named(&said, "duplicate field `") {
            return member(name, "has a member twice");
        }
        if let Some(name) = named(&said, "unknown field `") {
            // A path that has come to a name has it as it was sent.
            let whole = if path == "." { name } else { &path };
            return member(whole, "has a member that is not documented");
        }
        match path.as_str() {
            "." => ApiError::malformed(NO_OBJECT),
            path => member(path, "has a member of another type than is documented"),
        }
    })?;
    match parser.end() {
        Ok(()) => Ok(value),
        Err(_) => Err(no_json()),
    }
}

fn no_json() -> ApiError {
    ApiError::malformed("the body is not valid JSON")
}

/// The name that the parser says after this.
fn named<'s>(said: &'s str, begin: &str) -> Option<&'s str> {
    let rest = said.strip_prefix(begin)?;
    let end = rest
        .find("`, expected ")
        .or_else(|| rest.find("`, there are no fields"))
        .or_else(|| rest.rfind('`'))?;
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Typed {
        #[expect(dead_code, reason = "only read")]
        email: String,
        #[expect(dead_code, reason = "only read")]
        #[serde(default)]
        remember: bool,
        #[expect(dead_code, reason = "only read")]
        #[serde(default)]
        device: Option<Device>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Device {
        #[expect(dead_code, reason = "only read")]
        name: String,
    }

    #[test]
    fn a_refusal_names_the_member_and_not_what_is_in_it() {
        let long = format!("{{\"{}\":1}}", "n".repeat(80));
        let cut = format!(
            "the JSON body has a member that is not documented: {}",
            "n".repeat(64)
        );
        for (body, expected) in [
            ("{}", "the JSON body lacks a documented member: email"),
            (
                r#"{"emial":"s3cret"}"#,
                "the JSON body has a member that is not documented: emial",
            ),
            (
                r#"{"email":"s3cret","email":"s3cret"}"#,
                "the JSON body has a member twice: email",
            ),
            (
                r#"{"email":["s3cret"]}"#,
                "the JSON body has a member of another type than is documented: email",
            ),
            (
                r#"{"email":"","remember":"s3cret"}"#,
                "the JSON body has a member of another type than is documented: remember",
            ),
            (
                r#"{"email":"","device":{"name":7301}}"#,
                "the JSON body has a member of another type than is documented: device.name",
            ),
            (
                r#"{"email":"","device":{}}"#,
                "the JSON body lacks a documented member: device.name",
            ),
            (
                r#"{"email":"","device":{"nmae":"s3cret"}}"#,
                "the JSON body has a member that is not documented: device.nmae",
            ),
            (
                "{\"a\\u001bb`, expected c\":1}",
                "the JSON body has a member that is not documented: ab`, expected c",
            ),
            (&long, &cut),
            ("[\"s3cret\"]", "the body is not a JSON object"),
            ("\"s3cret\"", "the body is not a JSON object"),
            ("7301", "the body is not a JSON object"),
            ("{\"email\":\"s3cret\"", "the body is not valid JSON"),
            ("{\"email\":\"s3cret\"} x", "the body is not valid JSON"),
            ("", "the body is not valid JSON"),
        ] {
            let said = match from_json::<Typed>(body.as_bytes()) {
                Err(ApiError::Malformed(said)) => said,
                other => panic!("{body}: {other:?}"),
            };
            assert_eq!(said, expected, "{body}");
            assert!(!said.contains("s3cret") && !said.contains("7301"), "{said}");
        }
        assert!(from_json::<Typed>(br#" {"email":"a"} "#).is_ok());
    }
}
