//! What the environment and the parent domain of the cookies demand of the site's origin.

use edgeward_core::cookie::Environment;

use super::{BrokenSettings, Origin};

/// Development's cookies have no prefix and cross the network in the clear, so they are for this machine only.
pub(super) fn refuse_open_development(
    environment: Environment,
    issuer: &Origin,
) -> Result<(), BrokenSettings> {
    if environment == Environment::Development && !issuer.is_loopback() {
        return Err(BrokenSettings {
            binding: "ISSUER",
            problem: "must be on this machine in development, as http://127.0.0.1:8787",
        });
    }
    Ok(())
}

/// Browsers keep no cookie for a domain that the site is not in. The issuer says the same of `cookies.parent_domain`.
pub(super) fn refuse_foreign_domain(
    domain: Option<&str>,
    issuer: &Origin,
) -> Result<(), BrokenSettings> {
    let Some(domain) = domain else { return Ok(()) };
    let covers = domain.contains('.')
        && issuer
            .host()
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if covers {
        Ok(())
    } else {
        Err(BrokenSettings {
            binding: "COOKIE_PARENT_DOMAIN",
            problem: "must be a domain that the host of ISSUER is in, as example.com",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::worker::config::tests::settings_with;

    #[test]
    fn development_is_for_this_machine() {
        for (issuer, accepted) in [
            ("http://127.0.0.1:8787", true),
            ("http://localhost:8787", true),
            ("http://[::1]:8787", true),
            ("http://app.test", false),
            ("https://app.test", false),
            ("http://localhost.app.test", false),
        ] {
            let bound = [("EDGEWARD_ENVIRONMENT", "development"), ("ISSUER", issuer)];
            let broken = settings_with(&bound).err();
            assert_eq!(
                broken.map(|broken| broken.binding),
                (!accepted).then_some("ISSUER"),
                "{issuer}"
            );
        }
    }
}
