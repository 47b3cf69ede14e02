//! The limits of all processes together, counted in Redis by its own clock.

use std::sync::LazyLock;

use redis::{RedisResult, Script, aio::MultiplexedConnection};

use super::{Link, Use};
use crate::domain::{
    limits::{Asking, Counters, Forgetting, Limited, NotCounted, Question, Reader, Rule, Rules},
    lockout::{CounterKey, LockoutKey},
};

static BUCKET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bucket.lua")));
static WINDOW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("window.lua")));

/// Counts in Redis. Keys are named under the lockout key, so Redis holds no address of anybody; each ends when it is as
/// good as none.
#[derive(Debug)]
pub struct SharedCounters {
    link: Link,
    names: LockoutKey,
    rules: Rules,
}

impl SharedCounters {
    /// Counts by these rules.
    #[must_use]
    pub const fn new(link: Link, names: LockoutKey, rules: Rules) -> Self {
        Self { link, names, rules }
    }

    fn key(&self, question: Question<'_>) -> String {
        let (limit, name) = match question {
            Question::Guess(sender) => ("guesses", self.names.of_sender(sender)),
            Question::SignIn(sender) => ("sign-ins", self.names.of_sender(sender)),
            Question::Read(Reader::Sender(sender)) => ("reads", self.names.of_sender(sender)),
            Question::Read(Reader::Session(sid)) => ("reads", self.names.of_session(sid)),
            Question::Read(Reader::Csrf(sid)) => ("csrf", self.names.of_session(sid)),
            Question::Read(Reader::Bringing(sid, sender)) => {
                ("reads", self.names.of_session_from(sid, sender))
            }
            Question::Read(Reader::Refreshing(sid)) => ("refreshes", self.names.of_session(sid)),
            Question::Name(name, _) => return self.key_of_name(name),
        };
        self.link.key(limit, &hex(&name))
    }

    fn key_of_name(&self, name: &CounterKey) -> String {
        self.link.key("names", &hex(name.digest()))
    }

    async fn seconds(&self, question: Question<'_>) -> Option<u64> {
        let (script, arguments) = match self.rules.rule(question) {
            Rule::Bucket { each, burst } => (
                &*BUCKET,
                vec![whole(each.as_micros()), i64::from(burst.get())],
            ),
            Rule::Window {
                most,
                seconds,
                first_wait,
                longest_wait,
            } => (
                &*WINDOW,
                vec![i64::from(most), seconds, first_wait, longest_wait],
            ),
        };
        let mut call = script.key(self.key(question));
        call.arg(arguments);
        let ask = |mut connection: MultiplexedConnection| async move {
            call.invoke_async(&mut connection).await
        };
        self.link.ask(Use::Limits, ask).await
    }
}

impl Counters for SharedCounters {
    fn ask<'a>(&'a self, question: Question<'a>) -> Asking<'a> {
        Box::pin(async move {
            match self.seconds(question).await {
                Some(0) => Ok(Ok(())),
                Some(seconds) => Ok(Err(Limited { seconds })),
                None => Err(NotCounted),
            }
        })
    }

    fn forget<'a>(&'a self, name: &'a CounterKey) -> Forgetting<'a> {
        let key = self.key_of_name(name);
        Box::pin(async move {
            let ask = |mut connection: MultiplexedConnection| async move {
                let mut delete = redis::cmd("DEL");
                delete.arg(key).exec_async(&mut connection).await
            };
            // Where nobody answers, nobody counts for all.
            let _: Option<()> = self.link.ask(Use::Limits, ask).await;
        })
    }
}

fn hex(name: &[u8; 32]) -> String {
    name.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Times between tokens are minutes at most.
fn whole(micros: u128) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// Counts once where nobody looks: a server may answer and yet not run a script or not write.
pub(super) async fn try_out(key: &str, connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut call = BUCKET.key(key);
    call.arg(1).arg(1);
    let _: u64 = call.invoke_async(connection).await?;
    Ok(())
}
