//! Passwords that are guessed first: frequent ones, and what people make of them when a rule asks for more.

use std::sync::LazyLock;

/// With its source and its licence at the top.
const LIST: &str = include_str!("frequent.txt");

/// In the order of the file, which is sorted.
static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| LIST.lines().filter(|line| !line.starts_with('#')).collect());

/// What may stand before and after a frequent word without making it another: a year with a mark at each end.
const TRIMMINGS_MAX: usize = 6;

/// Shorter own words, such as "Al", occur in good passwords by chance.
const OWN_WORD_MIN: usize = 4;

/// A unit so short is as good as one character, however often it is typed.
const UNIT_MAX: usize = 4;

/// Rows of the keyboard and orders that everybody knows.
const ROWS: [&str; 3] = [
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "01234567890",
];

/// Whether a password is among those that are tried first. `own` are words that belong to the person, such as the name
/// in the address.
pub(super) fn is_frequent(password: &str, own: &[&str]) -> bool {
    let text = password.to_lowercase();
    let is_word = |word: &str| {
        WORDS.binary_search(&word).is_ok()
            || own
                .iter()
                .any(|own| own.chars().count() >= OWN_WORD_MIN && own.to_lowercase() == word)
    };
    let is_weak = |text: &str| is_word(text) || is_repeated(text, is_word) || is_row(text);
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    let trimmed = text.chars().count().saturating_sub(core.chars().count());
    is_weak(&text) || (trimmed <= TRIMMINGS_MAX && !core.is_empty() && is_weak(core))
}

/// Whether it is a short unit or a frequent word, typed over and over; the last time may break off.
fn is_repeated(text: &str, is_word: impl Fn(&str) -> bool) -> bool {
    let ends = text.char_indices().map(|(start, _)| start).skip(1);
    ends.enumerate().any(|(n, end)| {
        let Some((unit, rest)) = text.split_at_checked(end) else {
            return false;
        };
        // What goes on like its own beginning repeats it.
        let short = n < UNIT_MAX && rest.len() >= unit.len();
        text.starts_with(rest) && (short || is_word(unit))
    })
}

/// Whether each character follows the one before in one of the rows, forwards or backwards.
fn is_row(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() < 2 {
        return false;
    }
    ROWS.iter().any(|row| {
        let row: Vec<char> = row.chars().collect();
        let follows = |a: char, b: char| row.windows(2).any(|two| two == [a, b]);
        let mut pairs = characters.windows(2);
        let forwards = pairs.all(|two| matches!(two, [a, b] if follows(*a, *b)));
        let mut pairs = characters.windows(2);
        forwards || pairs.all(|two| matches!(two, [a, b] if follows(*b, *a)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_names_its_source() {
        assert_eq!(WORDS.len(), 10_000);
        assert!(WORDS.is_sorted());
        assert!(LIST.contains("zxcvbn 4.4.2") && LIST.contains("Permission is hereby granted"));
    }

    #[test]
    fn what_is_tried_first_is_found() {
        for (password, frequent) in [
            ("password", true),
            ("PassWord2024!", true),
            ("!!Football99", true),
            ("passwordpassword", true),
            ("passwordpassw", true),
            ("aaaaaaaaaaaaaaa", true),
            ("abcabcabcabc", true),
            ("123456789012345", true),
            ("qwertyuiopasdfg", true),
            ("poiuytrewq", true),
            ("Qwertyuiop123!", true),
            ("lovelace-2024", true),
            ("語語語語語語語語語語語語", true),
            ("Correct-Horse-7", false),
            ("correct horse battery", false),
            ("password of the lighthouse", false),
            ("Aa1-password", false),
            ("dragon!938471650284", false),
            ("k7Qz-k7Qz-lm", false),
            ("lovelace sings aloud", false),
            ("", false),
        ] {
            assert_eq!(
                is_frequent(password, &["ada", "Lovelace"]),
                frequent,
                "{password:?}"
            );
        }
    }
}
