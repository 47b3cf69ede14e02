//! Frames of WebSocket by hand (RFC 6455), as far as stories need them: short, whole, and uncompressed.

use crate::by_hand::{Head, Side};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text in UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// The end, and why.
    Close,
}

impl Kind {
    const ALL: [(Self, u8); 3] = [(Self::Text, 1), (Self::Binary, 2), (Self::Close, 8)];

    fn number(self) -> u8 {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map(|(_, number)| *number).unwrap_or_default()
    }
}

/// The final fragment of a message.
const FINAL: u8 = 0x80;
/// What a client sends is masked.
const MASKED: u8 = 0x80;
/// Any four bytes.
const MASK: [u8; 4] = [7, 11, 13, 17];
/// The longest payload whose length is in the second byte.
const LONGEST: usize = 125;

/// A frame, masked if a client sends it.
#[must_use]
pub fn frame(kind: Kind, payload: &[u8], by_client: bool) -> Vec<u8> {
    assert!(payload.len() <= LONGEST, "a story's frames are short");
    let length = u8::try_from(payload.len()).expect("a short payload");
    let mut frame = vec![FINAL | kind.number()];
    if by_client {
        frame.push(MASKED | length);
        frame.extend(MASK);
        frame.extend(masked(payload, MASK));
    } else {
        frame.push(length);
        frame.extend(payload);
    }
    frame
}

/// The payload of a frame that ends a connection.
#[must_use]
pub fn closing(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Reads the next frame.
pub fn read(side: &mut Side) -> (Kind, Vec<u8>) {
    let [first, second] = array(side);
    let kind = Kind::ALL
        .iter()
        .find(|(_, number)| first == FINAL | number)
        .unwrap_or_else(|| panic!("a frame that begins with {first:#x}"));
    let length = usize::from(second & !MASKED);
    assert!(length <= LONGEST, "a story's frames are short");
    let mask = if second & MASKED == 0 {
        [0; 4]
    } else {
        array(side)
    };
    (kind.0, masked(&side.bytes(length), mask))
}

/// What an app answers to a request to speak WebSocket.
#[must_use]
pub fn accepts(request: &Head) -> String {
    let keys = request.each("sec-websocket-key");
    let key = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", keys.concat());
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        base64(digest.as_ref()),
    )
}

fn array<const N: usize>(side: &mut Side) -> [u8; N] {
    side.bytes(N)
        .try_into()
        .expect("so many bytes were asked for")
}

fn masked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mask = mask.iter().cycle();
    payload
        .iter()
        .zip(mask)
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0, |bits: u32, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_masked_frame_is_that_of_the_rfc() {
        // RFC 6455, section 5.7, but for the mask.
        let frame = frame(Kind::Text, b"Hello", true);
        assert_eq!(frame.get(..2), Some(&[0x81, 0x85][..]));
        let unmasked = masked(frame.get(6..).unwrap(), MASK);
        assert_eq!(unmasked, b"Hello");
    }
}
