//! `[captcha]`: whose challenge people solve at registration, and at a sign-in after failures.

use std::path::PathBuf;

use super::{
    read::{number, text},
    reader::Reader,
    secret::{self, SecretText},
    source::Raw,
};

/// The challenge of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captcha {
    /// Whose.
    pub provider: CaptchaProvider,
    /// Public: pages show it to the provider.
    pub site_key: String,
    /// With it the issuer asks the provider.
    pub secret: SecretText,
    /// The file that the secret was read from, where it was.
    pub secret_file: Option<PathBuf>,
    /// So many failures of a name, or of a known device at it, demand a challenge at the next sign-in.
    pub name_failures: u32,
    /// So many failures of a range of addresses do.
    pub address_failures: u32,
    /// What happens while the provider does not answer.
    pub on_outage: OnOutage,
    /// A stand-in on this machine, for tests; `None` asks the provider.
    pub verify_url: Option<String>,
}

/// Who makes challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaProvider {
    /// Cloudflare Turnstile.
    Turnstile,
    /// reCAPTCHA v2 of Google.
    Recaptcha,
}

/// What happens while a provider does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnOutage {
    /// Nobody passes who needs a challenge.
    Refuse,
    /// Everybody does who sends any token.
    Pass,
}

impl CaptchaProvider {
    const ALL: [Self; 2] = [Self::Turnstile, Self::Recaptcha];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::Recaptcha => "recaptcha",
        }
    }
}

impl OnOutage {
    const ALL: [Self; 2] = [Self::Refuse, Self::Pass];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Pass => "pass",
        }
    }
}

/// The name of having no provider.
const NONE: &str = "none";

pub(super) fn read(reader: &mut Reader) -> Option<Captcha> {
    let provider = reader.take("captcha.provider", None, provider);
    let site_key = reader.take("captcha.site_key", None, |raw| text(raw).map(Some));
    let (secret, secret_file) = secret::take(reader, "captcha.secret", "captcha.secret_file");
    // Who mistypes twice is not asked; the lock comes after five.
    let name_failures = reader.take("captcha.name_failures", 3, number(1, 100));
    let address_failures = reader.take("captcha.address_failures", 20, number(1, 100_000));
    let on_outage = reader.take("captcha.on_outage", OnOutage::Refuse, on_outage);
    let verify_url = reader.take("captcha.verify_url", None, |raw| stand_in(raw).map(Some));
    let provider = provider?;
    if site_key.is_none() && !reader.is_broken("captcha.site_key") {
        reader.complain("captcha.provider", "needs captcha.site_key");
    }
    if secret.is_none()
        && !reader.is_broken("captcha.secret")
        && !reader.is_broken("captcha.secret_file")
    {
        reader.complain(
            "captcha.provider",
            "needs EDGEWARD__CAPTCHA__SECRET or captcha.secret_file",
        );
    }
    Some(Captcha {
        provider,
        site_key: site_key?,
        secret: secret?,
        secret_file,
        name_failures,
        address_failures,
        on_outage,
        verify_url,
    })
}

fn provider(raw: &Raw) -> Result<Option<CaptchaProvider>, String> {
    let name = text(raw)?;
    let mut all = CaptchaProvider::ALL.into_iter();
    match all.find(|provider| provider.name() == name) {
        Some(provider) => Ok(Some(provider)),
        None if name == NONE => Ok(None),
        None => Err("must be none, turnstile or recaptcha".to_owned()),
    }
}

fn on_outage(raw: &Raw) -> Result<OnOutage, String> {
    let name = text(raw)?;
    let mut all = OnOutage::ALL.into_iter();
    all.find(|outage| outage.name() == name)
        .ok_or_else(|| "must be refuse or pass".to_owned())
}

/// An address on this machine and no other: whoever answers decides who is no machine, and gets the secret.
fn stand_in(raw: &Raw) -> Result<String, String> {
    let url = text(raw)?;
    let is_here = ["http://127.0.0.1:", "http://[::1]:"]
        .iter()
        .any(|here| url.strip_prefix(here).is_some_and(is_port_and_path));
    if is_here {
        Ok(url)
    } else {
        Err("must begin with http://127.0.0.1: or http://[::1]: and a port: it is for a stand-in in tests".to_owned())
    }
}

fn is_port_and_path(rest: &str) -> bool {
    let port = rest.split('/').next().unwrap_or_default();
    port.parse::<u16>().is_ok()
}

/// The value of a setting as it is shown; `None` where it is not set.
pub(super) fn shown(captcha: Option<&Captcha>, name: &str) -> Option<toml::Value> {
    let Some(captcha) = captcha else {
        return (name == "provider").then(|| NONE.into());
    };
    Some(match name {
        "provider" => captcha.provider.name().into(),
        "site_key" => captcha.site_key.clone().into(),
        "secret_file" => {
            let path = captcha.secret_file.as_ref()?;
            path.to_string_lossy().into_owned().into()
        }
        "name_failures" => i64::from(captcha.name_failures).into(),
        "address_failures" => i64::from(captcha.address_failures).into(),
        "on_outage" => captcha.on_outage.name().into(),
        "verify_url" => captcha.verify_url.clone()?.into(),
        _ => return None,
    })
}
