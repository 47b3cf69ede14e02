//! Keys in PEM (RFC 7468 section 13): of all three kinds, damaged in every way, and other things that come as PEM.

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use edgeward_core::keys::KeySet;

use crate::forge::X;
use crate::platform::{P256_X, P256_Y, RSA_N};

/// DER of the algorithms' identifiers (RFC 8410, RFC 5480, RFC 3279), each with its tag and length.
const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
const P256: &[u8] = &[
    0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1,
    7,
];
const RSA: &[u8] = &[
    0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
];

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = Base64::encode_string(der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A value of ASN.1 with its tag and length.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..0x80 => vec![short as u8],
        middle @ 0x80..0x100 => vec![0x81, middle as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], &length[..], content].concat()
}

/// A SubjectPublicKeyInfo.
fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = tagged(3, &[&[0], key].concat());
    tagged(0x30, &[algorithm, &bits].concat())
}

fn decode(text: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

fn rsa_numbers(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let positive = |number: &[u8]| {
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        tagged(2, &[sign, number].concat())
    };
    tagged(0x30, &[positive(modulus), positive(exponent)].concat())
}

fn ed25519() -> Vec<u8> {
    spki(ED25519, &decode(X))
}

fn p256() -> Vec<u8> {
    spki(P256, &[&[4], &decode(P256_X)[..], &decode(P256_Y)].concat())
}

fn rsa() -> Vec<u8> {
    spki(RSA, &rsa_numbers(&decode(RSA_N), &[1, 0, 1]))
}

/// What, the text, and whether it is read or why not.
pub(super) type Row = (String, String, Result<(), &'static str>);

/// Collects rows.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn text(&mut self, about: &str, pem: &str, expected: Result<(), &'static str>) {
        self.0.push((about.to_owned(), pem.to_owned(), expected));
    }

    /// DER under the right label.
    fn der(&mut self, about: &str, der: &[u8], expected: Result<(), &'static str>) {
        self.text(about, &pem("PUBLIC KEY", der), expected);
    }
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Rows::default();
    good_keys(&mut rows);
    no_pem(&mut rows);
    other_keys(&mut rows);
    rows.0
}

#[test]
fn every_pem_is_read_or_refused() {
    for (about, pem, expected) in rows() {
        let outcome = KeySet::from_spki_pem(&pem)
            .map(|_| ())
            .map_err(|error| error.reason());
        assert_eq!(outcome, expected, "{about}: {pem}");
    }
}

/// A row is made of a key's DER.
type Damage = fn(&[u8]) -> Vec<u8>;

/// Each kind as OpenSSL writes it, and otherwise framed.
fn good_keys(rows: &mut Rows) {
    for (kind, der) in [("Ed25519", ed25519()), ("P-256", p256()), ("RSA", rsa())] {
        let good = pem("PUBLIC KEY", &der);
        rows.text(kind, &good, Ok(()));
        rows.text("other ends of lines", &good.replace('\n', "\r\n"), Ok(()));
        rows.text("blanks around", &format!("\n  {good}  \n"), Ok(()));
        rows.text("without the last newline", good.trim_end(), Ok(()));
    }
}

#[test]
fn a_pem_key_has_no_name() {
    for der in [ed25519(), p256(), rsa()] {
        let keys = KeySet::from_spki_pem(&pem("PUBLIC KEY", &der)).unwrap();
        let json = keys.to_json();
        // A thumbprint is a name for a lookup and none that the key came with.
        assert!(!json.contains("\"kid\"") && keys.len() == 1, "{json}");
    }
}

#[test]
fn a_pem_key_is_the_key_of_its_jwk() {
    for (der, jwk) in [
        (ed25519(), crate::forge::jwk("")),
        (p256(), crate::platform::p256("")),
        (rsa(), crate::platform::rsa("")),
    ] {
        let pem = KeySet::from_spki_pem(&pem("PUBLIC KEY", &der)).unwrap();
        let set = KeySet::parse(crate::forge::set(&[jwk]).as_bytes()).unwrap();
        assert_eq!(pem, set);
    }
}

fn no_pem(rows: &mut Rows) {
    for der in [ed25519(), p256(), rsa()] {
        let good = pem("PUBLIC KEY", &der);
        for label in [
            "PRIVATE KEY",
            "RSA PUBLIC KEY",
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "ENCRYPTED PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "CERTIFICATE",
            "CERTIFICATE REQUEST",
            "public key",
            "",
        ] {
            rows.text(label, &pem(label, &der), Err("not-pem"));
        }
        let base64 = Base64::encode_string(&der);
        rows.text("no frame", &base64, Err("not-pem"));
        rows.text(
            "no end",
            good.split("-----END").next().unwrap(),
            Err("not-pem"),
        );
        rows.text("no begin", &good.replace("BEGIN", "START"), Err("not-pem"));
        rows.text(
            "another end",
            &good.replace("END PUBLIC", "END PRIVATE"),
            Err("not-pem"),
        );
        rows.text("two keys", &format!("{good}{good}"), Err("not-pem"));
        rows.text("a text in front", &format!("note\n{good}"), Err("not-pem"));
        rows.text("a text behind", &format!("{good}note"), Err("not-pem"));
        rows.text(
            "a byte order mark",
            &format!("\u{feff}{good}"),
            Err("not-pem"),
        );
        rows.text(
            "a header in it",
            &good.replacen('\n', "\nProc-Type: 4\n\n", 1),
            Err("not-pem"),
        );
        rows.text(
            "a comment in it",
            &good.replacen('\n', "\n# key\n", 1),
            Err("not-pem"),
        );
        rows.text(
            "the other alphabet",
            &good.replace(['+', '/'], "_"),
            Err("not-pem"),
        );
        rows.text("nothing in it", &pem("PUBLIC KEY", &[]), Err("not-pem"));
        rows.text(
            "a NUL in it",
            &good.replacen('\n', "\n\0", 1),
            Err("not-pem"),
        );
        rows.text(
            "cut short in a quantum",
            &good.replacen("M", "", 1),
            Err("not-pem"),
        );
    }
    rows.text("nothing", "", Err("not-pem"));
    rows.text("blanks", " \n ", Err("not-pem"));
    rows.text(
        "only a frame",
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        Err("not-pem"),
    );
    rows.text("half a frame", "-----BEGIN PUBLIC KEY-----", Err("not-pem"));
    rows.text(
        "endless",
        &pem("PUBLIC KEY", &[0; 4096]),
        Err("key-set-too-large"),
    );
}

#[test]
fn damaged_der() {
    let damages: [(&str, Damage); 5] = [
        ("a trailing byte", |der| [der, &[0]].concat()),
        ("twice", |der| [der, der].concat()),
        ("cut by one", |der| der[..der.len() - 1].to_vec()),
        ("cut in half", |der| der[..der.len() / 2].to_vec()),
        ("another tag", |der| [&[0x31], &der[1..]].concat()),
    ];
    for (kind, der) in [("Ed25519", ed25519()), ("P-256", p256()), ("RSA", rsa())] {
        for (about, damage) in damages {
            let about = format!("{kind}: {about}");
            let outcome = KeySet::from_spki_pem(&pem("PUBLIC KEY", &damage(&der)))
                .map(|_| ())
                .map_err(|error| error.reason());
            assert!(
                matches!(outcome, Err("unsupported-key" | "public-key-malformed")),
                "{about}: {outcome:?}"
            );
        }
    }
}

/// Other keys under the right label.
fn other_keys(rows: &mut Rows) {
    let unsupported = Err("unsupported-key");
    let malformed = Err("public-key-malformed");
    let weak = Err("weak-public-key");
    let point = |form: u8, rest: &[u8]| spki(P256, &[&[form], rest].concat());
    let curve = |last: u8| {
        let mut algorithm = P256.to_vec();
        *algorithm.last_mut().unwrap() = last;
        spki(&algorithm, &[&[4][..], &[1; 64]].concat())
    };
    let rsa_as = |algorithm: &[u8]| spki(algorithm, &rsa_numbers(&decode(RSA_N), &[1, 0, 1]));
    let mut pss = RSA.to_vec();
    pss[12] = 0x0a;
    let mut signature = RSA.to_vec();
    signature[12] = 0x0b;
    rows.der("Ed25519 of order 4", &spki(ED25519, &[0; 32]), weak);
    rows.der("Ed25519 of 31 bytes", &spki(ED25519, &[1; 31]), unsupported);
    rows.der("Ed25519 of 33 bytes", &spki(ED25519, &[1; 33]), unsupported);
    rows.der(
        "X25519",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x6e], &[1; 32]),
        unsupported,
    );
    rows.der(
        "Ed448",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x71], &[1; 57]),
        unsupported,
    );
    rows.der(
        "X448",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x6f], &[1; 56]),
        unsupported,
    );
    rows.der(
        "Ed25519 with parameters",
        &spki(&[0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0], &[1; 32]),
        unsupported,
    );
    rows.der(
        "a private key of Ed25519",
        &[
            &[0x30, 0x2e, 2, 1, 0],
            ED25519,
            &[4, 0x22, 4, 0x20],
            &[7; 32],
        ]
        .concat(),
        unsupported,
    );
    rows.der(
        "a private key of RSA",
        &tagged(0x30, &[&[2, 1, 0], RSA, &tagged(4, &[1; 300])].concat()),
        unsupported,
    );
    rows.der("P-256 compressed", &point(2, &[1; 32]), unsupported);
    rows.der("P-256 hybrid", &point(6, &[1; 64]), unsupported);
    rows.der("P-256 at infinity", &spki(P256, &[0]), unsupported);
    rows.der("P-256 one byte short", &point(4, &[1; 63]), unsupported);
    rows.der("another prime curve", &curve(6), unsupported);
    rows.der(
        "P-384",
        &spki(
            &[
                0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22,
            ],
            &[&[4][..], &[1; 96]].concat(),
        ),
        unsupported,
    );
    rows.der(
        "secp256k1",
        &spki(
            &[
                0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x0a,
            ],
            &[&[4][..], &[1; 64]].concat(),
        ),
        unsupported,
    );
    rows.der("RSA", &rsa_as(RSA), Ok(()));
    rows.der("RSA for PSS only", &rsa_as(&pss), unsupported);
    rows.der("RSA named by a signature", &rsa_as(&signature), unsupported);
    // RFC 3279 section 2.3.1: the parameters are NULL.
    rows.der(
        "RSA without parameters",
        &rsa_as(&tagged(0x30, &RSA[2..13])),
        unsupported,
    );
    rows.der(
        "RSA with other parameters",
        &rsa_as(&tagged(0x30, &[&RSA[2..13], &[2, 1, 0]].concat())),
        unsupported,
    );
    rows.der(
        "RSA's numbers alone",
        &rsa_numbers(&decode(RSA_N), &[1, 0, 1]),
        unsupported,
    );
    let numbers = |modulus: &[u8], exponent: &[u8]| spki(RSA, &rsa_numbers(modulus, exponent));
    let odd = |bytes: usize| vec![0x81; bytes];
    rows.der("RSA of 1024 bits", &numbers(&odd(128), &[1, 0, 1]), weak);
    rows.der("RSA of 8200 bits", &numbers(&odd(1025), &[1, 0, 1]), weak);
    rows.der("RSA with exponent 3", &numbers(&odd(256), &[3]), weak);
    rows.der(
        "RSA with an even exponent",
        &numbers(&odd(256), &[1, 0, 0]),
        malformed,
    );
    rows.der(
        "RSA with an even modulus",
        &numbers(&[0x82; 256], &[1, 0, 1]),
        malformed,
    );
    let negative = tagged(
        0x30,
        &[tagged(2, &odd(256)), tagged(2, &[1, 0, 1])].concat(),
    );
    rows.der(
        "RSA with a negative modulus",
        &spki(RSA, &negative),
        malformed,
    );
    let padded = tagged(
        0x30,
        &[
            tagged(2, &[&[0, 0], &odd(256)[..]].concat()),
            tagged(2, &[1, 0, 1]),
        ]
        .concat(),
    );
    rows.der("RSA with zeros in front", &spki(RSA, &padded), malformed);
    let behind = [rsa_numbers(&odd(256), &[1, 0, 1]), vec![0]].concat();
    rows.der(
        "RSA with a byte behind its numbers",
        &spki(RSA, &behind),
        malformed,
    );
    let three = tagged(
        0x30,
        &[tagged(2, &[1]), tagged(2, &[1]), tagged(2, &[1])].concat(),
    );
    rows.der("RSA with three numbers", &spki(RSA, &three), malformed);
    rows.der("RSA with a text", &spki(RSA, &[0x0c, 1, b'7']), malformed);
    rows.der("an empty sequence", &[0x30, 0], unsupported);
    rows.der(
        "an endless length",
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        unsupported,
    );
    rows.der("an indefinite length", &[0x30, 0x80, 0, 0], unsupported);
    rows.der(
        "a long form of a short length",
        &[&[0x30, 0x81, 0x2a], &ed25519()[2..]].concat(),
        unsupported,
    );
}
