//! Which known key somebody most likely meant: of a policy, or of the issuer's settings.

use alloc::vec;
use alloc::vec::Vec;

/// The known key that is spelt most alike, if it is alike enough to be worth a question.
#[must_use]
pub fn nearest<'a>(asked: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = known.min_by_key(|key| distance(asked, key))?;
    let (asked, wanted) = without_common_section(asked, nearest);
    // A third of the letters: more, and the answer would be another word.
    let most = asked.len().max(wanted.len()) / 3;
    (distance(asked, wanted) <= most).then_some(nearest)
}

/// A section that both are in says nothing about how alike their names are.
fn without_common_section<'a, 'b>(one: &'a str, other: &'b str) -> (&'a str, &'b str) {
    match (one.split_once('.'), other.split_once('.')) {
        (Some((section, one)), Some((same, other))) if section == same => {
            without_common_section(one, other)
        }
        (_, _) => (one, other),
    }
}

/// How many letters must be put in, taken out or replaced to make one of the other (Levenshtein's distance), where two
/// that changed places count as one replacement. Keys are ASCII; in others a letter of several octets counts for more.
fn distance(from: &str, to: &str) -> usize {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    // Row by row: what it costs to make each beginning of `to` of one beginning of `from`.
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous_letter = None;
    for (row, letter) in from.iter().enumerate() {
        let mut costs = vec![row.saturating_add(1)];
        for (column, wanted) in to.iter().enumerate() {
            let at =
                |costs: &[usize], place: usize| costs.get(place).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let replaced = at(&last, column).saturating_add(usize::from(letter != wanted));
            let taken_out = at(&last, next).saturating_add(1);
            let put_in = at(&costs, column).saturating_add(1);
            let earlier = column.checked_sub(1);
            let swapped = match earlier.and_then(|place| Some((place, *to.get(place)?))) {
                Some((place, wanted_before))
                    if previous_letter == Some(wanted) && *letter == wanted_before =>
                {
                    at(&before_last, place).saturating_add(1)
                }
                Some(_) | None => usize::MAX,
            };
            costs.push(replaced.min(taken_out).min(put_in).min(swapped));
        }
        before_last = core::mem::replace(&mut last, costs);
        previous_letter = Some(letter);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (from, to, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("level", "level", 0),
            ("lavel", "level", 1),
            ("leevl", "level", 1),
            ("lvel", "level", 1),
            ("levels", "level", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }

    #[test]
    fn only_what_is_alike_is_suggested() {
        let known = ["log.level", "log.format", "tokens.access_seconds"];
        for (asked, expected) in [
            ("log.lavel", Some("log.level")),
            ("logs.level", Some("log.level")),
            ("tokens.acess_second", Some("tokens.access_seconds")),
            ("token.access_secs", Some("tokens.access_seconds")),
            ("smtp.password", None),
            ("x", None),
            ("log.lines", None),
        ] {
            assert_eq!(nearest(asked, known.into_iter()), expected, "{asked}");
        }
        assert_eq!(nearest("x", core::iter::empty()), None);
    }
}
