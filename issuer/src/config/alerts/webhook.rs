//! Where alerts are sent. Who knows the whole address of many a receiver may write to it, so no more is shown than whose it is.

use std::fmt;

use axum::http::Uri;

use crate::config::secret::SecretText;

/// `https://…`, or `http://…` on this machine. Printed without its path, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    whole: SecretText,
    place: String,
}

impl Webhook {
    /// Takes an address as it is written in a setting.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "must begin with https://, or with http:// and a loopback address";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(FORM.to_owned());
        };
        // Neither belongs into an address; there is a signature for what a password would be for.
        if authority.as_str().contains('@') {
            return Err("must be without a name or password".to_owned());
        }
        let is_here = ["127.0.0.1", "[::1]"].contains(&authority.host());
        if scheme == "https" || (scheme == "http" && is_here) {
            Ok(Self {
                whole: SecretText::new(text),
                place: format!("{scheme}://{authority}"),
            })
        } else {
            Err(FORM.to_owned())
        }
    }

    /// All of it, for sending.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.whole.reveal()
    }

    /// For a line of `config show` that is no setting: as one it would send alerts to nobody.
    pub(in crate::config) fn told(&self) -> String {
        format!("webhook at {self} (redacted)")
    }
}

impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Webhook;

    #[test]
    fn only_whose_it_is_is_shown() {
        for (whole, shown) in [
            (
                "https://hooks.example.com/services/s3cret",
                "https://hooks.example.com",
            ),
            (
                "https://hooks.example.com:8443?token=s3cret",
                "https://hooks.example.com:8443",
            ),
            ("http://127.0.0.1:9000/s3cret", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ] {
            let webhook = Webhook::parse(whole).unwrap();
            assert_eq!(webhook.reveal(), whole);
            assert_eq!(webhook.to_string(), shown);
            assert_eq!(format!("{webhook:?}"), format!("Webhook({shown})"));
        }
    }

    #[test]
    fn what_is_none_is_refused_without_being_repeated() {
        for text in [
            "",
            "s3cret",
            "/s3cret",
            "ftp://hooks.example.com/s3cret",
            "http://hooks.example.com/s3cret",
            "http://localhost/s3cret",
            "https://a:s3cret@hooks.example.com",
            "https://hooks.example.com/s3cret s3cret",
        ] {
            let refused = Webhook::parse(text).unwrap_err();
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }
}
