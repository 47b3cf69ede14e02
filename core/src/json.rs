//! The one strict JSON reader, for token headers, payloads and key sets.
//!
//! serde_json does the reading; this adds what RFC 8725 and RFC 7515 section 4 ask of security-relevant JSON: no member
//! twice at any depth (names are compared after unescaping), no prototype-polluting names, an object at the top, bounded
//! depth and width. It does not know what the members mean.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Deepest nesting, the top-level object being 1. Because our own claims need 3, and a recursive reader's stack is what
/// deep nesting attacks.
pub(crate) const MAX_DEPTH: usize = 8;

/// Most members in one object. Because our own tokens have about 20, and each member costs a map node many times its size
/// on the wire.
pub(crate) const MAX_MEMBERS: usize = 64;

/// Names that change an object's prototype when JavaScript copies them carelessly; the claims are handed to JavaScript.
const FORBIDDEN_NAMES: [&str; 2] = ["__proto__", "constructor"];

/// How a text fails to be acceptable JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonFault {
    NotUtf8,
    ByteOrderMark,
    NotJson,
    NotAnObject,
    DuplicateMember,
    ForbiddenMember,
    TooDeep,
    TooManyMembers,
}

/// Reads a top-level object. The caller has already bounded the length.
pub(crate) fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    let text = core::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(JsonFault::ByteOrderMark);
    }
    let fault = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict {
        depth: 0,
        fault: &fault,
    }
    .deserialize(&mut reader)
    .map_err(|_| fault.get().unwrap_or(JsonFault::NotJson))?;
    reader.end().map_err(|_| JsonFault::NotJson)?;
    match value {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(JsonFault::NotAnObject)
        }
    }
}

/// Reads one value inside `depth` containers. serde's errors are texts, so the precise fault travels beside them.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<Option<JsonFault>>,
}

impl Strict<'_> {
    fn fail<T, E: serde::de::Error>(self, fault: JsonFault) -> Result<T, E> {
        self.fault.set(Some(fault));
        Err(E::custom("refused"))
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return self.fail(JsonFault::TooDeep);
        }
        Ok(Self {
            depth: self.depth + 1,
            fault: self.fault,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if FORBIDDEN_NAMES.contains(&name.as_str()) {
                return self.fail(JsonFault::ForbiddenMember);
            }
            let is_full = members.len() >= MAX_MEMBERS;
            match members.entry(name) {
                Entry::Occupied(_) => return self.fail(JsonFault::DuplicateMember),
                Entry::Vacant(_) if is_full => return self.fail(JsonFault::TooManyMembers),
                Entry::Vacant(place) => place.insert(access.next_value_seed(inner)?),
            };
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn check(text: &str, expected: Result<(), JsonFault>) {
        assert_eq!(read_object(text.as_bytes()).map(|_| ()), expected, "{text}");
    }

    #[test]
    fn reads_strictly() {
        use JsonFault::*;
        check("{}", Ok(()));
        check(" {\"a\":[1,-1,0.5,true,null,\"x\",{}]}\n", Ok(()));
        check("", Err(NotJson));
        check("{", Err(NotJson));
        check("{}{}", Err(NotJson));
        check("{\"a\":1,}", Err(NotJson));
        check("{\"a\":NaN}", Err(NotJson));
        check("{\"a\":1e400}", Err(NotJson));
        check("{\"a\":01}", Err(NotJson));
        check("{/**/}", Err(NotJson));
        check("{'a':1}", Err(NotJson));
        check(r#"{"a":"\ud800"}"#, Err(NotJson));
        check(r#"{"\udc00":1}"#, Err(NotJson));
        check("{\"a\":\"\u{1}\"}", Err(NotJson));
        check("[]", Err(NotAnObject));
        check("null", Err(NotAnObject));
        check("\"{}\"", Err(NotAnObject));
        check("7", Err(NotAnObject));
        check("\u{feff}{}", Err(ByteOrderMark));
        check(r#"{"a":1,"a":1}"#, Err(DuplicateMember));
        check(r#"{"a":1,"\u0061":2}"#, Err(DuplicateMember));
        check(
            r#"{"o":[{"a":1,"b":{"c":1,"\u0063":1}}]}"#,
            Err(DuplicateMember),
        );
        check(r#"{"__proto__":{}}"#, Err(ForbiddenMember));
        check(r#"{"o":{"constru\u0063tor":1}}"#, Err(ForbiddenMember));
        assert_eq!(read_object(b"{\"a\":\"\xff\"}"), Err(NotUtf8));
    }

    #[test]
    fn the_limits_are_the_last_accepted_values() {
        let nested = |depth: usize| {
            format!(
                "{{\"a\":{}1{}}}",
                "[".repeat(depth - 1),
                "]".repeat(depth - 1)
            )
        };
        check(&nested(MAX_DEPTH), Ok(()));
        check(&nested(MAX_DEPTH + 1), Err(JsonFault::TooDeep));
        check(&nested(5_000), Err(JsonFault::TooDeep));
        let wide = |members: usize| {
            let members: Vec<_> = (0..members).map(|n| format!("\"m{n}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        check(&wide(MAX_MEMBERS), Ok(()));
        check(&wide(MAX_MEMBERS + 1), Err(JsonFault::TooManyMembers));
    }
}
