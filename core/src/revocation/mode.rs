//! How current the feed must be where a rule lets somebody pass.

use core::fmt;

/// What a route bears. The names are those of `gate.toml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Judged with a feed at most a second old; while the feed cannot be had, a token is good until its time is over.
    #[default]
    Bounded,
    /// Never judged with an older feed; without one, refused.
    Strict,
    /// Judged with a feed at most so many seconds old, which is refreshed behind the request.
    Eventual {
        /// Above it the route is as `Bounded`.
        within_seconds: u32,
    },
}

impl Mode {
    /// Whether a route of this mode never judges with an older feed than one of the other does.
    pub(crate) const fn is_as_current_as(self, other: Self) -> bool {
        match (self, other) {
            (Self::Strict, _) | (Self::Bounded, Self::Bounded | Self::Eventual { .. }) => true,
            (
                Self::Eventual {
                    within_seconds: own,
                },
                Self::Eventual {
                    within_seconds: others,
                },
            ) => own <= others,
            (Self::Bounded | Self::Eventual { .. }, Self::Strict)
            | (Self::Eventual { .. }, Self::Bounded) => false,
        }
    }
}

/// What `eventual` bears unless the policy says otherwise.
pub const DEFAULT_WITHIN_SECONDS: u32 = 60;

/// Because after an hour an access token has ended by itself.
pub const MAX_WITHIN_SECONDS: u32 = 3600;

impl Mode {
    /// The names, as a policy writes them.
    pub const NAMES: [&'static str; 3] = ["bounded", "strict", "eventual"];

    /// The mode of this name; `within_seconds` is for `eventual`.
    #[must_use]
    pub fn named(name: &str, within_seconds: u32) -> Option<Self> {
        [
            Self::Bounded,
            Self::Strict,
            Self::Eventual { within_seconds },
        ]
        .into_iter()
        .find(|mode| mode.name() == name)
    }

    /// As a policy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let [bounded, strict, eventual] = Self::NAMES;
        match self {
            Self::Bounded => bounded,
            Self::Strict => strict,
            Self::Eventual { .. } => eventual,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())?;
        match self {
            Self::Bounded | Self::Strict => Ok(()),
            Self::Eventual { within_seconds } => write!(out, " (within {within_seconds} s)"),
        }
    }
}
