//! `edgeward keys destroy`: keys that have ended are destroyed where they are held.

use super::refuse;
use crate::{
    chores::accesses,
    cli::{Answer, Outcome, Place, print},
    clock::Clock,
    config::Config,
    custody::{Destroyed, Secrets},
    domain::{
        keyring::{
            SigningKeys,
            destroy::{self, Done, Noted, due},
        },
        storage::StorageError,
    },
    open_existing_store,
    store::Store,
};

/// The options of `keys destroy`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Destroy {
    /// The id of one key that has ended, whenever that was; without it, all that ended a week ago or earlier.
    // One id in sixty-four begins like an option.
    #[arg(allow_hyphen_values = true)]
    kid: Option<String>,
}

pub(super) async fn run(place: &Place, command: &Destroy) -> Outcome {
    let config = place.configure()?;
    let store = open_existing_store(&config).await?;
    let answer = run_on(&store, &config, command).await;
    store.close().await;
    answer
}

async fn run_on(store: &Store, config: &Config, command: &Destroy) -> Outcome {
    let now = Clock.now();
    let stored = store.signing_keys().await?;
    let due = match due(&stored, command.kid.as_deref(), now) {
        Ok(due) => due,
        Err(why) => return refuse(&why),
    };
    if due.is_empty() {
        print("there is nothing to destroy")?;
        return Ok(Answer::Yes);
    }
    let secrets = Secrets::open_configured(config)?;
    let outcomes = destroy::destroy(store, &secrets, &due, now).await;
    let noted = accesses::drain(store, &secrets).await;
    let Told {
        lines,
        answer,
        failed,
    } = told(outcomes, due.len());
    for line in lines {
        print(&line)?;
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    noted?;
    Ok(answer)
}

/// What is printed of it, a line for each key that was tried.
struct Told {
    lines: Vec<String>,
    answer: Answer,
    /// Why the database does not say it of the last of them.
    failed: Option<StorageError>,
}

fn told(outcomes: Vec<destroy::Outcome>, due: usize) -> Told {
    let left = due - outcomes.len();
    let mut told = Told {
        lines: Vec::new(),
        answer: Answer::Yes,
        failed: None,
    };
    for outcome in outcomes {
        let destroy::Outcome {
            key_id,
            reference,
            done,
        } = outcome;
        let line = match done {
            Ok(Done { found, noted }) => {
                let found = match found {
                    Destroyed::Now => "destroyed at",
                    Destroyed::WasGone => "was gone from",
                };
                let but = match noted {
                    Noted::Now => "",
                    Noted::ChangedMeanwhile => {
                        told.answer = Answer::No;
                        ", and its row was changed meanwhile: look at `edgeward keys list`"
                    }
                    Noted::Failed(error) => {
                        told.failed = Some(error);
                        ", which the database does not say yet: run this again"
                    }
                };
                format!("{key_id}: {found} {reference}{but}")
            }
            Err(why) => {
                told.answer = Answer::No;
                format!("{key_id}: is left at {reference}: {why}")
            }
        };
        told.lines.push(line);
    }
    if left > 0 {
        told.lines.push(format!("{left} more were not tried"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        custody::{SealError, SealerError},
        domain::keyring::{KeyringError, destroy::DestroyError},
    };

    fn done(found: Destroyed, noted: Noted) -> Result<Done, DestroyError> {
        Ok(Done { found, noted })
    }

    fn of(key_id: &str, done: Result<Done, DestroyError>) -> destroy::Outcome {
        destroy::Outcome {
            key_id: key_id.to_owned(),
            reference: format!("pkcs11:{key_id}"),
            done,
        }
    }

    /// Of one key that was due: the line without its id, the exit code, and whether standard error tells of the database.
    fn check(outcome: Result<Done, DestroyError>, line: &str, code: u8) {
        let told = told(vec![of("k", outcome)], 1);
        assert_eq!(told.lines, [format!("k: {line}")]);
        // A failure goes to standard error by the error itself, and is exit code 2.
        let said = match (told.failed, told.answer) {
            (Some(_), _) => 2,
            (None, Answer::No) => 1,
            (None, Answer::Yes) => 0,
        };
        assert_eq!(said, code, "{line}");
    }

    #[test]
    fn each_outcome_has_its_line_and_its_exit_code() {
        use Destroyed::{Now, WasGone};
        let away = || StorageError::Busy("locked".into());
        let meanwhile = "and its row was changed meanwhile: look at `edgeward keys list`";
        let unsaid = "which the database does not say yet: run this again";
        check(done(Now, Noted::Now), "destroyed at pkcs11:k", 0);
        check(done(WasGone, Noted::Now), "was gone from pkcs11:k", 0);
        for (found, said) in [(Now, "destroyed at"), (WasGone, "was gone from")] {
            let changed = done(found, Noted::ChangedMeanwhile);
            check(changed, &format!("{said} pkcs11:k, {meanwhile}"), 1);
            let failed = done(found, Noted::Failed(away()));
            check(failed, &format!("{said} pkcs11:k, {unsaid}"), 2);
        }
        let unproven = DestroyError::Unproven(KeyringError::Seal {
            key_id: "k".to_owned(),
            source: SealError::DoesNotOpen,
        });
        for (why, line) in [
            (
                unproven,
                "signing key k: a sealed secret does not open: it was changed, or it was sealed for something else",
            ),
            (
                DestroyError::NoProof,
                "its row has no proof that an issuer wrote it, and that of a key that has ended gets none: docs/CUSTODY.md says how to be rid of it by hand",
            ),
            (
                DestroyError::Holder(SealerError::Slow(500)),
                "whoever holds it does not destroy it: it gave no answer within 500 ms",
            ),
            (DestroyError::Lost, "the thread that asked for it was lost"),
        ] {
            check(Err(why), &format!("is left at pkcs11:k: {line}"), 1);
        }
    }

    #[test]
    fn one_that_is_left_is_no_success_whatever_became_of_the_others_and_those_not_tried_are_counted()
     {
        let outcomes = vec![
            of("a", Err(DestroyError::Lost)),
            of("b", done(Destroyed::Now, Noted::Now)),
        ];
        let all = told(outcomes, 2);
        assert_eq!(
            all.lines,
            [
                "a: is left at pkcs11:a: the thread that asked for it was lost",
                "b: destroyed at pkcs11:b",
            ]
        );
        assert!(matches!(all.answer, Answer::No));
        let away = Noted::Failed(StorageError::Busy("locked".into()));
        let some = told(vec![of("a", done(Destroyed::Now, away))], 3);
        assert_eq!(
            some.lines,
            [
                "a: destroyed at pkcs11:a, which the database does not say yet: run this again",
                "2 more were not tried",
            ]
        );
    }
}
