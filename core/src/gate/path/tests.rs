use super::*;
use alloc::string::ToString;
use proptest::prelude::*;

fn check(raw: &str, expected: Result<&str, PathRefusal>) {
    let found = CanonicalPath::parse(raw);
    assert_eq!(
        found
            .as_ref()
            .map(CanonicalPath::as_str)
            .map_err(|refusal| *refusal),
        expected,
        "{raw:?}"
    );
}

#[test]
fn safe_forms_are_normalised() {
    for (raw, canonical) in [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a/./b", "/a/b"),
        ("/a/b/../c", "/a/c"),
        ("/..", "/"),
        ("/../../a", "/a"),
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/%61dmin", "/admin"),
        ("/%41DMIN", "/ADMIN"),
        ("/ADMIN", "/ADMIN"),
        ("/%7euser/%2d%5f", "/~user/-_"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/a%20b", "/a%20b"),
        ("/a%2cb,c", "/a%2Cb,c"),
        ("/a|b[c]\"<>^`{}", "/a%7Cb%5Bc%5D%22%3C%3E%5E%60%7B%7D"),
        ("/100%25", "/100%25"),
        ("/100%25x", "/100%25x"),
        ("/admin.", "/admin."),
        ("/...", "/..."),
        ("/a.b..c/..d", "/a.b..c/..d"),
        ("/*", "/*"),
    ] {
        check(raw, Ok(canonical));
    }
}

#[test]
fn ambiguous_forms_are_refused() {
    use PathRefusal as R;
    for (raw, refusal) in [
        ("", R::NotAbsolute),
        ("*", R::NotAbsolute),
        ("admin", R::NotAbsolute),
        ("https://app.example.com/admin", R::NotAbsolute),
        ("//", R::EmptySegment),
        ("//admin", R::EmptySegment),
        ("/admin//", R::EmptySegment),
        ("/a//admin", R::EmptySegment),
        ("/..//evil", R::EmptySegment),
        ("/.//evil", R::EmptySegment),
        ("/admin%2fx", R::HiddenSeparator),
        ("/admin%2Fx", R::HiddenSeparator),
        ("/admin%5cx", R::HiddenSeparator),
        ("/admin\\x", R::HiddenSeparator),
        ("/..%5c..", R::HiddenSeparator),
        ("/admin\u{ff0f}x", R::HiddenSeparator),
        ("/admin%EF%BC%8Fx", R::HiddenSeparator),
        ("/admin\u{2044}x", R::HiddenSeparator),
        ("/admin;x", R::PathParameter),
        ("/(S(lit3py55t21z5v55vlm25s55))/admin", R::PathParameter),
        ("/%28S%28x%29%29/admin", R::PathParameter),
        ("/(A(x)F(y))/admin", R::PathParameter),
        ("/ad/(S(x))min/users", R::PathParameter),
        ("/admin/(S(x))", R::PathParameter),
        ("/admin%3bx", R::PathParameter),
        ("/a/..;/admin", R::PathParameter),
        ("/;/admin", R::PathParameter),
        ("/admin%00", R::ControlCharacter),
        ("/admin\u{0}", R::ControlCharacter),
        ("/admin%09", R::ControlCharacter),
        ("/admin%0d%0aX-A:b", R::ControlCharacter),
        ("/admin%7f", R::ControlCharacter),
        ("/admin%c2%85", R::ControlCharacter),
        ("/admin#x", R::HiddenDelimiter),
        ("/admin?x", R::HiddenDelimiter),
        ("/admin%23x", R::HiddenDelimiter),
        ("/admin%3fx", R::HiddenDelimiter),
        ("/admin x", R::HiddenDelimiter),
        ("/%", R::InvalidEscape),
        ("/%6", R::InvalidEscape),
        ("/%zz", R::InvalidEscape),
        ("/%u0061dmin", R::InvalidEscape),
        ("/%+1", R::InvalidEscape),
        ("/%2561dmin", R::DoubleEncoding),
        ("/%252fadmin", R::DoubleEncoding),
        ("/%25%36%31dmin", R::DoubleEncoding),
        ("/%2%35", R::InvalidEscape),
        ("/%25252e", R::DoubleEncoding),
        ("/%25u0061dmin", R::DoubleEncoding),
        ("/%2e", R::EncodedDotSegment),
        ("/a/%2e%2E/admin", R::EncodedDotSegment),
        ("/a/.%2e/admin", R::EncodedDotSegment),
        ("/a/%2E./admin", R::EncodedDotSegment),
        ("/a/..%20/admin", R::EncodedDotSegment),
        ("/a/%20../admin", R::EncodedDotSegment),
        ("/a/..\u{a0}/admin", R::EncodedDotSegment),
        ("/a/\u{2025}/admin", R::EncodedDotSegment),
        ("/a/\u{ff0e}%EF%BC%8E/admin", R::EncodedDotSegment),
        ("/a/.\u{2024}", R::EncodedDotSegment),
        ("/%c0%af", R::InvalidUtf8),
        ("/%c0%ae%c0%ae/admin", R::InvalidUtf8),
        ("/%ff", R::InvalidUtf8),
        ("/%ed%a0%80", R::InvalidUtf8),
    ] {
        check(raw, Err(refusal));
    }
    check(
        &("/".to_string() + &"a".repeat(MAX_PATH_BYTES - 1)),
        Ok(&("/".to_string() + &"a".repeat(MAX_PATH_BYTES - 1))),
    );
    check(
        &("/".to_string() + &"a".repeat(MAX_PATH_BYTES)),
        Err(R::TooLong),
    );
    // The next reader gets it three times as long.
    check(&("/".to_string() + &"\u{e9}".repeat(900)), Err(R::TooLong));
}

#[test]
fn a_path_is_judged_without_its_locale_and_its_trailing_slash() {
    let locales = ["de".to_string(), "pt-BR".to_string()];
    for (raw, judged) in [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/admin/", "/admin"),
        ("/de", "/"),
        ("/de/", "/"),
        ("/de/admin", "/admin"),
        ("/%64e/admin/", "/admin"),
        ("/pt-BR/admin", "/admin"),
        ("/de/de/admin", "/de/admin"),
        ("/DE/admin", "/DE/admin"),
        ("/denver", "/denver"),
        ("/admin/de", "/admin/de"),
    ] {
        let path = CanonicalPath::parse(raw).expect(raw);
        assert_eq!(path.without_locale(&locales), judged, "{raw}");
    }
    let path = CanonicalPath::parse("/DE/admin").unwrap();
    assert_eq!(path.without_locale_of_any_case(&locales), "/admin");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(raw in any::<String>()) {
        let _ = CanonicalPath::parse(&raw);
    }

    #[test]
    fn a_canonical_path_is_its_own_canonical_form(raw in "/([a-c./%2356eEfF]|%[0-9a-fA-F]{2}){0,24}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(CanonicalPath::parse(path.as_str()), Ok(path));
        }
    }

    #[test]
    fn no_canonical_path_hides_anything(raw in "/([a-c./;]|%[0-9a-fA-F]{2}){0,24}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let text = path.as_str();
            prop_assert!(text.starts_with('/') && !text.contains("//"));
            for segment in decoded_segments(text) {
                prop_assert!(segment != "." && segment != "..");
                prop_assert!(!segment.contains(['/', '\\', ';', '\0']));
            }
        }
    }
}
