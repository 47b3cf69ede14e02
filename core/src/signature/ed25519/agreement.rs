//! Every way to check a signature gives the same answer: the reference with its comparison, the equation by multiples,
//! and a peer that shares no code with either (aws-lc). How WebCrypto differs from that peer, the suite `runtimes` knows.
//!
//! The classes of odd signatures are those of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020). With the
//! private number at hand any of them can be made, so each is made here instead of being copied.

use alloc::rc::Rc;
use alloc::vec::Vec;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use proptest::prelude::*;

use super::preparation::Prepared;
use super::*;

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Any 32 bytes as a key, prepared once for all that is sent with it.
struct Key {
    key: Ed25519Key,
    prepared: Option<Prepared>,
}

impl Key {
    fn new(bytes: [u8; 32]) -> Rc<Self> {
        Rc::new(Self {
            key: Ed25519Key::new(ed25519_compact::PublicKey::new(bytes)),
            prepared: Prepared::of(&bytes),
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(formatter)
    }
}

/// What somebody sends: a key, 64 bytes of a signature, and what is said to be signed.
#[derive(Clone, Debug)]
struct Sent {
    key: Rc<Key>,
    signature: [u8; 64],
    message: Vec<u8>,
}

impl Sent {
    fn new(key: &Rc<Key>, r: [u8; 32], s: [u8; 32], message: &[u8]) -> Self {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        Self {
            key: Rc::clone(key),
            signature,
            message: message.to_vec(),
        }
    }

    fn by(pair: &ed25519_compact::KeyPair, message: &[u8]) -> Self {
        Self {
            key: Key::new(*pair.pk),
            signature: *pair.sk.sign(message, None),
            message: message.to_vec(),
        }
    }

    fn with_key(&self, bytes: [u8; 32]) -> Self {
        Self {
            key: Key::new(bytes),
            ..self.clone()
        }
    }

    /// The one answer of our ways, which must be one.
    fn ours(&self) -> bool {
        let Key { key, prepared } = &*self.key;
        let signature = Signature::new(self.signature);
        let by_reference = key.holds_by_reference(&self.message, &signature);
        let by_multiples = prepared.as_ref().is_some_and(|prepared| {
            Equation::of(key, &self.message, &signature)
                .is_some_and(|equation| prepared.holds(&equation))
        });
        assert_eq!(by_reference, by_multiples, "{self:?}");
        by_reference
    }

    fn with_cofactor(&self) -> bool {
        let key = &self.key.key.key;
        key.verify(&self.message, &Signature::new(self.signature))
            .is_ok()
    }

    fn by_peer(&self) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key.key.as_bytes())
            .verify(&self.message, &self.signature)
            .is_ok()
    }

    /// Both of us must say so.
    fn check(&self, good: bool) {
        assert_eq!(
            (self.ours(), self.by_peer()),
            (good, good),
            "(ours, peer's) of {self:?}"
        );
    }
}

/// A signer who does as he likes: A = aB + T, R = rB + T'.
struct Signer {
    a: Scalar,
    key: Rc<Key>,
}

impl Signer {
    fn new(seed: u8, twist: EdwardsPoint) -> Self {
        let a = Scalar::from_bytes_mod_order([seed; 32]);
        Self {
            a,
            key: Key::new((ED25519_BASEPOINT_POINT * a + twist).compress().0),
        }
    }

    /// Whoever it is: with a key of small order there is nothing to know.
    fn anybody(key: EdwardsPoint) -> Self {
        Self {
            a: Scalar::ZERO,
            key: Key::new(key.compress().0),
        }
    }

    /// S for this encoding of R, whose part in the group of B is rB; with k.
    fn sign(&self, r: Scalar, encoded: [u8; 32], message: &[u8]) -> (Sent, Scalar) {
        let digest = Sha512::new()
            .chain_update(encoded)
            .chain_update(self.key.key.as_bytes())
            .chain_update(message)
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&digest.into());
        let s = r + k * self.a;
        (Sent::new(&self.key, encoded, s.to_bytes(), message), k)
    }
}

/// Every pair of small-order parts of A and R, with messages enough that k takes every remainder: without cofactor the
/// signature is good if and only if the parts cancel out, with it always.
#[test]
fn parts_of_small_order_count() {
    let r = Scalar::from(1_234_567_u64);
    let (mut good, mut bad) = (0, 0);
    for of_key in EIGHT_TORSION {
        let signer = Signer::new(5, of_key);
        for of_r in EIGHT_TORSION {
            let encoded = (ED25519_BASEPOINT_POINT * r + of_r).compress().0;
            for message in 0..16_u8 {
                let (sent, k) = signer.sign(r, encoded, &[message]);
                let holds = of_r + of_key * k == EdwardsPoint::default();
                sent.check(holds);
                assert!(sent.with_cofactor(), "{sent:?}");
                *(if holds { &mut good } else { &mut bad }) += 1;
            }
        }
    }
    assert_eq!(good + bad, 8 * 8 * 16);
    assert!(good > 64 && bad > 512, "{good} good, {bad} bad");
}

/// The one difference: the peer takes an R of small order where the equation holds, we never do.
#[test]
fn r_of_small_order_is_refused() {
    let mut taken_by_the_peer = 0;
    for of_key in EIGHT_TORSION {
        let signer = Signer::new(6, of_key);
        for r in EIGHT_TORSION {
            for message in 0..16_u8 {
                let (sent, k) = signer.sign(Scalar::ZERO, r.compress().0, &[message]);
                let holds = r + of_key * k == EdwardsPoint::default();
                assert_eq!((sent.ours(), sent.by_peer()), (false, holds), "{sent:?}");
                taken_by_the_peer += usize::from(holds);
            }
        }
    }
    assert!(taken_by_the_peer > 64, "{taken_by_the_peer}");
}

/// With a key of small order the equation says nothing about who signed. Such keys are not read, and if they were, they
/// would verify nothing.
#[test]
fn keys_of_small_order_verify_nothing() {
    let mut taken_by_the_peer = 0;
    for point in EIGHT_TORSION {
        let signer = Signer::anybody(point);
        for of_r in EIGHT_TORSION {
            for message in 0..16_u8 {
                let encoded = (ED25519_BASEPOINT_POINT + of_r).compress().0;
                let (sent, _) = signer.sign(Scalar::ONE, encoded, &[message]);
                assert!(!sent.ours(), "{sent:?}");
                taken_by_the_peer += usize::from(sent.by_peer());
            }
        }
    }
    assert!(taken_by_the_peer > 64, "{taken_by_the_peer}");
}

/// The encodings that decode to a point only where somebody is lenient: y of p and above, and a sign of x = 0.
fn not_canonical() -> impl Iterator<Item = [u8; 32]> {
    let beyond = (0xed..=0xff_u8).flat_map(|low| {
        let mut y = [0xff; 32];
        y[0] = low;
        [0x7f, 0xff].map(|high| {
            y[31] = high;
            y
        })
    });
    let mut one = [0; 32];
    (one[0], one[31]) = (1, 0x80);
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    beyond.chain([one, minus_one])
}

#[test]
fn encodings_that_are_not_canonical_are_refused() {
    let signer = Signer::new(7, EdwardsPoint::default());
    let (honest, _) = signer.sign(
        Scalar::from(8_u64),
        (ED25519_BASEPOINT_POINT * Scalar::from(8_u64)).compress().0,
        b"message",
    );
    honest.check(true);
    for encoded in not_canonical() {
        for message in 0..16_u8 {
            signer
                .sign(Scalar::ZERO, encoded, &[message])
                .0
                .check(false);
        }
        honest.with_key(encoded).check(false);
        // Whatever the peer says about an identity or another point of small order in such a spelling.
        let signer = Signer::anybody(EdwardsPoint::default());
        let (sent, _) = signer.sign(Scalar::ONE, ED25519_BASEPOINT_POINT.compress().0, b"");
        assert!(!sent.with_key(encoded).ours());
    }
}

/// S and S + nL mean the same number; only the smallest is S.
#[test]
fn only_the_smallest_s_is_taken() {
    let signer = Signer::new(9, EdwardsPoint::default());
    let r = Scalar::from(10_u64);
    let (sent, _) = signer.sign(r, (ED25519_BASEPOINT_POINT * r).compress().0, b"message");
    sent.check(true);
    let mut twin = sent;
    let mut twins = 0;
    loop {
        let mut carry = 0;
        for (byte, of_order) in twin.signature[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(of_order) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        if carry > 0 {
            break;
        }
        twin.check(false);
        twins += 1;
    }
    assert!(twins >= 14, "{twins}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_honest_signature_is_good_and_a_foreign_one_bad(
        seed in any::<[u8; 32]>().prop_filter("weak", |seed| *seed != [0; 32]),
        message in proptest::collection::vec(any::<u8>(), 0..700),
        other in any::<[u8; 64]>(),
    ) {
        let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(seed));
        let sent = Sent::by(&pair, &message);
        sent.check(true);
        Sent { signature: other, ..sent.clone() }.check(false);
        let mut with_its_r = sent.clone();
        with_its_r.signature[32..].copy_from_slice(&other[32..]);
        with_its_r.check(false);
        let mut with_its_s = sent;
        with_its_s.signature[..32].copy_from_slice(&other[..32]);
        with_its_s.check(false);
    }
}

#[test]
fn any_flipped_bit_spoils_it() {
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([3; 32]));
    let sent = Sent::by(&pair, b"eyJhbGciOiJFZERTQSJ9.e30");
    sent.check(true);
    for bit in 0..512 {
        let mut flipped = sent.clone();
        flipped.signature[bit / 8] ^= 1 << (bit % 8);
        flipped.check(false);
    }
    for bit in 0..8 * sent.message.len() {
        let mut flipped = sent.clone();
        flipped.message[bit / 8] ^= 1 << (bit % 8);
        flipped.check(false);
    }
    for bit in 0..256 {
        let mut flipped = *sent.key.key.as_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        sent.with_key(flipped).check(false);
    }
}
