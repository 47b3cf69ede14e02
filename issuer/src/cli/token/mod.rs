//! `edgeward token verify`, and [`revoke`]: one token a line from standard input, one JSON line each to standard output.
//!
//! Judges by the same door as the edge. It asks no database: a revoked session's token still verifies here.

mod lines;
mod revoke;
mod source;

use std::io::{self, BufRead, Write};

use clap::Args;
use edgeward_core::{
    keys::KeySet,
    reject::Reject,
    signature::SignatureAnswer,
    time::UnixTime,
    token::{self, Audiences, Expectations, KeyIdRule, TokenType, Unverified, Verified},
};

use self::{
    lines::{Line, Lines},
    source::KeySource,
};
use super::{Answer, Failure, Outcome, Place};
use crate::{clock::Clock, signatures};

/// The subcommands of `token`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    /// Verify each line of standard input as a token. Exit code 0 if all hold, 1 if any does not.
    Verify(Verify),
    /// Refuse the access token on standard input from now on, at every edge and here. Its session goes on: `session revoke` ends that.
    Revoke,
}

/// The options of `token verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    keys: KeySource,
    /// The `iss` that tokens must have.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    issuer: String,
    /// The `aud` that tokens must have among theirs.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    audience: String,
    /// The `typ` that tokens must have.
    #[arg(long, default_value = "at+jwt", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    typ: String,
    /// By how many seconds the clocks may differ.
    #[arg(long, default_value_t = edgeward_core::time::LEEWAY_SECONDS, value_parser = clap::value_parser!(i64).range(0..=LEEWAY_MAX_SECONDS))]
    leeway: i64,
    /// The moment of the judgement instead of the present.
    #[arg(long, value_name = "UNIX_SECONDS", allow_negative_numbers = true)]
    now: Option<i64>,
}

/// More leeway than an hour is no difference of clocks, it is another life of the token.
const LEEWAY_MAX_SECONDS: i64 = 3600;

pub(super) async fn run(place: &Place, command: Token) -> Outcome {
    match command {
        Token::Verify(verify) => run_verify(verify).await,
        Token::Revoke => revoke::run(place).await,
    }
}

async fn run_verify(verify: Verify) -> Outcome {
    let (keys, key_id) = verify.keys.load().await?;
    let judge = Judge {
        keys,
        expect: expectations(&verify, key_id),
        now: verify
            .now
            .map_or_else(|| Clock.now(), UnixTime::from_seconds),
    };
    judge
        .answer_all(io::stdin().lock(), io::stdout().lock())
        .map_err(Failure::from)
}

fn expectations(verify: &Verify, key_id: KeyIdRule) -> Expectations {
    let audiences = Audiences::OneOf(vec![verify.audience.clone()]);
    let mut expect = Expectations::new(
        verify.issuer.clone(),
        audiences,
        TokenType::named(&verify.typ),
    );
    expect.leeway_seconds = verify.leeway;
    expect.key_id = key_id;
    expect
}

struct Judge {
    keys: KeySet,
    expect: Expectations,
    now: UnixTime,
}

impl Judge {
    fn answer_all(&self, input: impl BufRead, mut output: impl Write) -> io::Result<Answer> {
        let mut answer = Answer::Yes;
        let mut lines = Lines::new(input);
        while let Some(line) = lines.next_line()? {
            let (holds, text) = self.answer(&line);
            if !holds {
                answer = Answer::No;
            }
            writeln!(output, "{text}")?;
            // Who feeds tokens one by one waits for each answer.
            output.flush()?;
        }
        Ok(answer)
    }

    fn verify(&self, token: &str) -> Result<Verified, Reject> {
        let judge = |answer: Option<&SignatureAnswer>| {
            token::verify_with(token, &self.keys, &self.expect, answer, self.now)
        };
        let judged = match judge(None) {
            Err(Unverified::NeedsSignature(question)) => {
                judge(Some(&signatures::answer(*question)))
            }
            judged => judged,
        };
        judged.map_err(|unverified| match unverified {
            Unverified::Rejected(reject) => reject,
            // The question was answered; should it come again, nothing can be said for the signature.
            Unverified::NeedsSignature(_) => Reject::SignatureInvalid,
        })
    }

    fn answer(&self, line: &Line) -> (bool, String) {
        // Both texts are from closed lists of plain words, so there is nothing to escape.
        let refuse = |code: &str, reason: &str| {
            let text = format!(r#"{{"ok":false,"code":"{code}","reason":"{reason}"}}"#);
            (false, text)
        };
        let token = match line {
            Line::Text(text) => text,
            Line::NotUtf8 => return refuse("INVALID_TOKEN", "not-utf8"),
        };
        match self.verify(token) {
            Ok(verified) => {
                let claims = verified.claims().to_json();
                (true, format!(r#"{{"ok":true,"claims":{claims}}}"#))
            }
            Err(reject) => refuse(reject.code(), reject.reason()),
        }
    }
}
