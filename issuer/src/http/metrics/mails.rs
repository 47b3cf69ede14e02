//! What is counted of mails.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::labels::label_values;
use crate::domain::mail::Kind;

label_values! {
    /// What became of an attempt to deliver a mail.
    MailResult {
        /// The server has taken it.
        Delivered = "delivered",
        /// It is tried again.
        Retried = "retried",
        /// It was given up.
        Failed = "failed",
        /// There was nothing to say any more, or nobody to say it to.
        Dropped = "dropped",
    }
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        fmt::Write::write_str(encoder, self.name())
    }
}

/// The labels of mails.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct MailLabels {
    pub(super) kind: Kind,
    pub(super) result: MailResult,
}

impl MailLabels {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.iter().flat_map(|kind| {
            let with = |result: &MailResult| Self {
                kind: *kind,
                result: *result,
            };
            MailResult::ALL.iter().map(with)
        })
    }
}
