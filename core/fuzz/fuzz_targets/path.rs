//! A path, and a place to return to: what is accepted is in one form, which is accepted as itself.
#![no_main]

use edgeward_core::gate::{CanonicalPath, MAX_PATH_BYTES};
use edgeward_core::return_to::{self, MAX_RETURN_TO_BYTES};
use libfuzzer_sys::fuzz_target;

fn check_canonical(path: &str) {
    assert!(
        path.starts_with('/') && path.len() <= MAX_PATH_BYTES,
        "{path}"
    );
    assert!(!path.contains("//"), "{path}");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\;?#\"<>^`{|}[]".contains(&byte);
    assert!(path.bytes().all(is_plain), "{path}");
    assert!(
        !path
            .split('/')
            .any(|segment| segment == "." || segment == ".."),
        "{path}"
    );
    let lower = path.to_ascii_lowercase();
    for hidden in ["%2f", "%5c", "%3b", "%00", "%23", "%3f", "%25"] {
        // `%25` is kept where nothing after it makes another escape.
        assert!(hidden == "%25" || !lower.contains(hidden), "{path}");
    }
}

fuzz_target!(|text: &str| {
    if let Ok(path) = CanonicalPath::parse(text) {
        check_canonical(path.as_str());
        assert_eq!(CanonicalPath::parse(path.as_str()).as_ref(), Ok(&path));
        let locales = ["de".to_owned()];
        let judged = path.without_locale(&locales);
        assert!(judged.starts_with('/') && path.as_str().contains(judged.trim_end_matches('/')));
        assert!(judged == "/" || !judged.ends_with('/'));
    }
    if let Some(place) = return_to::sanitise(text) {
        assert!(
            place.len() <= MAX_RETURN_TO_BYTES && place.is_ascii(),
            "{place}"
        );
        let path = place.split('?').next().unwrap_or_default();
        check_canonical(path);
        assert_eq!(return_to::sanitise(&place).as_deref(), Some(place.as_str()));
    }
    let _ = return_to::from_query(text);
});
