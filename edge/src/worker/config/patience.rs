//! How long others may take: the app until its answer begins, and a client until a form has arrived that the edge reads.

use core::ops::RangeInclusive;

use super::BrokenSettings;

/// Because whoever waits for a page has gone long before, and what answers later than that keeps connections for nobody.
const APP_TIMEOUT_SECONDS: u32 = 100;
/// Because no platform keeps a request for longer.
const LONGEST_APP_TIMEOUT_SECONDS: u32 = 3600;

/// Because the longest form that is read, of 64 KiB, takes so long on a line of 26 kbit/s, slower than any that people fill in forms
/// on; the issuer gives its forms as long. Meanwhile the edge holds what has arrived, and whoever sends a byte now and then would
/// have it hold that for as long as the platform lets a request live.
const FORM_TIMEOUT_SECONDS: u32 = 20;
/// Because whoever needs longer has no line.
const LONGEST_FORM_TIMEOUT_SECONDS: u32 = 300;

/// In whole seconds; 0 for no limit.
pub(super) fn app_patience(bound: Option<String>) -> Result<Option<u32>, BrokenSettings> {
    let milliseconds = milliseconds(
        bound,
        APP_TIMEOUT_SECONDS,
        0..=LONGEST_APP_TIMEOUT_SECONDS,
        BrokenSettings {
            binding: "APP_TIMEOUT_SECONDS",
            problem: "must be a number of seconds from 0 to 3600",
        },
    )?;
    Ok((milliseconds > 0).then_some(milliseconds))
}

/// In whole seconds. There is no form without a limit.
pub(super) fn form_patience(bound: Option<String>) -> Result<u32, BrokenSettings> {
    milliseconds(
        bound,
        FORM_TIMEOUT_SECONDS,
        1..=LONGEST_FORM_TIMEOUT_SECONDS,
        BrokenSettings {
            binding: "FORM_TIMEOUT_SECONDS",
            problem: "must be a number of seconds from 1 to 300",
        },
    )
}

fn milliseconds(
    bound: Option<String>,
    usual: u32,
    range: RangeInclusive<u32>,
    broken: BrokenSettings,
) -> Result<u32, BrokenSettings> {
    let seconds = match bound.filter(|text| !text.is_empty()) {
        None => usual,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| range.contains(seconds))
            .ok_or(broken)?,
    };
    Ok(seconds * 1000)
}

#[cfg(test)]
mod tests {
    use crate::worker::config::tests::settings_with;

    #[test]
    fn an_app_has_a_hundred_seconds_unless_the_deployment_says_otherwise() {
        for (bound, patience) in [("", Some(100_000)), ("1", Some(1000)), ("0", None)] {
            let settings = settings_with(&[("APP_TIMEOUT_SECONDS", bound)]).ok();
            assert_eq!(settings.unwrap().app_patience, patience, "{bound}");
        }
    }

    #[test]
    fn a_form_has_twenty_seconds_unless_the_deployment_says_otherwise() {
        for (bound, patience) in [("", 20_000), ("1", 1000), ("300", 300_000)] {
            let settings = settings_with(&[("FORM_TIMEOUT_SECONDS", bound)]).ok();
            assert_eq!(settings.unwrap().form_patience, patience, "{bound}");
        }
    }
}
