//! A key set, a single key, a PEM key: what was read can be written, and means the same when it is read again.
#![no_main]

use edgeward_core::keys::{Jwk, KeySet, KeySetError, MAX_KEYS};
use libfuzzer_sys::fuzz_target;

fn check(set: &KeySet) {
    assert!(set.len() <= MAX_KEYS);
    for key in set.keys() {
        assert!(set.contains(key.key_id()));
        assert!(!key.key_id().is_empty() && key.key_id().is_ascii());
        assert_eq!(key.thumbprint().len(), 43);
        let again = Jwk::parse(key.to_json().as_bytes());
        assert_eq!(again.as_ref(), Ok(key));
    }
    // Entries that were skipped are not written, so the first writing may differ from what was read, and no other.
    let written = set.to_json();
    let again = KeySet::parse(written.as_bytes()).expect("a set that was written");
    assert!(again.keys().eq(set.keys()));
    assert_eq!(again.to_json(), written);
    assert_eq!(KeySet::parse(again.to_json().as_bytes()), Ok(again.clone()));
    let by_keys = KeySet::from_keys(set.keys().cloned()).expect("keys of a set");
    assert_eq!(by_keys.fingerprint(), again.fingerprint());
}

fn check_error(error: KeySetError) {
    // Nothing but the reason, so nothing of what was sent.
    let told = error.to_string();
    assert_eq!(told, format!("the key set was refused: {}", error.reason()));
    assert!(KeySetError::ALL.contains(&error));
}

fuzz_target!(|bytes: &[u8]| {
    match KeySet::parse(bytes) {
        Ok(set) => check(&set),
        Err(error) => check_error(error),
    }
    match Jwk::parse(bytes) {
        Ok(key) => check(&KeySet::from_keys([key]).expect("one key")),
        Err(error) => check_error(error),
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match KeySet::from_spki_pem(text) {
        Ok(set) => {
            assert_eq!(set.len(), 1);
            check(&set);
        }
        Err(error) => check_error(error),
    }
});
