//! Ed25519 with points of small order mixed in, which takes the private key. The classes are those of "Taming the many
//! EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020).

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};

use super::{Group, OK, Row, SIGNATURE_INVALID};
use crate::forge::{base64url, claims, header};

/// Twice what makes core prepare a key; `core/src/signature/ed25519/life.rs` holds that this is enough.
const WARM: usize = 16;
/// Whether the parts of small order cancel out depends on the message; so many messages show both, if there are both.
const MESSAGES: u64 = 64;

/// A signer who does as he likes: A = aB + T, and R as he is told.
struct Signer {
    a: Scalar,
    part: EdwardsPoint,
    /// What is published, which need not be the canonical encoding of A.
    encoded: [u8; 32],
}

impl Signer {
    fn new(a: Scalar, part: EdwardsPoint) -> Self {
        Self {
            a,
            part,
            encoded: (ED25519_BASEPOINT_POINT * a + part).compress().0,
        }
    }

    /// A token with R = rB + T', and whether its equation holds without cofactor.
    fn sign(&self, r: Scalar, part: EdwardsPoint, number: u64) -> (String, bool) {
        let header = header().with("kid", "\"k1\"").text();
        let payload = claims().with("jti", &format!("\"{number}\"")).text();
        let input = format!("{}.{}", base64url(header), base64url(payload));
        let commitment = (ED25519_BASEPOINT_POINT * r + part).compress().0;
        let digest = Sha512::new()
            .chain_update(commitment)
            .chain_update(self.encoded)
            .chain_update(&input)
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&digest.into());
        let s = (r + k * self.a).to_bytes();
        let token = format!("{input}.{}", base64url([commitment, s].concat()));
        (token, part + self.part * k == EdwardsPoint::default())
    }

    /// Rows with this part of R: one whose equation holds and one whose does not, as far as there are such.
    fn rows(&self, about: &str, r: Scalar, part: EdwardsPoint, said: [&str; 2]) -> Vec<Row> {
        let [good, bad] = said;
        [(true, "holds", good), (false, "does not hold", bad)]
            .into_iter()
            .filter_map(|(wanted, what, said)| {
                let mut tokens = (0..MESSAGES).map(|number| self.sign(r, part, number));
                let (token, bare) = tokens.find(|(_, holds)| *holds == wanted)?;
                Some(Row {
                    about: format!("{about}, the equation {what}"),
                    token,
                    said: said.to_owned(),
                    bare,
                })
            })
            .collect()
    }

    fn warm(&self) -> Vec<String> {
        (MESSAGES..)
            .map(|number| self.sign(Scalar::from(number), EdwardsPoint::default(), number))
            .filter_map(|(token, holds)| holds.then_some(token))
            .take(WARM)
            .collect()
    }

    fn jwk(&self) -> String {
        let x = base64url(self.encoded);
        format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{x}\",\"kid\":\"k1\"}}")
    }
}

pub(super) fn groups() -> Vec<Group> {
    [mixed_keys(), keys_of_small_order(), other_spellings()]
        .into_iter()
        .flatten()
        .collect()
}

/// Honest keys and keys with a part of small order, each with every such part of R and with every R of small order.
fn mixed_keys() -> Vec<Group> {
    let of_key = EIGHT_TORSION.into_iter().enumerate();
    let group = |(part_of_key, point)| {
        let signer = Signer::new(Scalar::from(0x1234_5678_9abc_def1_u64), point);
        let r = Scalar::from(0x0fed_cba9_8765_4321_u64);
        let of_r = EIGHT_TORSION.into_iter().enumerate();
        let rows = of_r.flat_map(|(part, point)| {
            let mixed = format!("R with the part {part} of small order");
            let small = format!("R of small order, {part}");
            [
                signer.rows(&mixed, r, point, [OK, SIGNATURE_INVALID]),
                signer.rows(&small, Scalar::ZERO, point, [SIGNATURE_INVALID; 2]),
            ]
        });
        Group {
            about: format!("Ed25519, a key with the part {part_of_key} of small order"),
            alg: "EdDSA",
            jwk: signer.jwk(),
            refused: None,
            rows: rows.flatten().collect(),
            warm: signer.warm(),
        }
    };
    of_key.map(group).collect()
}

fn keys_of_small_order() -> Vec<Group> {
    let of_key = EIGHT_TORSION.into_iter().enumerate();
    of_key
        .map(|(number, point)| {
            unread(
                format!("Ed25519, a key of small order, {number}"),
                &Signer::new(Scalar::ZERO, point),
            )
        })
        .collect()
}

/// Keys whose encoding decodes to a point only where somebody is lenient: y of p and above, and a sign of x = 0. By RFC 8032
/// section 5.1.3 nothing holds under them; the equation that is meant in their rows is that of a lenient reader.
fn other_spellings() -> Vec<Group> {
    let bytes = |first: u8, between: u8, last: u8| {
        let mut bytes = [between; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let [neutral, _, of_order_4, _, of_order_2, ..] = EIGHT_TORSION;
    let (x_positive, x_negative) = match of_order_4.compress().0[31] {
        0 => (of_order_4, -of_order_4),
        _ => (-of_order_4, of_order_4),
    };
    [
        ("neutral, x negative", bytes(1, 0, 0x80), neutral),
        ("neutral, y = p + 1", bytes(0xee, 0xff, 0x7f), neutral),
        (
            "neutral, y = p + 1, x negative",
            bytes(0xee, 0xff, 0xff),
            neutral,
        ),
        (
            "of order 2, x negative",
            bytes(0xec, 0xff, 0xff),
            of_order_2,
        ),
        ("of order 4, y = p", bytes(0xed, 0xff, 0x7f), x_positive),
        (
            "of order 4, y = p, x negative",
            bytes(0xed, 0xff, 0xff),
            x_negative,
        ),
    ]
    .into_iter()
    .map(|(about, encoded, part)| {
        let signer = Signer {
            a: Scalar::ZERO,
            part,
            encoded,
        };
        unread(
            format!("Ed25519, a key in another spelling: {about}"),
            &signer,
        )
    })
    .collect()
}

/// A key that signs nothing because anybody could; its rows are there for the platforms.
fn unread(about: String, signer: &Signer) -> Group {
    let is_point = CompressedEdwardsY(signer.encoded)
        .decompress()
        .is_some_and(|point| point.compress().0 == signer.encoded);
    let rows = [
        ("R of somebody's", Scalar::ONE),
        ("R of small order", Scalar::ZERO),
    ]
    .into_iter()
    .flat_map(|(about, r)| signer.rows(about, r, EdwardsPoint::default(), ["", ""]))
    .map(|row: Row| Row {
        bare: row.bare && is_point,
        ..row
    })
    .collect();
    Group {
        about,
        alg: "EdDSA",
        jwk: signer.jwk(),
        refused: Some("weak-public-key"),
        warm: Vec::new(),
        rows,
    }
}
