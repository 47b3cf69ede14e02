//! `[custody.kms]`: a key-encryption key in AWS KMS.

use std::fmt;

use super::read::{differ, judge, origin};
use crate::{
    config::{read::text, reader::Reader, source::Raw},
    custody::HAS_KMS,
};

/// The longest name of a key. It stands in every envelope behind `kms:`, where there is place for 255 bytes.
const NAME_MAX_BYTES: usize = 200;

/// `[custody.kms]`. The credentials are no settings: they come from where AWS' own programs find them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kms {
    /// The key that seals.
    pub key: KmsKey,
    /// One that opens and never seals.
    pub other_key: Option<KmsKey>,
    /// The origin that is asked in the place of the region's public one.
    pub endpoint: Option<String>,
}

/// The name of a key for good, its ARN. An alias would be a name that somebody can give to another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey {
    arn: String,
    region: String,
}

impl KmsKey {
    /// Takes an ARN as AWS tells it.
    ///
    /// # Errors
    /// What it must look like.
    pub fn parse(arn: &str) -> Result<Self, String> {
        const FORM: &str = "must be the ARN of a key, as arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [start, partition, service, region, account, key] = parts[..] else {
            return Err(FORM.to_owned());
        };
        let named = |text: &str| {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.bytes().all(fits)
        };
        let id = key.strip_prefix("key/").unwrap_or_default();
        let is_arn = start == "arn"
            && partition.starts_with("aws")
            && named(partition)
            && service == "kms"
            && named(region)
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && named(id)
            && arn.len() <= NAME_MAX_BYTES;
        is_arn
            .then(|| Self {
                arn: arn.to_owned(),
                region: region.to_owned(),
            })
            .ok_or_else(|| FORM.to_owned())
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// The region in it, where the key is.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }
}

impl fmt::Display for KmsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

pub(super) fn read(reader: &mut Reader) -> Option<Kms> {
    const FIRST: &str = "custody.kms.key";
    const OTHER: &str = "custody.kms.other_key";
    let key = reader.take(FIRST, None, |raw| name(raw).map(Some));
    let other_key = reader.take(OTHER, None, |raw| name(raw).map(Some));
    let endpoint = reader.take("custody.kms.endpoint", None, |raw| {
        origin(
            raw,
            "https://vpce-0123-4567.kms.eu-central-1.vpce.amazonaws.com",
        )
        .map(Some)
    });
    if key.is_some() && !HAS_KMS {
        reader.complain(
            FIRST,
            "needs a program that was built with the feature `kms`",
        );
    }
    judge(reader, FIRST, key.is_some(), &[], other_key.is_some());
    differ(reader, OTHER, key.as_ref(), other_key.as_ref());
    let regions = key.as_ref().zip(other_key.as_ref());
    if regions.is_some_and(|(key, other)| key.region() != other.region()) && endpoint.is_some() {
        reader.complain(
            OTHER,
            "is in another region, which custody.kms.endpoint is not of",
        );
    }
    Some(Kms {
        key: key?,
        other_key,
        endpoint,
    })
}

/// The value of a setting as it is shown. None of them is a secret.
pub(super) fn shown(kms: Option<&Kms>, name: &str) -> Option<toml::Value> {
    let kms = kms?;
    match name {
        "key" => Some(kms.key.as_str().into()),
        "other_key" => kms.other_key.as_ref().map(|key| key.as_str().into()),
        "endpoint" => kms.endpoint.clone().map(toml::Value::from),
        _ => None,
    }
}

fn name(raw: &Raw) -> Result<KmsKey, String> {
    KmsKey::parse(&text(raw)?)
}
