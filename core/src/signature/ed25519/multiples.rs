//! The multiples of one point of the curve, computed once, so that multiplying it by a number is nothing but adding.
//!
//! A number is read in signed digits of eight bits; for every digit and every value that it can have, the multiple is at
//! hand. Which multiples are read depends on the number, so this is for public numbers and public points only: it checks
//! signatures and must never make them. The arithmetic is that of `curve25519-dalek`, through its public operators.

use alloc::vec::Vec;

use curve25519_dalek::{EdwardsPoint, Scalar};

/// Bytes of a number. A digit is a byte, because in one run in wasm a signature took 58 µs with six bits a digit, 51 with seven
/// and 46 with eight, and nine would double the memory to save six additions of 64.
const DIGITS: usize = 32;

/// Half of 256, the weight of a digit to the next: the largest magnitude of a signed digit.
const LARGEST_DIGIT: usize = 128;

/// For each digit, from the lowest, the multiples 1 to [`LARGEST_DIGIT`] of the point times the weight of the digit. The
/// others are their negatives. 640 KiB.
pub(super) struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    /// Computes them all: 4,096 additions, where checking a signature with them takes 64.
    pub(super) fn of(point: &EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(DIGITS * LARGEST_DIGIT);
        let mut unit = *point;
        for _ in 0..DIGITS {
            let mut multiple = unit;
            multiples.push(multiple);
            for _ in 1..LARGEST_DIGIT {
                multiple += unit;
                multiples.push(multiple);
            }
            unit = multiple + multiple;
        }
        Self(multiples)
    }

    /// `sum` and `number` times the point. A [`Scalar`] is below 2^253, so no carry leaves the last digit.
    pub(super) fn add_product(&self, number: &Scalar, sum: EdwardsPoint) -> EdwardsPoint {
        let mut sum = sum;
        let mut carry = 0;
        let digits = self.0.chunks_exact(LARGEST_DIGIT);
        for (byte, multiples) in number.as_bytes().iter().zip(digits) {
            let value = usize::from(*byte) + carry;
            let negative = value > LARGEST_DIGIT;
            carry = usize::from(negative);
            let magnitude = if negative {
                2 * LARGEST_DIGIT - value
            } else {
                value
            };
            // Zero is not among them, and nothing is added for it.
            if let Some(multiple) = magnitude
                .checked_sub(1)
                .and_then(|place| multiples.get(place))
            {
                if negative {
                    sum -= multiple;
                } else {
                    sum += multiple;
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    use super::*;

    #[test]
    fn they_add_up_to_the_product() {
        let offset = ED25519_BASEPOINT_POINT * Scalar::from(77_u64);
        let [_, twist, ..] = EIGHT_TORSION;
        let point = ED25519_BASEPOINT_POINT * Scalar::from(3_u64) + twist;
        let multiples = Multiples::of(&point);
        let check = |number: Scalar| {
            assert_eq!(
                multiples.add_product(&number, offset),
                offset + point * number,
                "{number:?}"
            );
        };
        for small in 0..=1_000_u64 {
            check(Scalar::from(small));
            check(-Scalar::from(small));
        }
        for power in 0..=252_usize {
            let mut bytes = [0; 32];
            bytes[power / 8] = 1 << (power % 8);
            let number = Scalar::from_bytes_mod_order(bytes);
            check(number);
            check(number - Scalar::ONE);
            check(-number);
        }
        // Each byte just below, at and above the value from which a digit is negative, carries included.
        for byte in [0, 1, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
            let mut bytes = [byte; 32];
            bytes[31] = 0x0f;
            check(Scalar::from_canonical_bytes(bytes).unwrap());
            bytes[0] = 0x81;
            check(Scalar::from_canonical_bytes(bytes).unwrap());
        }
    }
}
