//! Moments as pages show them.

use edgeward_core::time::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Frame;
use crate::domain::language::Language;

/// A moment for a `<time>`: in UTC, because the zone of the person is not known here. A script of the page writes it in theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// RFC 3339.
    pub machine: String,
    /// For a person without scripts.
    pub person: String,
}

impl Frame {
    /// A moment in the language of the page.
    #[must_use]
    pub fn moment(&self, moment: UnixTime) -> Shown {
        shown(self.language, moment)
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fn shown(language: Language, moment: UnixTime) -> Shown {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(moment.seconds()) else {
        // No clock shows it.
        return Shown {
            machine: String::new(),
            person: String::new(),
        };
    };
    let (year, month, day) = (at.year(), at.month(), at.day());
    let clock = format!("{:02}:{:02}", at.hour(), at.minute());
    let person = match language {
        Language::English => {
            let name = MONTHS.get(usize::from(u8::from(month)).saturating_sub(1));
            format!("{} {} {year}, {clock} UTC", day, name.unwrap_or(&""))
        }
        Language::German => format!("{day:02}.{:02}.{year}, {clock} UTC", u8::from(month)),
    };
    Shown {
        machine: at.format(&Rfc3339).unwrap_or_default(),
        person,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_the_language_has_it() {
        for (language, expected) in [
            (Language::English, "9 Feb 2026, 08:05 UTC"),
            (Language::German, "09.02.2026, 08:05 UTC"),
        ] {
            let shown = shown(language, UnixTime::from_seconds(1_770_624_300));
            assert_eq!(shown.person, expected);
            assert_eq!(shown.machine, "2026-02-09T08:05:00Z");
        }
    }
}
