//! Numbers that stand in Rust and in TypeScript, because no import crosses that border: they must be the same.

use std::path::Path;

use edgeward_core::keys;
use edgeward_core::time::LEEWAY_SECONDS;
use edgeward_core::token;

use crate::tree::text;

/// File below `edge/js/src`, constant, how many of its units are one of ours, and ours.
fn twins() -> Vec<(&'static str, &'static str, i64, i64)> {
    const MS: i64 = 1_000;
    let size = |size: usize| i64::try_from(size).expect("a limit is small");
    vec![
        ("remote_keys.ts", "SOFT_TTL_MS", MS, keys::SOFT_TTL_SECONDS),
        (
            "remote_keys.ts",
            "UNCONFIRMED_TTL_MS",
            MS,
            keys::UNCONFIRMED_TTL_SECONDS,
        ),
        ("remote_keys.ts", "HARD_TTL_MS", MS, keys::HARD_TTL_SECONDS),
        (
            "remote_keys.ts",
            "UNKNOWN_KEY_COOLDOWN_MS",
            MS,
            keys::UNKNOWN_KEY_COOLDOWN_SECONDS,
        ),
        (
            "remote_keys.ts",
            "FIRST_RETRY_MS",
            MS,
            keys::FIRST_BACKOFF_SECONDS,
        ),
        (
            "remote_keys.ts",
            "LONGEST_RETRY_MS",
            MS,
            keys::LONGEST_BACKOFF_SECONDS,
        ),
        (
            "remote_keys.ts",
            "FETCH_LEASE_MS",
            MS,
            keys::FETCH_LEASE_SECONDS,
        ),
        ("remote_keys.ts", "OVERLAP_MS", MS, keys::OVERLAP_SECONDS),
        (
            "fetch_key_set.ts",
            "LARGEST_KEY_SET_BYTES",
            1,
            size(keys::MAX_KEY_SET_BYTES),
        ),
        ("platform_keys.ts", "MOST_KEYS", 1, size(keys::MAX_KEYS)),
        (
            "seen_tokens.ts",
            "MOST_TOKENS",
            1,
            size(token::MAX_SEEN_TOKENS),
        ),
        (
            "seen_tokens.ts",
            "MOST_CHARACTERS",
            1,
            size(token::MAX_SEEN_BYTES),
        ),
        (
            "verifier.ts",
            "LONGEST_TOKEN",
            1,
            size(token::MAX_TOKEN_BYTES),
        ),
        ("options.ts", "DEFAULT_LEEWAY_SECONDS", 1, LEEWAY_SECONDS),
    ]
}

#[test]
fn the_packages_numbers_are_those_of_core() {
    for (file, name, unit, ours) in twins() {
        let source = text(&Path::new("edge/js/src").join(file)).unwrap_or_default();
        assert_eq!(constant(&source, name), Some(ours * unit), "{file}: {name}");
    }
}

/// In the Worker the compiler holds the same, `edge/src/worker/keys/fetch.rs`.
#[test]
fn the_package_gives_a_fetch_up_before_another_call_takes_over() {
    let source = text(Path::new("edge/js/src/fetch_key_set.ts")).unwrap_or_default();
    let timeout = constant(&source, "FETCH_TIMEOUT_MS").expect("a number");
    assert!(timeout < keys::FETCH_LEASE_SECONDS * 1_000);
}

/// The value of `const NAME = …;`, a product of whole numbers.
fn constant(source: &str, name: &str) -> Option<i64> {
    let line = source.lines().find_map(|line| {
        let rest = line.strip_prefix("export ").unwrap_or(line);
        rest.strip_prefix("const ")?
            .strip_prefix(name)?
            .strip_prefix(" = ")
    })?;
    line.strip_suffix(';')?
        .split(" * ")
        .map(|factor| factor.replace('_', "").parse::<i64>().ok())
        .product()
}

#[test]
fn constants_are_read_as_they_are_written() {
    assert_eq!(constant("export const A = 5 * 60_000;", "A"), Some(300_000));
    assert_eq!(constant("const AB = 7;\nconst A = 3;", "A"), Some(3));
    assert_eq!(constant("const A = B + 1;", "A"), None);
    assert_eq!(constant("", "A"), None);
}
