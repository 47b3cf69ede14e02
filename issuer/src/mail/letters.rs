//! What mails say, in the language of who reads them. Every letter is one text in two forms: plain, and HTML without pictures, styles
//! or anything that is loaded.
//!
//! A letter holds nothing that a stranger chose: no name, no text of a form. So nobody can have this site write
//! to other people what they like. Links begin with `issuer.url`, never with what a request said about its host.

use askama::Template;
use edgeward_core::time::UnixTime;
use time::OffsetDateTime;

use crate::{
    config::Links,
    domain::{
        device::{browser_and_system, listed_name},
        language::Language,
        mail::{LINK_PARAMETER, LinkToken},
    },
    texts,
};

/// Where the page is that confirms an address.
pub const CONFIRM_PATH: &str = "/auth/confirm";

/// Where the page is that takes a new password.
pub const RESET_PATH: &str = "/auth/reset";

/// Where the page is that asks for a link.
pub const FORGOT_PATH: &str = "/auth/forgot";

/// A link and what it says on it.
#[derive(Debug, Clone)]
pub struct Link {
    label: String,
    url: String,
}

/// A letter, before it is put into an envelope.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its subject.
    pub subject: String,
    /// What it is written in, all of it.
    pub language: Language,
    paragraphs: Vec<String>,
    link: Link,
    site: String,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Plain<'a> {
    greeting: String,
    paragraphs: &'a [String],
    link: &'a Link,
    closing: String,
    site: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    language: &'static str,
    subject: &'a str,
    greeting: String,
    paragraphs: &'a [String],
    link: &'a Link,
    copy_link: String,
    closing: String,
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

/// The same in one language.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    letters: &'a Letters,
    language: Language,
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

    /// As a part of a sentence.
    #[must_use]
    pub fn told(self, language: Language) -> String {
        let (unit, number) = match self {
            Self::Minutes(minutes) => ("life-minutes", minutes),
            Self::Hours(hours) => ("life-hours", hours),
        };
        texts::text_with(language, unit, [("number", number.to_string().into())])
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

    /// Who writes them in a language.
    #[must_use]
    pub const fn in_language(&self, language: Language) -> Writer<'_> {
        Writer {
            letters: self,
            language,
        }
    }

    /// The host of the site, as a person reads it.
    fn site(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(self.url.as_str(), |(_, rest)| rest)
    }
}

impl Writer<'_> {
    fn text(self, id: &str) -> String {
        texts::text(self.language, id)
    }

    /// A text with the site in it.
    fn of_site(self, id: &str) -> String {
        texts::text_with(self.language, id, [("site", self.letters.site().into())])
    }

    /// A text that says how long a link works.
    fn of_life(self, id: &str, seconds: i64) -> String {
        let life = LinkLife::of(seconds).told(self.language);
        texts::text_with(self.language, id, [("life", life.into())])
    }

    fn letter(self, subject: &str, paragraphs: Vec<String>, link: Link) -> Letter {
        Letter {
            subject: format!("{} – {}", self.text(subject), self.letters.site()),
            language: self.language,
            paragraphs,
            link,
            site: self.letters.url.clone(),
        }
    }

    fn link(self, label: &str, path: &str, token: Option<&LinkToken>) -> Link {
        let query = token.map(|token| format!("?{LINK_PARAMETER}={}", token.reveal()));
        Link {
            label: self.text(label),
            url: format!("{}{path}{}", self.letters.url, query.unwrap_or_default()),
        }
    }

    /// To an address without an account: the link that makes one.
    #[must_use]
    pub fn confirm(self, token: &LinkToken) -> Letter {
        let seconds = self.letters.links.registration_seconds;
        let paragraphs = vec![
            self.of_site("mail-confirm-what"),
            self.of_life("mail-confirm-you", seconds),
            self.text("mail-confirm-not-you"),
        ];
        let link = self.link("mail-confirm-link", CONFIRM_PATH, Some(token));
        self.letter("mail-confirm-subject", paragraphs, link)
    }

    /// To an address that has an account: that somebody tried to register with it.
    #[must_use]
    pub fn known(self) -> Letter {
        let paragraphs = vec![
            self.of_site("mail-known-what"),
            self.text("mail-known-you"),
            self.text("mail-known-not-you"),
        ];
        let link = self.link("mail-known-link", FORGOT_PATH, None);
        self.letter("mail-known-subject", paragraphs, link)
    }

    /// The link that resets the password.
    #[must_use]
    pub fn reset(self, token: &LinkToken) -> Letter {
        let paragraphs = vec![
            self.of_site("mail-reset-what"),
            self.of_life("mail-reset-you", self.letters.links.reset_seconds),
            self.text("mail-reset-not-you"),
        ];
        let link = self.link("mail-reset-link", RESET_PATH, Some(token));
        self.letter("mail-reset-subject", paragraphs, link)
    }

    /// That the password was changed or reset.
    #[must_use]
    pub fn password_changed(self, about: Circumstances<'_>) -> Letter {
        let what = self.of_act("mail-changed-what", about);
        self.notice("mail-changed-subject", what, "mail-not-you")
    }

    /// That too many wrong passwords locked the account.
    #[must_use]
    pub fn locked(self, about: Circumstances<'_>) -> Letter {
        let what = self.of_act("mail-locked-what", about);
        self.notice("mail-locked-subject", what, "mail-locked-not-you")
    }

    /// That somebody signed in from a device that the account did not know.
    #[must_use]
    pub fn new_device(self, about: Circumstances<'_>) -> Letter {
        let what = self.of_act("mail-device-what", about);
        self.notice("mail-device-subject", what, "mail-not-you")
    }

    /// That a spent refresh token came back.
    #[must_use]
    pub fn refresh_reused(self, about: Circumstances<'_>) -> Letter {
        let what = self.of_act("mail-reused-what", about);
        self.notice("mail-reused-subject", what, "mail-not-you")
    }

    fn notice(self, subject: &str, what: String, not_you: &str) -> Letter {
        let link = self.link("mail-reset-link", FORGOT_PATH, None);
        self.letter(subject, vec![what, self.text(not_you)], link)
    }

    /// A text with the site and with what is known of an act in it.
    fn of_act(self, id: &str, about: Circumstances<'_>) -> String {
        let values = [
            ("site", self.letters.site().into()),
            ("told", self.told(about).into()),
        ];
        texts::text_with(self.language, id, values)
    }

    /// `on 2026-11-21 at 15:41 UTC, with Firefox on Linux, from the network 192.0.2.0/24`, as the language has it.
    fn told(self, about: Circumstances<'_>) -> String {
        let added = |id, told: String, name, value: &str| {
            texts::text_with(
                self.language,
                id,
                [("told", told.into()), (name, value.into())],
            )
        };
        let mut told = self.when(about.at);
        if let Some(device) = about.device.map(|name| self.device(name)) {
            told = added("mail-told-device", told, "device", &device);
        }
        match about.place {
            Some(place) => added("mail-told-place", told, "place", place),
            None => told,
        }
    }

    fn when(self, at: UnixTime) -> String {
        // The moment is one that this program's clock has shown; what lies outside the calendar never was.
        let at =
            OffsetDateTime::from_unix_timestamp(at.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        // As texts: a language would write numbers with marks between the thousands.
        let values = [
            ("year", at.year().to_string().into()),
            ("month", format!("{:02}", u8::from(at.month())).into()),
            ("day", format!("{:02}", at.day()).into()),
            (
                "time",
                format!("{:02}:{:02}", at.hour(), at.minute()).into(),
            ),
        ];
        texts::text_with(self.language, "mail-told-when", values)
    }

    /// A program that calls itself what is on no list of ours is not named: that may be a stranger's message.
    fn device(self, name: &str) -> String {
        match listed_name(name).map(browser_and_system) {
            Some((Some(browser), Some(system))) => {
                let values = [("browser", browser.into()), ("system", system.into())];
                texts::text_with(self.language, "sessions-device", values)
            }
            Some((Some(only), None) | (None, Some(only))) => only.to_owned(),
            Some((None, None)) | None => texts::text(self.language, "mail-told-unlisted"),
        }
    }
}

impl Letter {
    /// As plain text.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub fn plain(&self) -> Result<String, askama::Error> {
        Plain {
            greeting: self.text("mail-greeting"),
            paragraphs: &self.paragraphs,
            link: &self.link,
            closing: self.text("mail-closing"),
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
            language: self.language.tag(),
            subject: &self.subject,
            greeting: self.text("mail-greeting"),
            paragraphs: &self.paragraphs,
            link: &self.link,
            copy_link: self.text("mail-copy-link"),
            closing: self.text("mail-closing"),
            site: &self.site,
        }
        .render()
    }

    fn text(&self, id: &str) -> String {
        texts::text(self.language, id)
    }
}

#[cfg(test)]
mod tests;
