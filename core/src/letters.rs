//! How letters look to a reader who does not tell upper from lower case.

/// The first and the last letter, how far the ones between are apart, and how far away the letter is that each becomes.
type Run = (u32, u32, u32, i32);

// `RUNS` and `SEVERAL`, in order: the letters beyond ASCII that become one other letter, and those that become several.
include!(concat!(env!("OUT_DIR"), "/letters.rs"));

/// What a letter becomes in upper case and then in lower. Upper case first: the long s and the Kelvin sign become ASCII only that
/// way round.
pub(crate) fn folded(letter: char) -> impl Iterator<Item = char> {
    let (first, more) = match several(letter) {
        Some([first, second, third]) => (*first, [*second, *third]),
        None => (one(letter), ['\0'; 2]),
    };
    // No letter becomes NUL but NUL itself, which stands first.
    let more = more.into_iter().filter(|letter| *letter != '\0');
    core::iter::once(first).chain(more)
}

fn one(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    let code = u32::from(letter);
    let next = RUNS.partition_point(|(first, ..)| *first <= code);
    let run = next.checked_sub(1).and_then(|at| RUNS.get(at));
    let becomes = run.and_then(|(first, last, step, to)| {
        let is_in_it = code <= *last && (code - first).is_multiple_of(*step);
        is_in_it.then(|| code.checked_add_signed(*to))?
    });
    becomes.and_then(char::from_u32).unwrap_or(letter)
}

fn several(letter: char) -> Option<&'static [char; 3]> {
    if letter.is_ascii() {
        return None;
    }
    let found = SEVERAL.binary_search_by_key(&letter, |(letter, _)| *letter);
    let (_, becomes) = found.ok().and_then(|at| SEVERAL.get(at))?;
    Some(becomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_becomes_what_the_standard_library_makes_of_it() {
        for letter in '\0'..=char::MAX {
            let expected = letter.to_uppercase().flat_map(char::to_lowercase);
            assert!(folded(letter).eq(expected), "{letter:?}");
        }
    }

    #[test]
    fn the_tables_are_small() {
        let bytes = size_of_val(&RUNS) + size_of_val(&SEVERAL);
        assert!(bytes < 6_000, "{bytes} bytes");
    }
}
