//! What was answered to a row of the table, and what holds for every answer of its kind.

use super::{
    bases::Base,
    table::Format,
    world::{NEEDLE, World},
};
use crate::desk::Answer;

/// What a row has found out, before it is held against the table.
pub(super) struct Row<'r> {
    pub(super) case: String,
    pub(super) world: &'r World,
    pub(super) answer: Answer,
    /// The codes that were answered, on a page or to a program.
    codes: Vec<String>,
}

impl<'r> Row<'r> {
    pub(super) async fn sent(
        world: &'r World,
        base: &Base,
        format: Format,
        body: Vec<u8>,
        what: &str,
    ) -> Self {
        let before = world.refusals();
        let answer = base.send(format, body).await;
        let codes = world.refusals().into_iter();
        let codes = codes.filter(|(code, count)| before.get(code) != Some(count));
        let codes = codes.map(|(code, _)| code).collect();
        let case = format!("{what}: {} {codes:?} {}", answer.status, answer.body);
        assert!(!answer.body.contains("\r\n\r\n<html>"), "{case}");
        let planted = |cookie: &&str| cookie.starts_with(NEEDLE);
        assert!(!answer.set_cookies().iter().any(planted), "{case}");
        Self {
            case,
            world,
            answer,
            codes,
        }
    }

    pub(super) fn refused(&self, status: u16, code: &str) {
        let case = &self.case;
        assert_eq!(
            (self.answer.status, &*self.codes),
            (status, &[code.to_owned()][..]),
            "{case}"
        );
        let given = ["session", "access", "refresh"].map(|name| format!("edgeward-{name}="));
        let gives = |cookie: &&str| given.iter().any(|name| cookie.starts_with(name));
        assert!(!self.answer.set_cookies().iter().any(gives), "{case}");
        if self.answer.header("content-type") == "application/problem+json" {
            assert_eq!(self.answer.json()["code"], code, "{case}");
            assert!(!self.answer.body.contains(NEEDLE), "{case}");
        }
    }

    pub(super) fn succeeded(&self, base: &Base) {
        let found = (self.answer.status, self.codes.is_empty());
        assert_eq!(found, (base.status, true), "{}", self.case);
    }
}
