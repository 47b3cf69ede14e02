//! Keys in AWS KMS: key-encryption keys, and keys that sign.
//!
//! A key never leaves KMS; data keys travel there and back. The credentials are those of the maker's own chain, and nothing here
//! keeps or prints any.

mod failure;
mod link;
mod making;
mod public;
mod signing;

use std::{collections::HashMap, time::Duration};

use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use self::{failure::unreadable, link::Link};
pub(super) use self::{
    making::{destroy_signing_key, make_signing_key},
    signing::known_signer,
};
use super::{DataKey, Sealer, SealerError, local::data_key};
use crate::config::{Kms, KmsKey};

/// What a wrapped data key is bound to, beside the name of the signing key or secret of tokens: KMS opens it as nothing else, shows both in its own
/// log, and can be told by a policy to do nothing for whoever names another use.
const USE: (&str, &str) = ("edgeward", "data-key-1");
/// The other part of what it is bound to.
const SEALED_FOR: &str = "sealed-for";
/// The longest ciphertext that KMS documents.
const WRAPPED_MAX_BYTES: usize = 6144;

/// Wraps by a symmetric key. Only ever called on a thread of its own, for it waits.
pub(super) struct KmsSealer {
    key_name: String,
    key: KmsKey,
    link: Link,
}

impl KmsSealer {
    pub(super) fn new(settings: &Kms, key: &KmsKey, timeout: Duration) -> Self {
        Self {
            key_name: format!("kms:{key}"),
            key: key.clone(),
            link: Link::new(key, settings.endpoint.clone(), timeout),
        }
    }

    /// An answer is about the key that was asked, or none.
    fn is_of_key(&self, key_id: Option<&str>) -> Result<(), SealerError> {
        if key_id == Some(self.key.as_str()) {
            Ok(())
        } else {
            Err(unreadable())
        }
    }
}

impl Sealer for KmsSealer {
    fn key_name(&self) -> &str {
        &self.key_name
    }

    fn wrap(&self, purpose: &str, key: &DataKey) -> Result<Vec<u8>, SealerError> {
        let answer = self.link.ask(|client| {
            client
                .encrypt()
                .key_id(self.key.as_str())
                .plaintext(Blob::new(key.as_slice()))
                .set_encryption_context(Some(bound_to(purpose)))
                .send()
        })?;
        self.is_of_key(answer.key_id())?;
        let wrapped = answer.ciphertext_blob.ok_or_else(unreadable)?.into_inner();
        if wrapped.is_empty() || wrapped.len() > WRAPPED_MAX_BYTES {
            return Err(unreadable());
        }
        Ok(wrapped)
    }

    fn unwrap(&self, purpose: &str, wrapped: &[u8]) -> Result<DataKey, SealerError> {
        let answer = self.link.ask(|client| {
            client
                .decrypt()
                // Without it KMS takes whichever key the ciphertext names, so that a row could choose its opener.
                .key_id(self.key.as_str())
                .ciphertext_blob(Blob::new(wrapped))
                .set_encryption_context(Some(bound_to(purpose)))
                .send()
        })?;
        self.is_of_key(answer.key_id())?;
        let key = answer.plaintext.ok_or_else(unreadable)?.into_inner();
        data_key(&Zeroizing::new(key))
    }
}

fn bound_to(purpose: &str) -> HashMap<String, String> {
    let (name, value) = USE;
    HashMap::from([
        (name.to_owned(), value.to_owned()),
        (SEALED_FOR.to_owned(), purpose.to_owned()),
    ])
}
