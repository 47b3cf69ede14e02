//! How long the app may take until its answer begins.

use super::BrokenSettings;

/// Because whoever waits for a page has gone long before, and what answers later than that keeps connections for nobody.
const APP_TIMEOUT_SECONDS: u32 = 100;
/// Because no platform keeps a request for longer.
const LONGEST_APP_TIMEOUT_SECONDS: u32 = 3600;

/// In whole seconds; 0 for no limit.
pub(super) fn app_patience(bound: Option<String>) -> Result<Option<u32>, BrokenSettings> {
    let seconds = match bound.filter(|text| !text.is_empty()) {
        None => APP_TIMEOUT_SECONDS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| *seconds <= LONGEST_APP_TIMEOUT_SECONDS)
            .ok_or(BrokenSettings {
                binding: "APP_TIMEOUT_SECONDS",
                problem: "must be a number of seconds from 0 to 3600",
            })?,
    };
    Ok((seconds > 0).then_some(seconds * 1000))
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
}
