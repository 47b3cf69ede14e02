//! The one strict JSON reader, for token headers, payloads and key sets.
//!
//! serde_json does the reading; this adds what RFC 8725 and RFC 7515 section 4 ask of security-relevant JSON: no member
//! twice at any depth (names are compared after unescaping), no prototype-polluting names, an object at the top, bounded
//! depth and width. What was read points into the text where it can, because most of it is looked at once and thrown away. It does
//! not know what the members mean.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting, the top-level object being 1. Because our own claims need 3, and a recursive reader's stack is what
/// deep nesting attacks.
pub(crate) const MAX_DEPTH: usize = 8;

/// Most members in one object. Because our own tokens have about 20, and each member costs a map node many times its size
/// on the wire.
pub(crate) const MAX_MEMBERS: usize = 64;

/// Room for so many is made at once at the top, so that a usual payload needs no more.
const USUAL_MEMBERS: usize = 16;

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

/// A value, with texts that have no escapes left where they are.
#[derive(Debug, PartialEq)]
pub(crate) enum Json<'t> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'t, str>),
    List(Vec<Json<'t>>),
    Object(Members<'t>),
}

/// The members of an object, each name once, in the order of the text.
///
/// They are looked for one after the other: there are few ([`MAX_MEMBERS`]), and most differ in length already.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Members<'t>(Vec<(Cow<'t, str>, Json<'t>)>);

impl<'t> Members<'t> {
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'t>> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        Some(value)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The same by itself, in the order of the names.
    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let mut map = Map::new();
        // One by one: collecting sorts first, and a general sort is five kilobytes of wasm.
        for (name, value) in &self.0 {
            map.insert(name.as_ref().into(), value.to_value());
        }
        map
    }
}

impl Json<'_> {
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.as_ref().into()),
            Self::List(values) => Value::Array(values.iter().map(Json::to_value).collect()),
            Self::Object(members) => Value::Object(members.to_map()),
        }
    }
}

/// Reads a top-level object. The caller has already bounded the length.
pub(crate) fn read_object(bytes: &[u8]) -> Result<Members<'_>, JsonFault> {
    read_text(core::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?)
}

/// [`read_object`] of what is known to be UTF-8.
pub(crate) fn read_text(text: &str) -> Result<Members<'_>, JsonFault> {
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
        Json::Object(members) => Ok(members),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
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
    type Value = Json<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        // JSON has no other numbers.
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let room = if self.depth == 0 { USUAL_MEMBERS } else { 0 };
        let mut members = Members(Vec::with_capacity(room));
        while let Some(name) = access.next_key_seed(Name)? {
            if FORBIDDEN_NAMES.contains(&name.as_ref()) {
                return self.fail(JsonFault::ForbiddenMember);
            }
            if members.contains(&name) {
                return self.fail(JsonFault::DuplicateMember);
            }
            if members.0.len() >= MAX_MEMBERS {
                return self.fail(JsonFault::TooManyMembers);
            }
            members.0.push((name, access.next_value_seed(inner)?));
        }
        Ok(Json::Object(members))
    }
}

/// The name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(value.into()))
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
