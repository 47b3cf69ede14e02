//! What a row of another system's table says about a person. Pure: what is not acceptable is said without repeating it.

use std::collections::BTreeMap;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use edgeward_core::time::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use crate::{
    config::mapping::{
        Encoding, Field, FlagForm, Mapping, MomentForm, PasswordForm, Roles, RolesForm,
        UnknownRole, Unverified,
    },
    domain::{
        accounts::{Account, Email, PersonName, Role, UnfitField, UserId},
        password::{self, HashError, Pbkdf2},
        storage::PasswordHash,
    },
};

/// A clock that is a day ahead is believed; more is another unit.
const AHEAD_SECONDS: i64 = 24 * 3600;

/// The values of a row, as text, and where it stands. No `Debug`: one of them is a hash.
pub struct LegacyRow {
    /// Its line, or the value of its key.
    pub place: String,
    /// What the mapped columns hold; NULL and empty ones are not there.
    pub values: BTreeMap<Field, Zeroizing<String>>,
}

impl LegacyRow {
    fn get(&self, field: Field) -> Option<&str> {
        self.values.get(&field).map(|value| value.as_str())
    }
}

/// Somebody who is to have an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account.
    pub account: Account,
    /// The hash that the other system made.
    pub password_hash: PasswordHash,
    /// When the account was made there.
    pub created_at: UnixTime,
}

/// What is to be done with a row.
#[derive(Debug)]
#[must_use]
pub enum Verdict {
    /// It is an account here.
    Taken(Box<Person>),
    /// Nobody may sign in with it there, so nobody may here.
    Disabled,
    /// Nobody showed that the address is theirs.
    Unverified,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A column that must have a value has none.
    #[error("{0} has no value")]
    Absent(&'static str),
    /// A value is not acceptable here.
    #[error(transparent)]
    Unfit(#[from] UnfitField),
    /// No sign-in could be judged by the hash.
    #[error("{0} cannot be used")]
    Hash(&'static str),
    /// A part of a hash in several columns cannot be read.
    #[error("{0} is not what the mapping says")]
    Part(&'static str),
    /// A truth value is none.
    #[error("{0} is no truth value, such as true, false, 1, 0")]
    Flag(&'static str),
    /// What stands for a truth value is no moment.
    #[error("{0} is neither empty nor a moment")]
    FlagMoment(&'static str),
    /// A moment is none, or none that can have been.
    #[error("columns.created_at is no moment in the past of the form that the mapping says")]
    Moment,
    /// The roles are no JSON array of texts.
    #[error("columns.roles is no JSON array of texts")]
    RolesForm,
    /// A role that the mapping does not name.
    #[error("a role is not in roles.names of the mapping")]
    UnknownRole,
    /// An earlier row has the same address in its normal form.
    #[error("has the same address as {0}, but for upper and lower case or blanks")]
    Repeated(String),
}

/// Judges a row.
pub(super) fn judge(
    mapping: &Mapping,
    row: &LegacyRow,
    now: UnixTime,
    random: [u8; 10],
) -> Result<Verdict, Fault> {
    if flag(row, Field::Disabled, mapping.disabled)? == Some(true)
        || (mapping.columns.contains_key(&Field::Active)
            && flag(row, Field::Active, FlagForm::Flag)? != Some(true))
    {
        return Ok(Verdict::Disabled);
    }
    if mapping.unverified == Unverified::LeaveOut
        && mapping.columns.contains_key(&Field::Verified)
        && flag(row, Field::Verified, mapping.verified)? != Some(true)
    {
        return Ok(Verdict::Unverified);
    }
    let needed = |field: Field| row.get(field).ok_or(Fault::Absent(field.key()));
    let (first_name, last_name) = names(row)?;
    Ok(Verdict::Taken(Box::new(Person {
        account: Account {
            id: UserId::from_random(now, random),
            email: Email::parse(needed(Field::Email)?)?,
            first_name,
            last_name,
            roles: roles(&mapping.roles, row.get(Field::Roles))?,
        },
        password_hash: hash(mapping.password, row)?,
        created_at: match row.get(Field::CreatedAt) {
            Some(text) => moment(text, mapping.created_at, now).ok_or(Fault::Moment)?,
            None => now,
        },
    })))
}

/// The first and the last name; either may be empty.
fn names(row: &LegacyRow) -> Result<(PersonName, PersonName), UnfitField> {
    let (first, last) = match row.get(Field::FullName).map(str::trim) {
        Some(full) => full.rsplit_once(char::is_whitespace).unwrap_or((full, "")),
        None => (
            row.get(Field::FirstName).unwrap_or_default(),
            row.get(Field::LastName).unwrap_or_default(),
        ),
    };
    Ok((
        PersonName::parse("first name", first)?,
        PersonName::parse("last name", last)?,
    ))
}

fn roles(rules: &Roles, text: Option<&str>) -> Result<Vec<Role>, Fault> {
    let text = text.unwrap_or_default();
    let named: Vec<String> = match rules.form {
        RolesForm::Separated(separator) => text
            .split(separator)
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        RolesForm::Json if text.is_empty() => Vec::new(),
        RolesForm::Json => serde_json::from_str(text).map_err(|_| Fault::RolesForm)?,
    };
    let mut roles: Vec<String> = rules
        .fixed
        .iter()
        .map(|role| role.as_str().to_owned())
        .collect();
    for name in named {
        match (rules.names.get(&name), rules.unknown) {
            (Some(Some(role)), _) => roles.push(role.as_str().to_owned()),
            (Some(None), _) | (None, UnknownRole::Drop) => {}
            (None, UnknownRole::Keep) => roles.push(name),
            (None, UnknownRole::Refuse) => return Err(Fault::UnknownRole),
        }
    }
    Ok(Role::parse_all(&roles)?)
}

fn hash(form: PasswordForm, row: &LegacyRow) -> Result<PasswordHash, Fault> {
    let needed = |field: Field| row.get(field).ok_or(Fault::Absent(field.key()));
    let text = needed(Field::Password)?;
    let adopted = match form {
        PasswordForm::Text => password::adopt(text.trim()),
        PasswordForm::Pbkdf2 {
            digest,
            iterations,
            hash,
            salt,
        } => {
            let part = |field: Field| Fault::Part(field.key());
            let iterations = match iterations {
                Some(all) => all,
                None => needed(Field::Iterations)?
                    .trim()
                    .parse()
                    .map_err(|_| part(Field::Iterations))?,
            };
            let salt = octets(needed(Field::Salt)?, salt).ok_or(part(Field::Salt))?;
            let hash = octets(text, hash).ok_or(part(Field::Password))?;
            Pbkdf2::new(digest, iterations, salt, hash)
                .and_then(|whole| password::adopt(&whole.to_phc()))
        }
    };
    adopted.map_err(|error| match error {
        HashError::Unreadable(what) => Fault::Hash(what),
        HashError::Overloaded
        | HashError::Failed(_)
        | HashError::NoRandomness(_)
        | HashError::Lost => Fault::Hash("a password hash"),
    })
}

fn octets(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Plain => Some(text.as_bytes().to_vec()),
        Encoding::Base64 => {
            let text = text.trim();
            Base64::decode_vec(text)
                .or_else(|_| Base64Unpadded::decode_vec(text))
                .ok()
        }
        Encoding::Hex => {
            let text = text.trim();
            password::of_hex(text.strip_prefix("\\x").unwrap_or(text))
        }
    }
}

/// `None` where there is no value.
fn flag(row: &LegacyRow, field: Field, form: FlagForm) -> Result<Option<bool>, Fault> {
    let Some(text) = row.get(field) else {
        return Ok(None);
    };
    match (form, text.trim().to_ascii_lowercase().as_str()) {
        // MySQL writes the moment that never was in this way.
        (FlagForm::Moment, "0") => Ok(Some(false)),
        (FlagForm::Moment, text) if text.starts_with("0000-00-00") => Ok(Some(false)),
        (FlagForm::Moment, text) if whole(text).or_else(|| rfc3339(text)).is_some() => {
            Ok(Some(true))
        }
        (FlagForm::Moment, _) => Err(Fault::FlagMoment(field.key())),
        (FlagForm::Flag, "1" | "t" | "true" | "y" | "yes" | "on") => Ok(Some(true)),
        (FlagForm::Flag, "0" | "f" | "false" | "n" | "no" | "off") => Ok(Some(false)),
        (FlagForm::Flag, _) => Err(Fault::Flag(field.key())),
    }
}

fn moment(text: &str, form: MomentForm, now: UnixTime) -> Option<UnixTime> {
    let text = text.trim();
    let seconds = match form {
        MomentForm::Rfc3339 => rfc3339(text)?,
        MomentForm::Seconds => whole(text)?,
        MomentForm::Milliseconds => whole(text)?.checked_div(1000)?,
    };
    let possible = 0..=now.plus(AHEAD_SECONDS).seconds();
    possible
        .contains(&seconds)
        .then(|| UnixTime::from_seconds(seconds.min(now.seconds())))
}

/// A number whose fraction does not count.
fn whole(text: &str) -> Option<i64> {
    let (number, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(number) && digits(fraction)).then(|| number.parse().ok())?
}

/// As the standard says, or as databases print it: `2024-01-31 12:00:00.5+00`, a date alone, no offset for UTC.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, clock) = text.split_at_checked(10)?;
    let clock = if clock.is_empty() { "T00:00:00" } else { clock };
    let clock = clock.strip_prefix(['T', 't', ' '])?;
    let offset_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at_checked(offset_at)?;
    let offset = match offset.len() {
        0 => "Z".to_owned(),
        3 => format!("{offset}:00"),
        5 if !offset.contains(':') => {
            let (hours, minutes) = offset.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        _ => offset.to_owned(),
    };
    let whole = format!("{date}T{}{offset}", clock.trim_end());
    let moment = OffsetDateTime::parse(&whole, &Rfc3339).ok()?;
    Some(moment.unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_databases_print_them() {
        let now = UnixTime::from_seconds(1_795_000_000);
        use MomentForm::{Milliseconds, Rfc3339, Seconds};
        for (text, form, expected) in [
            ("2020-01-01T00:00:00Z", Rfc3339, Some(1_577_836_800)),
            ("2020-01-01t00:00:00z", Rfc3339, Some(1_577_836_800)),
            ("2020-01-01 00:00:00", Rfc3339, Some(1_577_836_800)),
            (
                " 2020-01-01 01:00:00.123456+01 ",
                Rfc3339,
                Some(1_577_836_800),
            ),
            ("2019-12-31 18:30:00-0530", Rfc3339, Some(1_577_836_800)),
            ("2020-01-01 01:00:00 +01:00", Rfc3339, Some(1_577_836_800)),
            ("2020-01-01", Rfc3339, Some(1_577_836_800)),
            ("1577836800", Seconds, Some(1_577_836_800)),
            ("1577836800.75", Seconds, Some(1_577_836_800)),
            ("1577836800750", Milliseconds, Some(1_577_836_800)),
            // A clock that is a little ahead made it now.
            ("1795000060", Seconds, Some(1_795_000_000)),
            ("0", Seconds, Some(0)),
            ("1577836800750", Seconds, None),
            ("-1", Seconds, None),
            ("+1", Seconds, None),
            ("1e9", Seconds, None),
            (".5", Seconds, None),
            ("99999999999999999999", Seconds, None),
            ("1577836800", Rfc3339, None),
            ("0000-00-00 00:00:00", Rfc3339, None),
            ("1969-12-31", Rfc3339, None),
            ("2020-13-01", Rfc3339, None),
            ("01/02/2020", Rfc3339, None),
            ("2020-01-0é", Rfc3339, None),
            ("2027-01-01", Rfc3339, None),
            ("", Rfc3339, None),
        ] {
            let found = moment(text, form, now).map(UnixTime::seconds);
            assert_eq!(found, expected, "{text:?} {form:?}");
        }
    }

    #[test]
    fn roles_are_renamed_kept_dropped_or_refused() {
        let names = [("Admins", Some("admin")), ("Users", None)];
        let rules = |form, unknown| Roles {
            fixed: vec![Role::parse("member").unwrap()],
            form,
            names: names
                .iter()
                .map(|(old, new)| ((*old).to_owned(), new.map(|new| Role::parse(new).unwrap())))
                .collect(),
            unknown,
        };
        use UnknownRole::{Drop, Keep, Refuse};
        let comma = RolesForm::Separated(',');
        let text = |text: &str| Ok(text.to_owned());
        for (form, unknown, given, expected) in [
            (comma, Refuse, "", text("member")),
            (comma, Refuse, " Admins , Users,", text("admin member")),
            (comma, Refuse, "Admins,Others", Err(Fault::UnknownRole)),
            (comma, Drop, "Admins,Others", text("admin member")),
            (comma, Keep, "Others,member", text("Others member")),
            (comma, Keep, "The others", Err(UnfitField::Role.into())),
            (RolesForm::Json, Refuse, "", text("member")),
            (
                RolesForm::Json,
                Refuse,
                "[\"Admins\"]",
                text("admin member"),
            ),
            (RolesForm::Json, Keep, "[1]", Err(Fault::RolesForm)),
            (RolesForm::Json, Keep, "Admins", Err(Fault::RolesForm)),
        ] {
            let found = roles(&rules(form, unknown), Some(given));
            let found = found.map(|roles| {
                let names: Vec<&str> = roles.iter().map(Role::as_str).collect();
                names.join(" ")
            });
            assert_eq!(found, expected, "{given}");
        }
    }
}
