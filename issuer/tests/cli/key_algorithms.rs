//! `edgeward keys` where there are keys of several algorithms.

use crate::program::shell::Shell;

/// Where tokens are of ES256.
fn shell() -> Shell {
    Shell::with(&[("EDGEWARD__TOKENS__ALGORITHM", "ES256")]).migrated()
}

/// The ids of an algorithm's keys in a state.
fn keys(shell: &Shell, algorithm: &str, state: &str) -> Vec<String> {
    let list = shell.done(&["keys", "list", "--algorithm", algorithm]);
    let words = |line: &str| -> Vec<String> {
        line.split_whitespace().take(3).map(str::to_owned).collect()
    };
    let lines: Vec<Vec<String>> = list.lines().map(words).collect();
    assert!(lines.iter().all(|line| line[2] == algorithm), "{list}");
    let found = lines.into_iter().filter(|line| line[1] == state);
    found.map(|mut line| line.swap_remove(0)).collect()
}

/// A private key of P-256 in PKCS#8, as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes one.
fn p256_pem() -> String {
    pem(
        &edgeward_issuer::signatures::make(edgeward_issuer::signatures::SigningAlgorithm::Es256)
            .unwrap(),
    )
}

fn pem(der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let base64 = Base64::encode_string(der);
    format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")
}

#[test]
fn keys_of_one_algorithm_change_without_those_of_another() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let first = keys(&shell, "EdDSA", "active");
    assert!(keys(&shell, "ES256", "active").is_empty());

    // Verifiers know keys of this issuer, so the first of another algorithm waits until they have it too.
    let planned = shell.done(&["keys", "rotate", "--algorithm", "ES256"]);
    let es256 = keys(&shell, "ES256", "published").concat();
    assert!(
        planned.starts_with(&format!("{es256} signs from 20")),
        "{planned}"
    );
    let forced = shell.done(&["keys", "rotate", "--force", "--algorithm", "ES256"]);
    assert_eq!(forced, format!("{es256} signs now\n"));
    assert_eq!(keys(&shell, "ES256", "active").concat(), es256);
    assert_eq!(keys(&shell, "EdDSA", "active"), first, "which signs on");

    shell.refused(
        &["keys", "revoke", "--algorithm", "EdDSA", &es256],
        "",
        "this is a key of ES256, not of EdDSA",
    );
    let told = shell.done(&["keys", "revoke", &es256]);
    let next = keys(&shell, "ES256", "active").concat();
    assert_eq!(told, format!("{next} signs now\n"));
    assert_eq!(keys(&shell, "ES256", "revoked"), [es256]);
    assert_eq!(keys(&shell, "EdDSA", "active"), first);
    let all = shell.done(&["keys", "list"]);
    assert_eq!(all.lines().count(), 3, "{all}");
}

#[test]
fn a_key_is_taken_in_as_what_it_is() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let pem = p256_pem();
    shell.refused(
        &["keys", "import", "-", "--algorithm", "EdDSA"],
        &pem,
        "this is a key of ES256, not of EdDSA",
    );
    let ran = shell.run_with(
        &["keys", "import", "-", "--force", "--algorithm", "ES256"],
        &pem,
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let imported = keys(&shell, "ES256", "active").concat();
    assert_eq!(ran.out, format!("{imported} signs now\n"));
    shell.refused(&["keys", "import", "-"], &pem, "there already");
}

#[test]
fn an_algorithm_that_nobody_has_tokens_of_gets_no_keys() {
    let shell = shell();
    shell.done(&["keys", "rotate", "--force"]);
    let why = "no audience has tokens of RS256";
    shell.refused(&["keys", "rotate", "--algorithm", "RS256"], "", why);
    let made =
        edgeward_issuer::signatures::make(edgeward_issuer::signatures::SigningAlgorithm::Rs256);
    let rsa = pem(&made.unwrap());
    shell.refused(&["keys", "import", "-"], &rsa, why);
    for name in ["es256", "none", "Ed25519", ""] {
        let ran = shell.run(&["keys", "rotate", "--algorithm", name]);
        assert_eq!(ran.code, Some(2), "{name}: {ran:?}");
        assert!(
            ran.err.contains("there are EdDSA, ES256 and RS256"),
            "{ran:?}"
        );
    }
}
