//! The parts of percent-encoding (RFC 3986, section 2.1) that every reader and writer here shares. What may be encoded
//! where, and what a broken escape means, is decided by them.

use alloc::string::String;

/// The octet of two hexadecimal digits, in either case.
pub(crate) fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| {
        char::from(byte?)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// Writes `byte` as `%XX` in upper case.
pub(crate) fn push_escape(text: &mut String, byte: u8) {
    text.push('%');
    for nibble in [byte >> 4, byte & 0xf] {
        text.push(
            char::from_digit(u32::from(nibble), 16)
                .unwrap_or('0')
                .to_ascii_uppercase(),
        );
    }
}

/// Whether an octet means the same encoded and plain (RFC 3986, section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
