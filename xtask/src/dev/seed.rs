//! The two users of a development stack.
//!
//! They are made once per data folder. Generated passwords are kept there (mode 0600, beside the keys that could open
//! everything anyway) so that the next run can print them again; a password that was given is not written down.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::failure::{Attempt, Outcome};
use crate::stack::issuer::{Issuer, NewUser};
use crate::workspace;

const FILE: &str = "seeded-users";

struct Seed {
    email: &'static str,
    first_name: &'static str,
    last_name: &'static str,
    roles: &'static [&'static str],
}

const SEEDS: [Seed; 2] = [
    Seed {
        email: "admin@example.test",
        first_name: "Ada",
        last_name: "Admin",
        roles: &["admin"],
    },
    Seed {
        email: "user@example.test",
        first_name: "Uri",
        last_name: "User",
        roles: &[],
    },
];

/// Makes the users that the data folder does not have and returns a line about each, for the terminal.
pub(super) fn users(issuer: &Issuer, data: &Path, given: Option<&str>) -> Outcome<Vec<String>> {
    let file = data.join(FILE);
    let mut record = std::fs::read_to_string(&file).unwrap_or_default();
    let mut lines = Vec::new();
    for seed in &SEEDS {
        let kept = record
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(email, _)| *email == seed.email);
        if let Some((_, password)) = kept {
            let password = match password {
                "-" => "the password given when it was made".to_owned(),
                generated => format!("password {generated}"),
            };
            let unchanged = if given.is_some() {
                " (made by an earlier run, unchanged)"
            } else {
                ""
            };
            lines.push(format!("{}   {password}{unchanged}", seed.email));
            continue;
        }
        let generated = given.is_none().then(generate).transpose()?;
        let password = generated.as_deref().or(given).unwrap_or_default();
        issuer.add_user(&NewUser {
            email: seed.email,
            first_name: seed.first_name,
            last_name: seed.last_name,
            password,
            roles: seed.roles,
        })?;
        record.push_str(&format!(
            "{} {}\n",
            seed.email,
            generated.as_deref().unwrap_or("-")
        ));
        workspace::write_private(&file, record.as_bytes())?;
        lines.push(match &generated {
            Some(password) => format!("{}   password {password}", seed.email),
            None => format!("{}   the password given", seed.email),
        });
    }
    Ok(lines)
}

/// About 95 bits, in letters that are not mistaken for one another; the prefix meets any rule about classes.
fn generate() -> Outcome<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 19];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .attempt(|| "reading random bytes".to_owned())?;
    let letters = bytes
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|&letter| char::from(letter));
    Ok(format!("Dev1-{}", letters.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::generate;

    #[test]
    fn a_generated_password_meets_the_policy_and_differs_each_time() {
        let password = generate().unwrap();
        assert!(password.len() >= 12 && password.is_ascii());
        assert!(
            password.contains('D')
                && password.contains('e')
                && password.contains('1')
                && password.contains('-')
        );
        assert_ne!(password, generate().unwrap());
    }
}
