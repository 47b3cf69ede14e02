//! What a decision permits: where a request goes, as whom, and how its answer is handled.

use alloc::string::String;
use alloc::sync::Arc;

use super::cors::CorsGrant;
use super::path::CanonicalPath;
use crate::token::Verified;

/// Where a permitted request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// The application behind the gate.
    App,
    /// The issuer.
    Issuer,
}

/// What caches may do with the response to a permitted request, unless the response itself is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponsePolicy {
    /// What the response says stands.
    Untouched,
    /// `Cache-Control: private, no-store`, unless the response says `no-store` itself: it was made for one person.
    PrivateNoStore,
}

/// The proof that [`super::decide`] let a request pass. Nothing else makes one, so whoever demands one cannot forward a
/// request that was not judged, nor on another path than the judged one.
#[derive(Clone, Debug)]
pub struct Permit {
    pub(super) destination: Destination,
    pub(super) path: CanonicalPath,
    pub(super) identity: Option<Arc<Verified>>,
    pub(super) drops_credential: bool,
    pub(super) rule: String,
    pub(super) response_policy: ResponsePolicy,
    pub(super) cors: Option<CorsGrant>,
    pub(super) binds_request: bool,
}

impl Permit {
    /// Where the request goes.
    #[must_use]
    pub const fn destination(&self) -> Destination {
        self.destination
    }

    /// The path that was judged: the one to forward.
    #[must_use]
    pub const fn path(&self) -> &CanonicalPath {
        &self.path
    }

    /// Who asks; `None` for anonymous callers and for everything that goes to the issuer.
    #[must_use]
    pub fn identity(&self) -> Option<&Verified> {
        self.identity.as_deref()
    }

    /// Whether the request carried a token that was not acceptable and must not go on: on a public route its caller is
    /// anonymous, and the application shall not take the token for a proof.
    #[must_use]
    pub const fn drops_credential(&self) -> bool {
        self.drops_credential
    }

    /// The path pattern of the rule that let the request pass; `issuer` where no rule was asked.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// What caches may do with the response.
    #[must_use]
    pub const fn response_policy(&self) -> ResponsePolicy {
        self.response_policy
    }

    /// Which other origin may read the response, where the policy speaks about that; else it is for the app to say.
    #[must_use]
    pub const fn cors(&self) -> Option<&CorsGrant> {
        self.cors.as_ref()
    }

    /// Whether the application is to be told about this one request only: method and path stand in the assertion.
    #[must_use]
    pub const fn binds_request(&self) -> bool {
        self.binds_request
    }
}
