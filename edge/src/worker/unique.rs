//! Names that nobody can guess and nobody used before: of requests, and of proofs.

use std::cell::RefCell;

use super::platform;

/// The bytes of one name (RFC 9562).
const BYTES: usize = 16;
/// Names made of one draw, because asking the runtime for chance costs more than all the rest of making a name.
const NAMES_PER_DRAW: usize = 64;

/// Bytes of the runtime's secure source, each used once.
struct Drawn {
    bytes: [u8; BYTES * NAMES_PER_DRAW],
    left: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const {
        RefCell::new(Drawn {
            bytes: [0; BYTES * NAMES_PER_DRAW],
            left: 0,
        })
    };
}

/// A random UUID (version 4): 122 bits from the runtime's secure source.
pub(super) fn name() -> String {
    uuid(DRAWN.with_borrow_mut(|drawn| drawn.next(platform::draw)))
}

impl Drawn {
    fn next(&mut self, draw: impl FnOnce(&mut [u8])) -> [u8; BYTES] {
        let (chunks, _) = self.bytes.as_chunks_mut::<BYTES>();
        if self.left == 0 {
            draw(chunks.as_flattened_mut());
            self.left = NAMES_PER_DRAW;
        }
        self.left -= 1;
        chunks
            .get_mut(self.left)
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

/// Version and variant as RFC 9562 says, in section 5.4.
fn uuid(mut bytes: [u8; BYTES]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for half in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_uuid_of_version_four() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([255; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            uuid(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"),
            "01234567-89ab-4def-8123-456789abcdef"
        );
    }

    #[test]
    fn no_byte_is_used_twice() {
        let mut drawn = Drawn {
            bytes: [0; BYTES * NAMES_PER_DRAW],
            left: 0,
        };
        let mut draws: u32 = 0;
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..3 * NAMES_PER_DRAW {
            let name = drawn.next(|bytes| {
                draws += 1;
                for (place, chunk) in bytes.chunks_mut(4).enumerate() {
                    let number = draws * 10_000 + u32::try_from(place).unwrap();
                    chunk.copy_from_slice(&number.to_be_bytes());
                }
            });
            assert!(names.insert(name));
        }
        assert_eq!(draws, 3);
        assert!(
            drawn.bytes.iter().all(|byte| *byte == 0),
            "nothing is left over"
        );
    }
}
