//! How a poison gets into a field, and the body in its format.

use serde_json::{Map, Value, json};

use super::{
    bases::Base,
    table::{Format, Poison},
    world::NEEDLE,
};

impl Poison {
    /// A good text with this in it. What is told apart by an `@` gets it before that.
    pub(super) fn in_text(self, good: &str) -> String {
        let (begin, end) = match good.split_once('@') {
            Some((name, domain)) => (name, format!("@{domain}")),
            None => (good, String::new()),
        };
        let hostile = match self {
            Self::Zero => format!("\0{NEEDLE}"),
            // An address may have an apostrophe and no blank.
            Self::Sql if !end.is_empty() => format!("'or'1'='1'--{NEEDLE}"),
            Self::Sql => format!("' OR '1'='1'; DROP TABLE users; --{NEEDLE}"),
            Self::Header => format!("\r\nset-cookie: {NEEDLE}=1\r\n\r\n<html>"),
            Self::Turn => format!("\u{202e}{NEEDLE}"),
            // As it is read.
            Self::Broken => format!("\u{fffd}{NEEDLE}"),
        };
        format!("{begin}{hostile}{end}")
    }

    pub(super) fn in_value(self, good: &Value) -> Value {
        if let Value::Array(members) = good {
            members.iter().map(|one| self.in_value(one)).collect()
        } else if let Value::String(text) = good {
            json!(self.in_text(text))
        } else {
            json!(self.in_text(&good.to_string()))
        }
    }
}

/// The body in its format, with another value of one field.
pub(super) fn body(
    format: Format,
    base: &Base,
    changed: Option<(&str, Value)>,
    poison: Poison,
) -> Vec<u8> {
    let value_of = |name: &str, good: &Value| {
        let of_field = changed.as_ref().filter(|(field, _)| *field == name);
        of_field.map_or_else(|| good.clone(), |(_, value)| value.clone())
    };
    let fields = base.fields.iter();
    let fields = fields.map(|(name, good)| ((*name).to_owned(), value_of(name, good)));
    let text = match format {
        Format::Json => Value::Object(fields.collect::<Map<_, _>>()).to_string(),
        Format::Form => {
            let text = |value: &Value| value.as_str().map(str::to_owned).unwrap();
            let pairs = fields.map(|(name, value)| format!("{name}={}", escaped(&text(&value))));
            pairs.collect::<Vec<_>>().join("&")
        }
    };
    if poison != Poison::Broken {
        return text.into_bytes();
    }
    match format {
        Format::Form => text.replace("%EF%BF%BD", "%FF").into_bytes(),
        Format::Json => {
            let bytes = text.replace('\u{fffd}', "\u{1}").into_bytes();
            bytes
                .into_iter()
                .map(|byte| if byte == 1 { 0xff } else { byte })
                .collect()
        }
    }
}

pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
