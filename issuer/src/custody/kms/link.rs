//! The way to KMS in one region: a client, made when it is first needed, and its credentials.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_sdk_kms::{
    Client, Config,
    config::{
        BehaviorVersion, ProvideCredentials, Region, SharedCredentialsProvider, http::HttpResponse,
        retry::RetryConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
};
use tokio::{
    runtime::{Builder, Runtime},
    time,
};

use super::failure;
use crate::{config::KmsKey, custody::SealerError};

/// A connection that KMS closed while it was idle fails once, and so does a busy moment of KMS; more is for the breaker.
const ATTEMPTS: u32 = 2;
/// Before the second attempt. The maker's own second would be half of the time that there is.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// Asks KMS. Only ever used on a thread that may wait.
pub(super) struct Link {
    region: Region,
    endpoint: Option<String>,
    timeout: Duration,
    way: Mutex<Option<Way>>,
}

/// What it asks with.
struct Way {
    runtime: Runtime,
    client: Client,
}

impl Link {
    pub(super) fn new(key: &KmsKey, endpoint: Option<String>, timeout: Duration) -> Self {
        Self {
            region: Region::new(key.region().to_owned()),
            endpoint,
            timeout,
            way: Mutex::new(None),
        }
    }

    /// So long a question may take.
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks within the time limit. After an outage or a refusal the next question has a new connection and looks for credentials
    /// anew, because either may have been what failed.
    pub(super) fn ask<T, E, Asked>(
        &self,
        question: impl FnOnce(Client) -> Asked,
    ) -> Result<T, SealerError>
    where
        Asked: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let Way { runtime, client } = match &mut *way {
            Some(way) => way,
            none => none.insert(self.way()?),
        };
        let question = question(client.clone());
        let limit = self.timeout;
        let outcome = runtime.block_on(async { time::timeout(limit, question).await });
        let cause = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => failure::of(&error, limit),
            Err(_) => SealerError::Slow(limit.as_millis()),
        };
        match cause {
            SealerError::DoesNotOpen | SealerError::NoRandomness | SealerError::NoKey(_) => {}
            SealerError::Unreachable(_)
            | SealerError::Slow(_)
            | SealerError::Lost
            | SealerError::Refused(_)
            | SealerError::Resting { .. } => *way = None,
        }
        Err(cause)
    }

    fn way(&self) -> Result<Way, SealerError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SealerError::Unreachable(error.to_string()))?;
        let credentials = runtime.block_on(self.credentials())?;
        let config = Config::builder()
            // Pinned, so that a newer release of the client behaves as this one did.
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(self.region.clone())
            .credentials_provider(credentials)
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(ATTEMPTS)
                    .with_initial_backoff(BETWEEN_ATTEMPTS),
            );
        // Whatever AWS_ENDPOINT_URL says is not asked: data keys go where the settings say.
        let config = match &self.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        Ok(Way {
            runtime,
            client: Client::from_conf(config.build()),
        })
    }

    /// Looks for credentials before they are needed, so that a machine without any is told so and not that KMS is slow.
    async fn credentials(&self) -> Result<SharedCredentialsProvider, SealerError> {
        // Whoever waits for this waits as long as the limit, so a little less lets the reason be told.
        let limit = self.timeout * 3 / 4;
        let found = async {
            let chain = DefaultCredentialsChain::builder();
            let chain = chain.region(self.region.clone()).build().await;
            let chain = SharedCredentialsProvider::new(chain);
            match chain.provide_credentials().await {
                Ok(_) => Ok(chain),
                Err(error) => Err(failure::no_credentials(&error)),
            }
        };
        time::timeout(limit, found)
            .await
            .unwrap_or_else(|_| Err(failure::no_credentials_within(limit)))
    }
}
