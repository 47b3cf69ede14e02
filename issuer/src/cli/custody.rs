//! `edgeward custody`: the key-encryption keys that the settings name.

use std::io::{self, Write};

use super::{Answer, Outcome, Place, print};
use crate::{
    OpenError, chores::accesses, config::Config, custody::Secrets, domain::storage::StorageError,
    open_existing_store, store::Store,
};

/// The subcommands of `custody`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum CustodyCommand {
    /// Seal and open something under the key-encryption key that seals, and ask every other one.
    Check,
    /// Make the AES key in the PKCS#11 device, which then never leaves it.
    MakeKey {
        /// Print instead how to make a key in AWS KMS; nobody is asked.
        #[arg(long)]
        kms: bool,
    },
}

/// What somebody types who may make keys, which an issuer may not. The ARN that the first command prints is `custody.kms.key`.
const IN_KMS: &str = r#"aws kms create-key --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT \
    --description "Edgeward: seals signing keys and secrets of tokens" --query KeyMetadata.Arn --output text
aws kms enable-key-rotation --key-id ARN
aws iam put-role-policy --role-name ROLE --policy-name edgeward-seal --policy-document '{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Action": ["kms:Encrypt", "kms:Decrypt"],
    "Resource": "ARN",
    "Condition": {
      "StringEquals": { "kms:EncryptionContext:edgeward": "data-key-1" },
      "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": ["edgeward", "sealed-for"] }
    }
  }]
}'"#;

pub(super) async fn run(place: &Place, command: CustodyCommand) -> Outcome {
    match command {
        CustodyCommand::Check => check(&place.configure()?).await,
        // There is no setting to read yet: they name the key that this makes.
        CustodyCommand::MakeKey { kms: true } => {
            print(IN_KMS)?;
            Ok(Answer::Yes)
        }
        CustodyCommand::MakeKey { kms: false } => make_key(&place.configure()?).await,
    }
}

async fn check(config: &Config) -> Outcome {
    /// What is sealed for a trial.
    const TRIAL: &str = "custody-check";
    let secrets = Secrets::open_configured(config)?;
    let under = secrets.sealing_key()?;
    let sealed = secrets.seal(TRIAL, TRIAL.as_bytes());
    let mut answer = match sealed.and_then(|sealed| secrets.open(TRIAL, &sealed)) {
        Ok(_) => {
            print(&format!("{under}: seals and opens"))?;
            Answer::Yes
        }
        Err(failure) => {
            print(&failure.to_string())?;
            Answer::No
        }
    };
    secrets.probe().await;
    for failure in secrets.failures().unwrap_or_default() {
        if answer == Answer::Yes {
            print(&failure.to_string())?;
        }
        answer = Answer::No;
    }
    audit(config, async |store| accesses::drain(store, &secrets).await).await?;
    Ok(answer)
}

/// Writes down what was asked, where there is a database: a key may be made and tried before. What cannot be written keeps nobody
/// from looking after a key, and is said.
async fn audit(
    config: &Config,
    write: impl AsyncFnOnce(&Store) -> Result<(), StorageError>,
) -> io::Result<()> {
    let failed = |error: &dyn std::fmt::Display| {
        writeln!(
            io::stderr(),
            "edgeward: what was asked of key-encryption keys is not in the audit log: {error}"
        )
    };
    let store = match open_existing_store(config).await {
        Ok(store) => store,
        Err(OpenError::NoDatabase(_) | OpenError::NoSchema(_)) => return Ok(()),
        Err(error) => return failed(&error),
    };
    let written = write(&store).await;
    store.close().await;
    written.or_else(|error| failed(&error))
}

#[cfg(feature = "hsm")]
async fn make_key(config: &Config) -> Outcome {
    use super::Failure;
    use crate::custody::{self, Access, Act, MadeKey};

    let Some(settings) = &config.custody.pkcs11 else {
        return Err(Failure("custody.pkcs11 names no device".to_owned()));
    };
    let (key, token) = (&settings.key, &settings.token);
    let made = custody::make_key(settings);
    let name = format!("pkcs11:{key}");
    let access = Access::told(&name, Act::Make, key, made.as_ref().err());
    audit(config, async |store| accesses::append(store, &access).await).await?;
    let told = |failure| Failure(format!("the key-encryption key {name} {failure}"));
    match made.map_err(told)? {
        MadeKey::Made => {
            print(&format!("pkcs11:{key}: made on the token {token}"))?;
            Ok(Answer::Yes)
        }
        MadeKey::WasThere => {
            print(&format!("pkcs11:{key}: the token {token} has it already"))?;
            Ok(Answer::No)
        }
    }
}

#[cfg(not(feature = "hsm"))]
async fn make_key(_: &Config) -> Outcome {
    Err(super::Failure(
        "this program was built without the feature `hsm`".to_owned(),
    ))
}
