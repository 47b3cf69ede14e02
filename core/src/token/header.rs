//! The JOSE header: what it must have and what it must not carry.
//!
//! Nothing in a header is trusted. It may say which key to look for; it can never bring one.

use alloc::string::String;

use super::limits::{MAX_HEADER_BYTES, MAX_KEY_ID_BYTES};
use crate::json::{self, Json, JsonFault};
use crate::reject::Reject;

/// Members that carry a key or say where to fetch one (RFC 7515 sections 4.1.2, 4.1.3, 4.1.5, 4.1.6). Following them is how
/// a token vouches for itself (CVE-2018-0114) or makes the verifier fetch a URL of the attacker's.
const KEY_MEMBERS: [&str; 4] = ["jwk", "jku", "x5u", "x5c"];

#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
    pub(super) token_type: Option<String>,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Reject> {
        if bytes.len() > MAX_HEADER_BYTES {
            return Err(Reject::HeaderTooLarge);
        }
        let members = json::read_object(bytes)?;
        if members.contains("crit") {
            return Err(Reject::CriticalExtension);
        }
        // RFC 7797 demands `crit` beside it; alone it is ignored by some and obeyed by others.
        if members.contains("b64") {
            return Err(Reject::UnencodedPayload);
        }
        if members.contains("cty") {
            return Err(Reject::NestedContent);
        }
        if KEY_MEMBERS.iter().any(|&name| members.contains(name)) {
            return Err(Reject::EmbeddedKey);
        }
        let algorithm = match members.get("alg") {
            None => return Err(Reject::AlgorithmMissing),
            Some(value) => value.as_text().ok_or(Reject::AlgorithmMalformed)?.into(),
        };
        let key_id = match members.get("kid") {
            None => None,
            Some(Json::Text(kid)) if is_key_id(kid) => Some(kid.as_ref().into()),
            Some(_) => return Err(Reject::KeyIdMalformed),
        };
        let token_type = match members.get("typ") {
            None => None,
            Some(value) => Some(value.as_text().ok_or(Reject::TypeMalformed)?.into()),
        };
        Ok(Self {
            algorithm,
            key_id,
            token_type,
        })
    }
}

/// Whether a `kid` is of the accepted form: 1 to 128 of RFC 3986's unreserved characters, of base64's (`+`, `/`, `=`, which
/// well-known issuers use) and `:`. RFC 7515 allows any string; this form cannot leave a quoted text or a line of a log, and is
/// never used as the name of a file or an address.
pub(crate) fn is_key_id(kid: &str) -> bool {
    (1..=MAX_KEY_ID_BYTES).contains(&kid.len())
        && kid.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'_' | b'~' | b'-' | b'+' | b'/' | b'=' | b':')
        })
}

impl From<JsonFault> for Reject {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::NotUtf8 => Self::NotUtf8,
            JsonFault::ByteOrderMark => Self::ByteOrderMark,
            JsonFault::NotJson => Self::NotJson,
            JsonFault::NotAnObject => Self::NotAnObject,
            JsonFault::DuplicateMember => Self::DuplicateMember,
            JsonFault::ForbiddenMember => Self::ForbiddenMember,
            JsonFault::TooDeep => Self::TooDeep,
            JsonFault::TooManyMembers => Self::TooManyMembers,
        }
    }
}
