//! What mails say. Every letter is one text in two forms: plain, and HTML without pictures, styles or anything that is loaded.
//!
//! A letter holds nothing that a stranger chose: no name, no text of a form. So nobody can have this site write
//! to other people what they like. Links begin with `issuer.url`, never with what a request said about its host.

use std::fmt;

use askama::Template;
use edgeward_core::time::UnixTime;
use time::OffsetDateTime;

use crate::{
    config::Links,
    domain::{
        device::listed_name,
        mail::{LINK_PARAMETER, LinkToken},
    },
};

/// Where the page is that confirms an address.
pub const CONFIRM_PATH: &str = "/auth/confirm";

/// Where the page is that takes a new password.
pub const RESET_PATH: &str = "/auth/reset";

/// Where the page is that asks for a link.
pub const FORGOT_PATH: &str = "/auth/forgot";

const NOT_YOU: &str =
    "If it was not you, choose a new password at once, which signs out every device:";

/// A program that calls itself what is on no list of ours: the name may be a stranger's message.
const UNLISTED: &str = "an unknown program";

/// A link and what it says on it.
#[derive(Debug, Clone)]
pub struct Link {
    label: &'static str,
    url: String,
}

/// A letter, before it is put into an envelope.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its subject.
    pub subject: String,
    paragraphs: Vec<String>,
    link: Option<Link>,
    closing: &'static str,
    site: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Plain<'a> {
    paragraphs: &'a [String],
    link: Option<&'a Link>,
    closing: &'a str,
    site: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    subject: &'a str,
    paragraphs: &'a [String],
    link: Option<&'a Link>,
    closing: &'a str,
    site: &'a str,
}

/// What notices tell about a sign-in or an act.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// When.
    pub at: UnixTime,
    /// On which device.
    pub device: Option<&'a str>,
    /// From which range of addresses.
    pub place: Option<&'a str>,
}

/// Writes letters for one site.
#[derive(Debug, Clone)]
pub struct Letters {
    url: String,
    links: Links,
}

/// How long a link works, as a person tells it; a part of the last unit is dropped, so that nobody comes too late. More than one
/// of either, because no link works shorter than some minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkLife {
    /// Less than two hours.
    Minutes(i64),
    /// Two hours and more.
    Hours(i64),
}

impl LinkLife {
    /// Of a link that works so many seconds.
    #[must_use]
    pub const fn of(seconds: i64) -> Self {
        match seconds / 3600 {
            hours @ 2.. => Self::Hours(hours),
            _ => Self::Minutes(seconds / 60),
        }
    }
}

impl fmt::Display for LinkLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minutes(minutes) => write!(f, "{minutes} minutes"),
            Self::Hours(hours) => write!(f, "{hours} hours"),
        }
    }
}

impl Letters {
    /// For the site at this origin, with links that work so long.
    #[must_use]
    pub fn of(url: &str, links: Links) -> Self {
        Self {
            url: url.to_owned(),
            links,
        }
    }

    /// The host of the site, as a person reads it.
    fn site(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, rest)| rest)
    }

    fn letter(&self, subject: &str, paragraphs: Vec<String>, link: Option<Link>) -> Letter {
        Letter {
            subject: format!("{subject} – {}", self.site()),
            paragraphs,
            link,
            closing: "This mail was sent by a program. Nobody reads answers to it.",
            site: self.url.clone(),
        }
    }

    fn link(&self, label: &'static str, path: &str, token: Option<&LinkToken>) -> Link {
        let query = token.map(|token| format!("?{LINK_PARAMETER}={}", token.reveal()));
        Link {
            label,
            url: format!("{}{path}{}", self.url, query.unwrap_or_default()),
        }
    }

    /// To an address without an account: the link that makes one.
    #[must_use]
    pub fn confirm(&self, token: &LinkToken) -> Letter {
        let within = LinkLife::of(self.links.registration_seconds);
        self.letter(
            "Confirm your e-mail address",
            vec![
                format!("somebody registered at {} with this e-mail address.", self.site()),
                format!("If it was you, confirm the address within {within}. Then sign in with the password that you chose."),
                "If it was not you, do nothing: no account is made without this link.".to_owned(),
            ],
            Some(self.link("Confirm the address", CONFIRM_PATH, Some(token))),
        )
    }

    /// To an address that has an account: that somebody tried to register with it.
    #[must_use]
    pub fn known(&self) -> Letter {
        self.letter(
            "You have an account already",
            vec![
                format!("somebody tried to register at {} with this e-mail address, which has an account already. Nothing was changed.", self.site()),
                "If it was you, sign in as before. If you forgot the password, you can choose another one.".to_owned(),
                "If it was not you, there is nothing to do.".to_owned(),
            ],
            Some(self.link("I forgot my password", FORGOT_PATH, None)),
        )
    }

    /// The link that resets the password.
    #[must_use]
    pub fn reset(&self, token: &LinkToken) -> Letter {
        let within = LinkLife::of(self.links.reset_seconds);
        self.letter(
            "Choose a new password",
            vec![
                format!("somebody asked for a new password for your account at {}.", self.site()),
                format!("If it was you, choose one within {within}. It signs you out on every device, and the link works once."),
                "If it was not you, do nothing: the password stays as it is.".to_owned(),
            ],
            Some(self.link("Choose a new password", RESET_PATH, Some(token))),
        )
    }

    /// That the password was changed or reset.
    #[must_use]
    pub fn password_changed(&self, about: Circumstances<'_>) -> Letter {
        self.notice(
            "Your password was changed",
            format!(
                "the password of your account at {} was changed{}.",
                self.site(),
                about.told()
            ),
        )
    }

    /// That too many wrong passwords locked the account.
    #[must_use]
    pub fn locked(&self, about: Circumstances<'_>) -> Letter {
        let mut letter = self.notice(
            "Signing in is locked for a while",
            format!(
                "too many wrong passwords were tried for your account at {}{}. Signing in is locked for a while and opens again by itself; devices that are signed in stay so.",
                self.site(),
                about.told()
            ),
        );
        letter.paragraphs.truncate(1);
        letter.paragraphs.push("If it was not you, your password is still good, as long as nobody else knows it. A new one opens the lock:".to_owned());
        letter
    }

    /// That somebody signed in from a device that the account did not know.
    #[must_use]
    pub fn new_device(&self, about: Circumstances<'_>) -> Letter {
        self.notice(
            "A sign-in from a new device",
            format!(
                "somebody signed in to your account at {}{}.",
                self.site(),
                about.told()
            ),
        )
    }

    /// That a spent refresh token came back.
    #[must_use]
    pub fn refresh_reused(&self, about: Circumstances<'_>) -> Letter {
        self.notice(
            "A session was ended for safety",
            format!(
                "a session of your account at {} was ended{}: a key of it was used twice, so somebody may hold a copy. Sign in again to go on.",
                self.site(),
                about.told()
            ),
        )
    }

    fn notice(&self, subject: &str, what: String) -> Letter {
        self.letter(
            subject,
            vec![what, NOT_YOU.to_owned()],
            Some(self.link("Choose a new password", FORGOT_PATH, None)),
        )
    }
}

impl Letter {
    /// As plain text.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn plain(&self) -> Result<String, askama::Error> {
        Plain {
            paragraphs: &self.paragraphs,
            link: self.link.as_ref(),
            closing: self.closing,
            site: &self.site,
        }
        .render()
    }

    /// As HTML.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn html(&self) -> Result<String, askama::Error> {
        Html {
            subject: &self.subject,
            paragraphs: &self.paragraphs,
            link: self.link.as_ref(),
            closing: self.closing,
            site: &self.site,
        }
        .render()
    }
}

impl Circumstances<'_> {
    /// `on 2026-11-21 at 15:41 UTC, with Firefox on Linux, from 192.0.2.0/24`, with a blank before it.
    fn told(self) -> String {
        let at = OffsetDateTime::from_unix_timestamp(self.at.seconds());
        let mut told = at.map_or_else(
            |_| String::new(),
            |at| {
                format!(
                    " on {} at {:02}:{:02} UTC",
                    at.date(),
                    at.hour(),
                    at.minute()
                )
            },
        );
        if let Some(device) = self.device {
            told.push_str(", with ");
            told.push_str(listed_name(device).unwrap_or(UNLISTED));
        }
        if let Some(place) = self.place {
            told.push_str(", from the network ");
            told.push_str(place);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: Circumstances<'_> = Circumstances {
        at: UnixTime::from_seconds(1_795_000_000),
        device: Some("Firefox on Linux"),
        place: Some("<192.0.2.0/24>"),
    };

    #[test]
    fn a_letter_says_the_same_in_both_forms() {
        let letters = Letters::of("https://www.example.com", Links::default());
        let letter = letters.new_device(ABOUT);
        assert_eq!(
            letter.subject,
            "A sign-in from a new device – www.example.com"
        );
        let what = "somebody signed in to your account at www.example.com on 2026-11-18 at 11:06 UTC, with Firefox on Linux, from the network";
        let (plain, html) = (letter.plain().unwrap(), letter.html().unwrap());
        assert!(
            plain.contains(&format!("{what} <192.0.2.0/24>.\n")),
            "{plain}"
        );
        assert!(
            html.contains(what) && html.contains("192.0.2.0/24"),
            "{html}"
        );
        assert!(!html.contains("<192"), "the template escapes: {html}");
        let link = "https://www.example.com/auth/forgot";
        assert!(plain.contains(link) && html.contains(link), "{plain}{html}");
    }

    #[test]
    fn no_letter_has_a_name_that_a_stranger_chose() {
        let letters = Letters::of("https://www.example.com", Links::default());
        let about = Circumstances {
            device: Some("www.evil.example"),
            ..ABOUT
        };
        for letter in [letters.new_device(about), letters.refresh_reused(about)] {
            for text in [letter.plain().unwrap(), letter.html().unwrap()] {
                assert!(text.contains(", with an unknown program, from"), "{text}");
                assert!(!text.contains("evil"), "{text}");
            }
        }
    }

    #[test]
    fn a_letter_says_how_long_its_link_works() {
        let token = LinkToken::from_random([0x5a; 32]);
        for (reset, registration, told) in [
            (1800, 24 * 3600, ["30 minutes", "24 hours"]),
            (300, 3600, ["5 minutes", "60 minutes"]),
            (7199, 7200, ["119 minutes", "2 hours"]),
            (9000, 7 * 24 * 3600, ["2 hours", "168 hours"]),
        ] {
            let links = Links {
                reset_seconds: reset,
                registration_seconds: registration,
            };
            let letters = Letters::of("https://www.example.com", links);
            for (letter, told) in [letters.reset(&token), letters.confirm(&token)]
                .iter()
                .zip(told)
            {
                let plain = letter.plain().unwrap();
                assert!(plain.contains(&format!("within {told}.")), "{plain}");
            }
        }
    }

    #[test]
    fn links_begin_with_the_site_and_carry_their_token() {
        let letters = Letters::of("https://www.example.com", Links::default());
        let token = LinkToken::from_random([0x5a; 32]);
        for (letter, path) in [
            (letters.confirm(&token), CONFIRM_PATH),
            (letters.reset(&token), RESET_PATH),
        ] {
            let url = format!("\nhttps://www.example.com{path}?token={}\n", token.reveal());
            let plain = letter.plain().unwrap();
            assert!(plain.contains(&url), "{plain}");
        }
    }
}
