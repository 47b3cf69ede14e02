//! The way to the mail server. Addresses and header fields are typed values of the library, which refuses line breaks in
//! them and encodes the rest, so nothing can end a header and begin another.

use std::{fmt, fs, time::Duration};

use edgeward_core::time::UnixTime;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};

use super::letters::{Letter, Letters};
use crate::{
    config::{self, MailTls},
    domain::{
        language::Language,
        mail::{Failure, Waiting},
    },
};

/// How long one mail may take altogether, however slowly each answer comes.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(90);

/// Replies that refuse our name and password, or want one (RFC 4954, section 6).
const CREDENTIAL_REPLIES: [u16; 4] = [530, 534, 535, 538];

/// Why mails cannot be sent at all. For the operator to put right.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The further certificates cannot be read.
    #[error("mail.ca_file: {0}")]
    CaFile(String),
    /// There is no protected connection with these settings.
    #[error("mail: {0}")]
    Tls(lettre::transport::smtp::Error),
}

/// Everything that sending needs.
pub struct Post {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// What stands behind the `@` of message identifiers.
    host: String,
    /// Writes the letters.
    pub(super) letters: Letters,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

/// RFC 3834: programs that answer mails leave this one alone.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// RFC 3282: what the letter is written in, for programs that choose a voice or offer to translate. The HTML says it too, and the plain
/// text has no other place for it.
#[derive(Debug, Clone)]
struct ContentLanguage(Language);

impl header::Header for ContentLanguage {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(tag: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let language = Language::of_tag(tag);
        Ok(Self(
            language.ok_or("no letter is written in this language")?,
        ))
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), self.0.tag().to_owned())
    }
}

impl Post {
    /// Prepares to send. Connects to nothing yet: a server that is away keeps no issuer from starting.
    ///
    /// # Errors
    /// [`MailError`].
    pub fn new(settings: &config::Mail, site: &str) -> Result<Self, MailError> {
        let letters = Letters::of(site, settings.links);
        let host = host_of(site);
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(settings.server.as_str())
                .port(settings.port)
                .tls(protection(settings)?)
                // The machine's own name is nobody's business.
                .hello_name(ClientId::Domain(host.clone()))
                .timeout(Some(Duration::from_secs(settings.timeout_seconds)));
        if let (Some(name), Some(password)) = (&settings.username, &settings.password) {
            let credentials = Credentials::new(name.clone(), password.reveal().to_owned());
            builder = builder.credentials(credentials);
        }
        Ok(Self {
            transport: builder.build(),
            from: settings.from.clone(),
            host,
            letters,
        })
    }

    /// Sends a letter. `Ok`: the server has taken it.
    ///
    /// # Errors
    /// The class of the failure; what is not personal about it is in the log.
    pub(super) async fn send(
        &self,
        mail: &Waiting,
        letter: &Letter,
        now: UnixTime,
    ) -> Result<(), Failure> {
        let message = self.message(mail, letter, now).ok_or(Failure::Unwritten)?;
        match tokio::time::timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(class_of(&error)),
            Err(_) => Err(Failure::Timeout),
        }
    }

    /// The identifier is the same at each attempt: a server that got the mail and whose answer was lost may know it again.
    fn message(&self, mail: &Waiting, letter: &Letter, now: UnixTime) -> Option<Message> {
        let to: Address = mail.recipient.as_str().parse().ok()?;
        let seconds = u64::try_from(now.seconds()).ok()?;
        let date = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.as_str())
            .date(date)
            .message_id(Some(format!("<{}@{}>", mail.id, self.host)))
            .header(AutoSubmitted)
            .header(ContentLanguage(letter.language))
            .multipart(MultiPart::alternative_plain_html(
                letter.plain().ok()?,
                letter.html().ok()?,
            ))
            .ok()
    }
}

/// The host of the site without its port.
fn host_of(site: &str) -> String {
    let authority = site.split_once("://").map_or(site, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        Some(_) | None => authority.to_owned(),
    }
}

fn protection(settings: &config::Mail) -> Result<Tls, MailError> {
    if settings.tls == MailTls::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(settings.server.clone());
    if let Some(path) = &settings.ca_file {
        let unusable =
            |error: &dyn fmt::Display| MailError::CaFile(format!("{}: {error}", path.display()));
        let pem = fs::read(path).map_err(|error| unusable(&error))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(&error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters = parameters.build_rustls().map_err(MailError::Tls)?;
    Ok(match settings.tls {
        MailTls::Implicit => Tls::Wrapper(parameters),
        MailTls::Starttls => Tls::Required(parameters),
        MailTls::None => Tls::None,
    })
}

fn class_of(error: &lettre::transport::smtp::Error) -> Failure {
    if let Some(status) = error.status() {
        let reply = u16::from(status);
        // The text of a reply may repeat the recipient; its number does not.
        tracing::warn!(reply, "the mail server refused a mail");
        return if CREDENTIAL_REPLIES.contains(&reply) {
            Failure::Credentials
        } else if error.is_permanent() {
            Failure::Refused
        } else {
            Failure::Deferred
        };
    }
    tracing::warn!(detail = %error, "a mail could not be handed over");
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_tls() {
        Failure::Tls
    } else if error.is_client() {
        Failure::Unsuited
    } else {
        Failure::Connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_site_has_no_port() {
        for (site, host) in [
            ("https://www.example.com", "www.example.com"),
            ("http://127.0.0.1:8787", "127.0.0.1"),
            ("http://[::1]:8787", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(site), host, "{site}");
        }
    }
}
