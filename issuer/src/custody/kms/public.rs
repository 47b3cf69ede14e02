//! The forms in which KMS tells public keys and signatures, turned into those of tokens.

use base64ct::{Base64UrlUnpadded, Encoding};
use der::{Decode, Reader, SliceReader, asn1::UintRef};
use edgeward_core::keys::Jwk;
use serde::Deserialize;

use crate::{
    custody::signer::{SIGNATURE_BYTES, Signature},
    signatures::{SigningAlgorithm, named},
};

/// A SubjectPublicKeyInfo of Ed25519 up to the key (RFC 8410 section 4). DER writes it in this one way.
const ED25519: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// One of P-256 up to the coordinates of an uncompressed point (RFC 5480 section 2).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// The length of a coordinate, and of each half of a signature.
const HALF_BYTES: usize = SIGNATURE_BYTES / 2;

/// What this reads of a JSON Web Key.
#[derive(Deserialize)]
struct Members {
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// A public key of one of the two kinds that sign tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Public {
    /// The point.
    Ed25519([u8; 32]),
    /// The coordinates, one after the other.
    P256([u8; 64]),
}

impl Public {
    /// Reads a SubjectPublicKeyInfo; `None` for one of another kind.
    pub(super) fn read(spki: &[u8]) -> Option<Self> {
        if let Some(point) = spki.strip_prefix(ED25519) {
            return point.try_into().ok().map(Self::Ed25519);
        }
        let coordinates = spki.strip_prefix(P256)?;
        coordinates.try_into().ok().map(Self::P256)
    }

    /// The key of a row; `None` for one of another kind.
    pub(super) fn of(jwk: &Jwk) -> Option<Self> {
        let members: Members = serde_json::from_str(&jwk.to_json()).ok()?;
        let mut coordinates = [0; 2 * HALF_BYTES];
        let (first, second) = coordinates.split_at_mut_checked(HALF_BYTES)?;
        let x = Base64UrlUnpadded::decode(members.x?, first).ok()?;
        match members.crv?.as_str() {
            "Ed25519" => x.try_into().ok().map(Self::Ed25519),
            "P-256" => {
                let y = Base64UrlUnpadded::decode(members.y?, second).ok()?;
                let is_whole = x.len() == HALF_BYTES && y.len() == HALF_BYTES;
                is_whole.then_some(Self::P256(coordinates))
            }
            _ => None,
        }
    }

    pub(super) const fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Ed25519(_) => SigningAlgorithm::EdDsa,
            Self::P256(_) => SigningAlgorithm::Es256,
        }
    }

    /// Named by its thumbprint; `None` for what is no point of the curve.
    pub(super) fn jwk(&self) -> Option<Jwk> {
        let base64 = Base64UrlUnpadded::encode_string;
        let members = match self {
            Self::Ed25519(x) => format!(
                r#""kty":"OKP","crv":"Ed25519","x":"{}","use":"sig","alg":"EdDSA""#,
                base64(x)
            ),
            Self::P256(coordinates) => {
                let (x, y) = coordinates.split_at_checked(HALF_BYTES)?;
                format!(
                    r#""kty":"EC","crv":"P-256","x":"{}","y":"{}","use":"sig","alg":"ES256""#,
                    base64(x),
                    base64(y)
                )
            }
        };
        named(&members).ok()
    }
}

/// `ECDSA-Sig-Value` of RFC 3279 section 2.2.3 in DER as the two halves of RFC 7518 section 3.4; `None` for anything else.
pub(super) fn halves(signature: &[u8]) -> Option<Signature> {
    let mut reader = SliceReader::new(signature).ok()?;
    let (r, s) = reader
        .sequence(|halves| {
            Ok::<_, der::Error>((UintRef::decode(halves)?, UintRef::decode(halves)?))
        })
        .ok()?;
    reader.finish().ok()?;
    let mut joined = [0; SIGNATURE_BYTES];
    let (first, second) = joined.split_at_mut_checked(HALF_BYTES)?;
    for (half, place) in [(r.as_bytes(), first), (s.as_bytes(), second)] {
        // DER leaves leading zeros out.
        let start = place.len().checked_sub(half.len())?;
        place.get_mut(start..)?.copy_from_slice(half);
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signatures;

    fn integer(bytes: &[u8]) -> Vec<u8> {
        [&[0x02, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        let inside = parts.concat();
        [
            &[0x30, u8::try_from(inside.len()).unwrap()],
            inside.as_slice(),
        ]
        .concat()
    }

    #[test]
    fn a_signature_has_two_halves_of_32_bytes_each() {
        let high = [&[0], [0xff; 32].as_slice()].concat();
        let mut one = [0; 32];
        one[31] = 1;
        let good = halves(&sequence(&[integer(&high), integer(&[1])])).unwrap();
        assert_eq!(good, *[[0xff; 32], one].concat());
        let short = halves(&sequence(&[integer(&[0x7f; 31]), integer(&[0x7f; 32])])).unwrap();
        assert_eq!((short[0], short[1], short[32]), (0, 0x7f, 0x7f));
    }

    #[test]
    fn only_der_is_a_signature() {
        let (r, s) = (integer(&[0x7f; 32]), integer(&[0x7f; 32]));
        let whole = sequence(&[r.clone(), s.clone()]);
        assert!(halves(&whole).is_some());
        let mut long_length = whole.clone();
        long_length.insert(1, 0x81);
        let mut indefinite = whole.clone();
        indefinite[1] = 0x80;
        indefinite.extend_from_slice(&[0, 0]);
        let mut another_tag = whole.clone();
        another_tag[0] = 0x31;
        for (what, broken) in [
            ("nothing", vec![]),
            ("more behind it", [whole.as_slice(), &[0]].concat()),
            ("a longer length than needed", long_length),
            ("an indefinite length", indefinite),
            ("a set", another_tag),
            ("one half", sequence(std::slice::from_ref(&r))),
            ("three halves", sequence(&[r.clone(), s.clone(), s.clone()])),
            ("33 bytes", sequence(&[integer(&[0x7f; 33]), s.clone()])),
            (
                "a negative half",
                sequence(&[integer(&[0xff; 32]), s.clone()]),
            ),
            (
                "a zero that is not needed",
                sequence(&[integer(&[&[0], [0x7f; 31].as_slice()].concat()), s]),
            ),
            ("the form of tokens", vec![0x7f; 64]),
        ] {
            assert_eq!(halves(&broken), None, "{what}");
        }
        for length in 0..whole.len() {
            assert_eq!(halves(&whole[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn a_public_key_is_of_one_of_two_kinds_and_nothing_besides() {
        let ed25519 = [ED25519, &[7; 32]].concat();
        let p256 = [P256, &[7; 64]].concat();
        assert_eq!(Public::read(&ed25519), Some(Public::Ed25519([7; 32])));
        assert_eq!(Public::read(&p256), Some(Public::P256([7; 64])));
        for good in [ed25519, p256] {
            assert_eq!(Public::read(&[good.as_slice(), &[0]].concat()), None);
            for length in 0..good.len() {
                assert_eq!(Public::read(&good[..length]), None, "{length} bytes");
            }
        }
    }

    #[test]
    fn the_key_of_a_row_is_read_as_it_was_written() {
        for algorithm in SigningAlgorithm::ALL {
            let made = signatures::make(algorithm).unwrap();
            let jwk = signatures::PrivateKey::open(algorithm, &made).unwrap();
            let jwk = jwk.public_jwk();
            let read = Public::of(&jwk);
            if algorithm == SigningAlgorithm::Rs256 {
                assert_eq!(read, None);
                continue;
            }
            let read = read.unwrap();
            assert_eq!((read.algorithm(), read.jwk()), (algorithm, Some(jwk)));
        }
    }
}
