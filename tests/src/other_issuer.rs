//! An issuer that is not ours: keys of two algorithms that the platform checks, and a server that shows what it is told to.
//!
//! It signs anything, so that a story can send what no honest issuer would.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

/// The `kid` of the P-256 key.
pub const ES256: &str = "es";
/// The `kid` of the RSA key.
pub const RS256: &str = "rs";

/// Keys, and the set that is shown of them.
pub struct OtherIssuer {
    ecdsa: Vec<u8>,
    rsa: RsaKeyPair,
    shown: Arc<Mutex<String>>,
    address: SocketAddr,
}

/// How a token is signed; only the first two are as they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// r and s of 32 bytes each.
    Es256,
    /// RSASSA-PKCS1-v1_5.
    Rs256,
    /// ECDSA, in the form that certificates use.
    Es256InDer,
    /// RSASSA-PSS with the key of RS256.
    Ps256,
}

impl OtherIssuer {
    /// Makes keys and shows them at a loopback port of its own, as long as the test process lives.
    #[must_use]
    pub fn start() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .expect("a P-256 key");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let issuer = Self {
            ecdsa: pkcs8.as_ref().to_vec(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key"),
            shown: Arc::default(),
            address: listener
                .local_addr()
                .expect("the address of a bound socket"),
        };
        issuer.show(&issuer.keys());
        let shown = Arc::clone(&issuer.shown);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.extend(byte);
                }
                let body = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        issuer
    }

    /// Where its key set is, as an origin.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on the key set is this one.
    pub fn show(&self, keys: &[Value]) {
        let set = json!({ "keys": keys }).to_string();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = set;
    }

    /// Both public keys.
    #[must_use]
    pub fn keys(&self) -> [Value; 2] {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.ecdsa)
            .expect("our own key");
        let point = pair.public_key().as_ref();
        // PKCS #1: a sequence of the modulus, whose 256 bytes stand behind nine of framing, and of 65537.
        let rsa = self.rsa.public_key().as_ref();
        [
            json!({ "kty": "EC", "crv": "P-256", "kid": ES256, "alg": "ES256", "use": "sig",
                "x": base64url(&point[1..33]), "y": base64url(&point[33..65]) }),
            json!({ "kty": "RSA", "kid": RS256, "alg": "RS256", "use": "sig",
                "n": base64url(&rsa[9..265]), "e": "AQAB" }),
        ]
    }

    /// A token whose header names the algorithm and the key that belong to the signing.
    #[must_use]
    pub fn sign(&self, signing: Signing, claims: &Value) -> String {
        let (alg, kid) = match signing {
            Signing::Es256 | Signing::Es256InDer => ("ES256", ES256),
            Signing::Rs256 | Signing::Ps256 => ("RS256", RS256),
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "at+jwt" }).to_string();
        let message = format!(
            "{}.{}",
            base64url(header.as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        let signature = match signing {
            Signing::Es256 => self.ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, message.as_bytes()),
            Signing::Es256InDer => self.ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, message.as_bytes()),
            Signing::Rs256 => self.rsa(&RSA_PKCS1_SHA256, message.as_bytes()),
            Signing::Ps256 => self.rsa(&RSA_PSS_SHA256, message.as_bytes()),
        };
        format!("{message}.{}", base64url(&signature))
    }

    fn ecdsa(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.ecdsa).expect("our own key");
        let signature = pair.sign(&SystemRandom::new(), message);
        signature.expect("a signature").as_ref().to_vec()
    }

    fn rsa(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa
            .sign(encoding, &SystemRandom::new(), message, &mut signature)
            .expect("a signature");
        signature
    }
}

/// What a server answers to a WebSocket client's key (RFC 6455, section 4.2.2).
#[must_use]
pub fn websocket_accept(key: &str) -> String {
    let message = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let legacy = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let digest = aws_lc_rs::digest::digest(legacy, message.as_bytes());
    // Twenty bytes end in one sign of padding.
    base64url(digest.as_ref())
        .replace('-', "+")
        .replace('_', "/")
        + "="
}

/// Base64url without padding (RFC 7515, section 2).
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |bits: u32| char::from(ALPHABET[(bits & 63) as usize]);
    let encode = |chunk: &[u8]| {
        let bits = (0..3).fold(0, |bits, place| {
            bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0))
        });
        let digits = [18, 12, 6, 0].map(|shift| digit(bits >> shift));
        digits[..=chunk.len()].iter().collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::base64url;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"\xfb\xff", "-_8"),
        ] {
            assert_eq!(base64url(bytes), text);
        }
    }
}
