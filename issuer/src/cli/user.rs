//! `edgeward user`: accounts made and changed by the operator.

mod import;
mod role;
mod unlock;

use std::io::{self, BufRead, Read};

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use super::{Answer, Failure, Outcome, Place, print};
use crate::{
    clock::Clock,
    domain::{
        accounts::{self, AccountError, Application, Email, PersonName, Role},
        password::{PASSWORD_MAX_CHARS, Password, PasswordHasher, Policy},
    },
    open_store,
};

/// The random part of a generated password: 144 bits, 24 characters.
const GENERATED_BYTES: usize = 18;

/// The longest first line of standard input: every character of the longest password may have four octets.
const INPUT_MAX_BYTES: u64 = PASSWORD_MAX_CHARS as u64 * 4 + 2;

/// The subcommands of `user`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum User {
    /// Make an account. Prints a generated password unless one is read from standard input.
    Add(Add),
    /// Take people over from another system's table: their addresses, names, roles and password hashes.
    Import(import::Import),
    /// Give and take roles.
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Forget the failed sign-ins of an account, and so end its lock.
    Unlock(unlock::Unlock),
}

/// The options of `user add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The address that signs in.
    #[arg(long)]
    email: String,
    /// A role; may be given more than once.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// First name; the part of the address before the @ when it is left out.
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Last name; a dash when it is left out.
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn run(place: &Place, command: User) -> Outcome {
    match command {
        User::Add(add) => run_add(place, add).await,
        User::Import(import) => import::run(place, import).await,
        User::Role(command) => role::run(place, command).await,
        User::Unlock(unlock) => unlock::run(place, unlock).await,
    }
}

async fn run_add(place: &Place, add: Add) -> Outcome {
    let config = place.configure()?;
    let email = Email::parse(&add.email)?;
    let local_part = email.as_str().split('@').next().unwrap_or_default();
    let first_name = add.first_name.as_deref().unwrap_or(local_part);
    let first_name = PersonName::parse("--first-name", first_name)?;
    let last_name = PersonName::parse("--last-name", add.last_name.as_deref().unwrap_or("-"))?;
    let roles = Role::parse_all(&add.roles)?;
    let typed = if add.password_stdin {
        read_password()?
    } else {
        generate_password()?
    };
    let application = Application {
        email,
        first_name,
        last_name,
        roles,
        password: Password::from_typed(&typed),
    };
    let store = open_store(&config).await?;
    let hasher = PasswordHasher::new(&config.passwords)?;
    let policy = Policy::new(&config.passwords);
    let made = accounts::add_user(&store, &hasher, &policy, application, Clock.now()).await;
    store.close().await;
    match made {
        Ok(account) if add.password_stdin => print(&account.id.to_string())?,
        Ok(_) => print(&typed)?,
        Err(error @ (AccountError::EmailTaken | AccountError::WeakPassword(_))) => {
            eprint(&error.to_string())?;
            return Ok(Answer::No);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Answer::Yes)
}

/// There is no such user: the answer is no.
pub(super) fn not_found() -> Outcome {
    eprint("no account has this e-mail address")?;
    Ok(Answer::No)
}

pub(super) fn eprint(text: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stderr(), "edgeward: {text}")
}

fn read_password() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .take(INPUT_MAX_BYTES)
        .read_line(&mut line)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(Failure("standard input has no password".to_owned()));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

/// Random, and of every class of characters that a policy may ask for.
fn generate_password() -> Result<Zeroizing<String>, Failure> {
    let mut random = Zeroizing::new([0_u8; GENERATED_BYTES]);
    getrandom::fill(random.as_mut_slice())
        .map_err(|_| Failure("the operating system gave no random bytes".to_owned()))?;
    let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(random.as_slice()));
    // The four fixed characters add no strength; they only meet a policy of classes.
    Ok(Zeroizing::new(format!("Aa1-{}", encoded.as_str())))
}
