//! `edgeward policy`: judges a route policy without serving it. All judgement is the gate's own.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use edgeward_core::gate::{Client, Persona, Policy, Question};

use super::{Answer, Failure, Outcome, print};
use crate::config::{PolicyFileError, read_policy};

/// For whom `policy check` prints a verdict.
const PERSONAS: [(&str, &str); 3] = [
    ("anonymous", "anonymous"),
    ("user", "user"),
    ("admin", "role:admin"),
];

/// The subcommands of `policy`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum PolicyCommand {
    /// Print every route with what a request of an anonymous person, a user and an admin comes to.
    Check {
        #[command(flatten)]
        file: PolicyFile,
    },
    /// Say what one request comes to, by which rule and why.
    Explain {
        #[command(flatten)]
        file: PolicyFile,
        /// Method and path, as one argument or two: GET /admin
        #[arg(required = true, num_args = 1..=2, value_name = "REQUEST")]
        request: Vec<String>,
        /// Who asks: anonymous, user, machine, role:a,b, scope:x, amr:otp, age:SECONDS
        #[arg(long = "as", value_name = "WHO", default_value = "anonymous")]
        persona: String,
        /// The host that is asked for.
        #[arg(long, default_value = "")]
        host: String,
        /// The address that is asked from; without it, none is known.
        #[arg(long, value_name = "ADDRESS")]
        from: Option<IpAddr>,
        /// A person loads a page, so sign-in is a redirect.
        #[arg(long)]
        navigation: bool,
    },
    /// Judge the [[test]] rows of the policy. Exit code 1 if one is not as expected.
    Test {
        #[command(flatten)]
        file: PolicyFile,
    },
}

/// Where the policy is.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyFile {
    /// The policy.
    #[arg(long, value_name = "FILE", default_value = "gate.toml")]
    policy: PathBuf,
}

pub(super) fn run(command: PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check { file } => with_policy(&file.policy, check),
        PolicyCommand::Explain {
            file,
            request,
            persona,
            host,
            from,
            navigation,
        } => {
            let (method, path) = parse_request(&request)?;
            let persona = Persona::parse(&persona)?;
            with_policy(&file.policy, |policy| {
                let explanation = policy.answer(&Question {
                    method: &method,
                    host: &host,
                    path: &path,
                    persona: &persona,
                    client: from.map_or(Client::Untold, Client::At),
                    navigation,
                });
                print(explanation.to_string().trim_end())?;
                Ok(Answer::Yes)
            })
        }
        PolicyCommand::Test { file } => {
            with_policy(&file.policy, |policy| test(&file.policy, policy))
        }
    }
}

/// A policy that cannot be read gets exit code 1: it is the answer of a check, and not a misuse of the command.
fn with_policy(path: &Path, act: impl FnOnce(&Policy) -> Outcome) -> Outcome {
    match read_policy(path) {
        Ok(policy) => act(&policy),
        Err(unread @ (PolicyFileError::File(..) | PolicyFileError::TooLong(_))) => {
            Err(Failure(unread.to_string()))
        }
        Err(PolicyFileError::Policy(place, error)) => {
            let line = error.line.map_or(String::new(), |line| format!(":{line}"));
            let key = error.key.map_or(String::new(), |key| format!("{key}: "));
            print(&format!("{place}{line}: {key}{}", error.message))?;
            Ok(Answer::No)
        }
    }
}

fn parse_request(words: &[String]) -> Result<(String, String), Failure> {
    let joined = words.join(" ");
    let mut parts = joined.split_whitespace();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(method), Some(path), None) => Ok((method.to_owned(), path.to_owned())),
        (_, _, _) => Err(Failure(
            "a request is a method and a path, as GET /admin".to_owned(),
        )),
    }
}

fn check(policy: &Policy) -> Outcome {
    let mut personas = Vec::with_capacity(PERSONAS.len());
    for (_, text) in PERSONAS {
        personas.push(Persona::parse(text)?);
    }
    let mut rules: Vec<_> = policy
        .rules()
        .iter()
        .map(|rule| (format!("{rule}{}", rule.bounds_for_people()), rule))
        .collect();
    rules.sort_by_key(|(_, rule)| rule.line());
    let width = rules
        .iter()
        .map(|(shown, _)| shown.chars().count())
        .max()
        .unwrap_or(0);
    let row = |first: &str, verdicts: &[String]| {
        let line = format!("{first:<width$}  {}", verdicts.join(""));
        print(line.trim_end())
    };
    row("route", &PERSONAS.map(|(name, _)| format!("{name:<14}")))?;
    for (shown, rule) in &rules {
        let verdicts: Vec<_> = personas
            .iter()
            .map(|persona| format!("{:<14}", rule.outcome_for(persona, true).name()))
            .collect();
        row(shown, &verdicts)?;
    }
    row(
        "everything else",
        &PERSONAS.map(|_| format!("{:<14}", "forbidden")),
    )?;
    Ok(Answer::Yes)
}

fn test(path: &Path, policy: &Policy) -> Outcome {
    let outcomes = policy.run_tests();
    let mut failed = 0_usize;
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed()) {
        failed += 1;
        print(&format!(
            "{}:{}: {}: expected {}, got {}\n{}",
            path.display(),
            outcome.line,
            outcome.request,
            outcome.expected,
            outcome.explanation.outcome,
            indent(&outcome.explanation.to_string()),
        ))?;
    }
    print(&format!(
        "{} of {} tests passed",
        outcomes.len() - failed,
        outcomes.len()
    ))?;
    Ok(if failed == 0 { Answer::Yes } else { Answer::No })
}

fn indent(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
