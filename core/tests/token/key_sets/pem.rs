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

#[track_caller]
fn check(about: &str, pem: &str, expected: Result<(), &str>) {
    let outcome = KeySet::from_spki_pem(pem)
        .map(|_| ())
        .map_err(|error| error.reason());
    assert_eq!(outcome, expected, "{about}: {pem}");
}

/// Reads DER under the right label.
#[track_caller]
fn check_der(about: &str, der: &[u8], expected: Result<(), &str>) {
    check(about, &pem("PUBLIC KEY", der), expected);
}

/// A row is made of a key's DER.
type Damage = fn(&[u8]) -> Vec<u8>;

#[test]
fn each_kind_is_read_as_openssl_writes_it() {
    for (kind, der) in [("Ed25519", ed25519()), ("P-256", p256()), ("RSA", rsa())] {
        let good = pem("PUBLIC KEY", &der);
        check(kind, &good, Ok(()));
        check("other ends of lines", &good.replace('\n', "\r\n"), Ok(()));
        check("blanks around", &format!("\n  {good}  \n"), Ok(()));
        check("without the last newline", good.trim_end(), Ok(()));
        let keys = KeySet::from_spki_pem(&good).unwrap();
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

#[test]
fn what_is_no_pem_of_a_public_key() {
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
            check(label, &pem(label, &der), Err("not-pem"));
        }
        let base64 = Base64::encode_string(&der);
        check("no frame", &base64, Err("not-pem"));
        check(
            "no end",
            good.split("-----END").next().unwrap(),
            Err("not-pem"),
        );
        check("no begin", &good.replace("BEGIN", "START"), Err("not-pem"));
        check(
            "another end",
            &good.replace("END PUBLIC", "END PRIVATE"),
            Err("not-pem"),
        );
        check("two keys", &format!("{good}{good}"), Err("not-pem"));
        check("a text in front", &format!("note\n{good}"), Err("not-pem"));
        check("a text behind", &format!("{good}note"), Err("not-pem"));
        check(
            "a byte order mark",
            &format!("\u{feff}{good}"),
            Err("not-pem"),
        );
        check(
            "a header in it",
            &good.replacen('\n', "\nProc-Type: 4\n\n", 1),
            Err("not-pem"),
        );
        check(
            "a comment in it",
            &good.replacen('\n', "\n# key\n", 1),
            Err("not-pem"),
        );
        check(
            "the other alphabet",
            &good.replace(['+', '/'], "_"),
            Err("not-pem"),
        );
        check("nothing in it", &pem("PUBLIC KEY", &[]), Err("not-pem"));
        check(
            "a NUL in it",
            &good.replacen('\n', "\n\0", 1),
            Err("not-pem"),
        );
        check(
            "cut short in a quantum",
            &good.replacen("M", "", 1),
            Err("not-pem"),
        );
    }
    check("nothing", "", Err("not-pem"));
    check("blanks", " \n ", Err("not-pem"));
    check(
        "only a frame",
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        Err("not-pem"),
    );
    check("half a frame", "-----BEGIN PUBLIC KEY-----", Err("not-pem"));
    check(
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

#[test]
fn other_keys_under_the_right_label() {
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
    check_der("Ed25519 of order 4", &spki(ED25519, &[0; 32]), weak);
    check_der("Ed25519 of 31 bytes", &spki(ED25519, &[1; 31]), unsupported);
    check_der("Ed25519 of 33 bytes", &spki(ED25519, &[1; 33]), unsupported);
    check_der(
        "X25519",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x6e], &[1; 32]),
        unsupported,
    );
    check_der(
        "Ed448",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x71], &[1; 57]),
        unsupported,
    );
    check_der(
        "X448",
        &spki(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x6f], &[1; 56]),
        unsupported,
    );
    check_der(
        "Ed25519 with parameters",
        &spki(&[0x30, 7, 6, 3, 0x2b, 0x65, 0x70, 5, 0], &[1; 32]),
        unsupported,
    );
    check_der(
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
    check_der(
        "a private key of RSA",
        &tagged(0x30, &[&[2, 1, 0], RSA, &tagged(4, &[1; 300])].concat()),
        unsupported,
    );
    check_der("P-256 compressed", &point(2, &[1; 32]), unsupported);
    check_der("P-256 hybrid", &point(6, &[1; 64]), unsupported);
    check_der("P-256 at infinity", &spki(P256, &[0]), unsupported);
    check_der("P-256 one byte short", &point(4, &[1; 63]), unsupported);
    check_der("another prime curve", &curve(6), unsupported);
    check_der(
        "P-384",
        &spki(
            &[
                0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22,
            ],
            &[&[4][..], &[1; 96]].concat(),
        ),
        unsupported,
    );
    check_der(
        "secp256k1",
        &spki(
            &[
                0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x0a,
            ],
            &[&[4][..], &[1; 64]].concat(),
        ),
        unsupported,
    );
    check_der("RSA", &rsa_as(RSA), Ok(()));
    check_der("RSA for PSS only", &rsa_as(&pss), unsupported);
    check_der("RSA named by a signature", &rsa_as(&signature), unsupported);
    // RFC 3279 section 2.3.1: the parameters are NULL.
    check_der(
        "RSA without parameters",
        &rsa_as(&tagged(0x30, &RSA[2..13])),
        unsupported,
    );
    check_der(
        "RSA with other parameters",
        &rsa_as(&tagged(0x30, &[&RSA[2..13], &[2, 1, 0]].concat())),
        unsupported,
    );
    check_der(
        "RSA's numbers alone",
        &rsa_numbers(&decode(RSA_N), &[1, 0, 1]),
        unsupported,
    );
    let numbers = |modulus: &[u8], exponent: &[u8]| spki(RSA, &rsa_numbers(modulus, exponent));
    let odd = |bytes: usize| vec![0x81; bytes];
    check_der("RSA of 1024 bits", &numbers(&odd(128), &[1, 0, 1]), weak);
    check_der("RSA of 8200 bits", &numbers(&odd(1025), &[1, 0, 1]), weak);
    check_der("RSA with exponent 3", &numbers(&odd(256), &[3]), weak);
    check_der(
        "RSA with an even exponent",
        &numbers(&odd(256), &[1, 0, 0]),
        malformed,
    );
    check_der(
        "RSA with an even modulus",
        &numbers(&[0x82; 256], &[1, 0, 1]),
        malformed,
    );
    let negative = tagged(
        0x30,
        &[tagged(2, &odd(256)), tagged(2, &[1, 0, 1])].concat(),
    );
    check_der(
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
    check_der("RSA with zeros in front", &spki(RSA, &padded), malformed);
    let behind = [rsa_numbers(&odd(256), &[1, 0, 1]), vec![0]].concat();
    check_der(
        "RSA with a byte behind its numbers",
        &spki(RSA, &behind),
        malformed,
    );
    let three = tagged(
        0x30,
        &[tagged(2, &[1]), tagged(2, &[1]), tagged(2, &[1])].concat(),
    );
    check_der("RSA with three numbers", &spki(RSA, &three), malformed);
    check_der("RSA with a text", &spki(RSA, &[0x0c, 1, b'7']), malformed);
    check_der("an empty sequence", &[0x30, 0], unsupported);
    check_der(
        "an endless length",
        &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        unsupported,
    );
    check_der("an indefinite length", &[0x30, 0x80, 0, 0], unsupported);
    check_der(
        "a long form of a short length",
        &[&[0x30, 0x81, 0x2a], &ed25519()[2..]].concat(),
        unsupported,
    );
}
