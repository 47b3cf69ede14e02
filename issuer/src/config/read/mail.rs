//! The settings about mail.

use std::{fs::File, io::Read, path::PathBuf};

use lettre::{message::Mailbox, transport::smtp::client::Certificate};

use super::{DAY, HOUR, MINUTE, Reader, flag, number, path, seconds, text};
use crate::config::{
    Links, Mail, MailPassword, MailTls, Mistake, Notify, Origin, authority::is_this_machine,
    secret, source::Raw,
};

/// The most that is read of a file with certificates: all authorities that a browser trusts are some hundred KiB.
const CA_FILE_MAX_BYTES: u64 = 1024 * 1024;

/// A mail server takes seconds over an answer where it looks senders up. RFC 5321 4.5.3.2 would wait for minutes, which is
/// longer than a mail may take here altogether; it is tried again.
const TIMEOUT_SECONDS: u64 = 30;

pub(super) fn mail(reader: &mut Reader) -> Option<Mail> {
    let server = reader.take("mail.server", None, |raw| host(raw).map(Some));
    let tls = reader.take("mail.tls", MailTls::Implicit, tls);
    let port = reader.take("mail.port", tls.port(), number(1, 65_535));
    let ca_file = reader.take("mail.ca_file", None, |raw| certificates(raw).map(Some));
    let from = reader.take("mail.from", None, |raw| sender(raw).map(Some));
    let username = reader.take("mail.username", None, |raw| text(raw).map(Some));
    let given = reader.take("mail.password", None, |raw| password(raw).map(Some));
    let held = reader.take("mail.password_file", None, |raw| password_in(raw).map(Some));
    let timeout_seconds = reader.take("mail.timeout_seconds", TIMEOUT_SECONDS, number(1, 60));
    let links = links(reader);
    let notify = notify(reader);
    let (password_file, held) = held.unzip();
    judge(
        reader,
        &Given {
            server: server.as_deref(),
            tls,
            from: from.is_some(),
            username: username.is_some(),
            password: given.is_some(),
            password_file: password_file.is_some(),
        },
    );
    Some(Mail {
        server: server?,
        port,
        tls,
        ca_file,
        from: from?,
        username,
        password: given.or(held),
        password_file,
        timeout_seconds,
        links,
        notify,
    })
}

fn links(reader: &mut Reader) -> Links {
    let default = Links::default();
    Links {
        // Mail that is looked for in a filter of suspicious ones takes minutes; after a day a mailbox would hold a key that nobody
        // thinks of.
        reset_seconds: reader.take(
            "mail.reset_link_seconds",
            default.reset_seconds,
            seconds(5 * MINUTE, DAY),
        ),
        // What is kept of people who never came back ends after a week at the latest.
        registration_seconds: reader.take(
            "mail.registration_seconds",
            default.registration_seconds,
            seconds(HOUR, 7 * DAY),
        ),
    }
}

fn notify(reader: &mut Reader) -> Notify {
    let default = Notify::default();
    let mut switch = |key, default| reader.take(key, default, flag);
    Notify {
        lockout: switch("mail.notify.lockout", default.lockout),
        new_device: switch("mail.notify.new_device", default.new_device),
        password_change: switch("mail.notify.password_change", default.password_change),
        refresh_reuse: switch("mail.notify.refresh_reuse", default.refresh_reuse),
    }
}

/// What was given, as far as the settings must fit each other.
struct Given<'a> {
    server: Option<&'a str>,
    tls: MailTls,
    from: bool,
    username: bool,
    password: bool,
    password_file: bool,
}

/// What does not fit is told here, because a section without a server is no [`Mail`] that could be judged later.
fn judge(reader: &mut Reader, given: &Given<'_>) {
    let broken = reader.broken();
    let misspelt = ["mail.server", "mail.from"].map(|key| (key, reader.is_misspelt(key)));
    let is_misspelt = |key| misspelt.contains(&(key, true));
    let mut complain = |key: &'static str, others: &[&'static str], message: &str| {
        if broken.contains(key) || others.iter().any(|other| broken.contains(other)) {
            return;
        }
        // What is missing has no place of its own: it is told where the setting stands that needs it.
        let places = [key].into_iter().chain(others.iter().copied());
        let origin = places
            .filter_map(|place| reader.origins.iter().find(|(known, _)| *known == place))
            .map(|(_, origin)| origin.clone())
            .find(|origin| *origin != Origin::Default);
        reader.mistakes.push(Mistake {
            origin: origin.unwrap_or(Origin::Default),
            key: Some(key.to_owned()),
            message: message.to_owned(),
        });
    };
    match given.server {
        Some(server) => {
            if !given.from && !is_misspelt("mail.from") {
                complain(
                    "mail.from",
                    &["mail.server"],
                    "is missing: name the sender, as \"Example <no-reply@example.com>\"",
                );
            }
            if given.tls == MailTls::None && !is_this_machine(server) {
                complain(
                    "mail.tls",
                    &["mail.server"],
                    "none is for a server on this machine only: links that open accounts go this way",
                );
            }
        }
        None => {
            let others = [
                ("mail.from", given.from),
                ("mail.username", given.username),
                ("mail.password", given.password),
                ("mail.password_file", given.password_file),
            ];
            let given = others.iter().find(|(_, is_given)| *is_given);
            if let (Some((given, _)), false) = (given, is_misspelt("mail.server")) {
                complain(
                    "mail.server",
                    &[given],
                    "is missing: without it the other settings of mail do nothing",
                );
            }
        }
    }
    if given.password && given.password_file {
        complain(
            "mail.password_file",
            &["mail.password"],
            "contradicts mail.password: there is one password",
        );
    }
    let password = given.password || given.password_file;
    if given.username && !password {
        complain(
            "mail.username",
            &["mail.password", "mail.password_file"],
            "needs a password: EDGEWARD__MAIL__PASSWORD or mail.password_file",
        );
    }
    if password && !given.username {
        let key = if given.password {
            "mail.password"
        } else {
            "mail.password_file"
        };
        complain(key, &["mail.username"], "needs mail.username");
    }
}

/// A host's name or an address, without anything around it.
fn host(raw: &Raw) -> Result<String, String> {
    let host = text(raw)?;
    let fits = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    if fits && (!host.contains(':') || host.parse::<std::net::IpAddr>().is_ok()) {
        Ok(host)
    } else {
        Err(
            "must be the name or the address of a host, as smtp.example.com; the port is mail.port"
                .to_owned(),
        )
    }
}

fn tls(raw: &Raw) -> Result<MailTls, String> {
    MailTls::from_name(&text(raw)?).ok_or_else(|| "must be implicit, starttls or none".to_owned())
}

fn sender(raw: &Raw) -> Result<Mailbox, String> {
    text(raw)?
        .parse()
        .map_err(|_| "must be an address, as \"Example <no-reply@example.com>\"".to_owned())
}

fn password(raw: &Raw) -> Result<MailPassword, String> {
    match raw {
        Raw::Variable(_) => text(raw).map(MailPassword::new),
        Raw::Text(_) | Raw::Integer(_) | Raw::Boolean(_) | Raw::List(_) | Raw::Tables(_) | Raw::Other(_) => Err(
            "would be shown to the readers of this file: use EDGEWARD__MAIL__PASSWORD or mail.password_file"
                .to_owned(),
        ),
    }
}

/// The password in a file of its own; a line's end is not part of it.
fn password_in(raw: &Raw) -> Result<(PathBuf, MailPassword), String> {
    let path = path(raw)?;
    let held = secret::text_in(&path).map_err(|wrong| format!("{}: {wrong}", path.display()))?;
    let password = held.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok((path, MailPassword::new(password.to_owned())))
}

/// The file is read again when mails are sent; here it is only looked whether it can be.
fn certificates(raw: &Raw) -> Result<PathBuf, String> {
    let path = path(raw)?;
    let mut held = String::new();
    File::open(&path)
        .and_then(|file| file.take(CA_FILE_MAX_BYTES).read_to_string(&mut held))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if held.contains("-----BEGIN CERTIFICATE-----")
        && Certificate::from_pem(held.as_bytes()).is_ok()
    {
        Ok(path)
    } else {
        Err(format!("{} holds no certificate in PEM", path.display()))
    }
}
