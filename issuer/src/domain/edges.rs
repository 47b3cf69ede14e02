//! Edges: who they are, how one is enrolled, and how one proves itself on a request.
//!
//! Only a proven edge may say what a client's address is. A request without a proof is a stranger's, which is allowed
//! and gets nothing; a request with a proof that does not hold is refused, because only an attack or a broken
//! deployment makes one.

use std::{fmt, future::Future, net::IpAddr, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::{
    keys::{Jwk, KeySet, KeySetError},
    time::UnixTime,
    token::{self, Audiences, Expectations, ParsedToken, SigningKey, TokenType, WeakSeed},
};
use zeroize::Zeroizing;

use super::{
    audit::{Action, Actor, AuditEntry, Origin},
    storage::StorageError,
};

/// The longest name, which fits a label of the domain name system and a line of a log.
pub const NAME_MAX: usize = 32;

/// Each edge has a key in the key set, of which verifiers read 100 (`edgeward_core::keys::MAX_KEYS`) and then none at
/// all; the others are kept for the issuer's own keys.
pub const EDGES_MAX: usize = 72;

/// Each process shows the edges in its key set as they were at most this long ago, so that verifiers who ask by the thousand do not ask the
/// database as often. Who enrols or revokes waits for as long before saying that it is done: no edge has a key that a key set lacks, and
/// nobody is told of a revocation that a verifier could still miss. An operator does not notice a quarter of a second.
pub const SHOWN_WITHIN: Duration = Duration::from_millis(250);

/// A proof says so at most between `iat` and `exp`. Edges ask for 30 seconds; a key that signs for longer is misused. Until
/// then, and for the verifier's leeway, the same proof holds again for the same method and path: it says through whom and
/// from where a request comes, not that it comes for the first time.
pub const PROOF_MAX_SECONDS: i64 = 30;

/// The longest request id taken over from an edge: a UUID has 36 characters, a ray id with its colony fewer.
pub const REQUEST_ID_MAX: usize = 64;

/// The name of an edge: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdgeName(String);

/// The text is no name of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of an edge is 1 to {NAME_MAX} characters of a-z, 0-9 and -")]
pub struct BadEdgeName;

impl EdgeName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`BadEdgeName`] when it is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, BadEdgeName> {
        let fits = !text.is_empty()
            && text.len() <= NAME_MAX
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadEdgeName)
        }
    }

    /// The name under which the issuer is an edge of its own when none is set.
    #[must_use]
    pub fn of_the_issuer() -> Self {
        Self("forward-auth".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EdgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An edge as the store holds it. It holds no secret: the private half exists at the edge only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Its name.
    pub name: EdgeName,
    /// The RFC 7638 thumbprint of its key.
    pub key_id: String,
    /// Its public key as one JSON Web Key.
    pub public_jwk: String,
    /// When it was enrolled.
    pub enrolled_at: UnixTime,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UnixTime>,
}

/// What the enrolment of edges needs of a store.
pub trait Edges {
    /// All edges, by name.
    fn edges(&self) -> impl Future<Output = Result<Vec<Edge>, StorageError>> + Send;

    /// The unrevoked edge with this key.
    fn edge_by_key(
        &self,
        key_id: &str,
    ) -> impl Future<Output = Result<Option<Edge>, StorageError>> + Send;

    /// Adds an edge, or puts it in the place of a revoked one of the same name. `false` when the name is in use.
    fn enroll_edge(
        &self,
        edge: &Edge,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Revokes an edge; `false` when no unrevoked edge has the name.
    fn revoke_edge(
        &self,
        name: &EdgeName,
        now: UnixTime,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;

    /// Answers when all that was written before is older than [`SHOWN_WITHIN`].
    fn until_shown(&self) -> impl Future<Output = ()> + Send;
}

/// Why an edge could not be enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The name is in use.
    #[error("an edge named {0} is enrolled: revoke it first, or choose another name")]
    NameInUse(EdgeName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// There are as many edges as the key set has room for.
    #[error(
        "{EDGES_MAX} edges are enrolled, which is all that the key set has room for: revoke one first"
    )]
    TooMany,
    /// The seed is no seed.
    #[error(transparent)]
    WeakSeed(#[from] WeakSeed),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

/// Makes a key for an edge and stores its public half, and answers when every key set has it.
///
/// The answer is the secret `EDGE_KEY`, `edge1.<name>.<base64url of the 32-byte seed>`. It is shown once and kept nowhere.
///
/// # Errors
/// [`EnrollError`]; nothing is stored then.
pub async fn enroll(
    store: &impl Edges,
    name: EdgeName,
    now: UnixTime,
) -> Result<Zeroizing<String>, EnrollError> {
    let enrolled = store
        .edges()
        .await?
        .into_iter()
        .filter(|edge| edge.revoked_at.is_none());
    if enrolled.count() >= EDGES_MAX {
        return Err(EnrollError::TooMany);
    }
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| EnrollError::NoRandomness)?;
    let key = SigningKey::from_seed(&seed)?;
    let edge = Edge {
        key_id: key.key_id().to_owned(),
        public_jwk: key.public_jwk().to_json(),
        name,
        enrolled_at: now,
        revoked_at: None,
    };
    let entry = operator(Action::EnrollEdge, &edge.name, now).with("kid", &edge.key_id);
    if !store.enroll_edge(&edge, &entry).await? {
        return Err(EnrollError::NameInUse(edge.name));
    }
    store.until_shown().await;
    let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(seed.as_slice()));
    Ok(Zeroizing::new(format!(
        "edge1.{}.{}",
        edge.name,
        encoded.as_str()
    )))
}

/// Why the issuer cannot be an edge of its own.
#[derive(Debug, thiserror::Error)]
pub enum OwnEdgeError {
    /// It was revoked, and its key would be the same.
    #[error(
        "the edge {0} was revoked: set forward_auth.edge to another name, which gives it another key"
    )]
    Revoked(EdgeName),
    /// It cannot be enrolled.
    #[error(transparent)]
    Enroll(#[from] EnrollError),
}

/// The issuer as an edge of its own: it introduces callers to the app, with a key that holds for nothing else.
#[derive(Debug)]
pub struct OwnEdge {
    /// Its name.
    pub name: EdgeName,
    /// Its key, which the key set lists.
    pub key: SigningKey,
}

/// Enrols the issuer under a name with the key of this seed, unless it is enrolled already, and answers when every key set has it.
///
/// # Errors
/// [`OwnEdgeError`]; nothing is stored then.
pub async fn enroll_itself(
    store: &impl Edges,
    name: &EdgeName,
    seed: &Zeroizing<[u8; 32]>,
    now: UnixTime,
) -> Result<OwnEdge, OwnEdgeError> {
    let key = SigningKey::from_seed(seed).map_err(EnrollError::WeakSeed)?;
    let own = |known: &[Edge]| {
        let of_this_key = |edge: &&Edge| edge.name == *name && edge.key_id == key.key_id();
        known.iter().find(of_this_key).map(|edge| edge.revoked_at)
    };
    let known = store.edges().await.map_err(EnrollError::Store)?;
    match own(&known) {
        Some(None) => {
            let name = name.clone();
            return Ok(OwnEdge { name, key });
        }
        Some(Some(_)) => return Err(OwnEdgeError::Revoked(name.clone())),
        None => {}
    }
    let enrolled = known.iter().filter(|edge| edge.revoked_at.is_none());
    if enrolled.count() >= EDGES_MAX {
        return Err(EnrollError::TooMany.into());
    }
    let edge = Edge {
        key_id: key.key_id().to_owned(),
        public_jwk: key.public_jwk().to_json(),
        name: name.clone(),
        enrolled_at: now,
        revoked_at: None,
    };
    let entry = operator(Action::EnrollEdge, &edge.name, now).with("kid", &edge.key_id);
    let is_first = store
        .enroll_edge(&edge, &entry)
        .await
        .map_err(EnrollError::Store)?;
    // Another process of this issuer may have been quicker.
    let known = store.edges().await.map_err(EnrollError::Store)?;
    if is_first || own(&known) == Some(None) {
        store.until_shown().await;
        let name = name.clone();
        Ok(OwnEdge { name, key })
    } else {
        Err(EnrollError::NameInUse(edge.name).into())
    }
}

/// Revokes an edge: its proofs are refused at once, its assertions as soon as the verifiers' key sets are renewed. It answers when no
/// process shows the key any more.
///
/// Answers `false` when no unrevoked edge has the name.
///
/// # Errors
/// When the store fails.
pub async fn revoke(
    store: &impl Edges,
    name: &EdgeName,
    now: UnixTime,
) -> Result<bool, StorageError> {
    let entry = operator(Action::RevokeEdge, name, now);
    let revoked = store.revoke_edge(name, now, &entry).await?;
    if revoked {
        store.until_shown().await;
    }
    Ok(revoked)
}

fn operator(action: Action, name: &EdgeName, now: UnixTime) -> AuditEntry {
    AuditEntry::done(action, Actor::Operator, now, &Origin::default()).about("edge", name)
}

impl Edge {
    /// Its key as verifiers see it: it holds for assertions and for nothing else.
    ///
    /// # Errors
    /// When the store holds something that is no key.
    pub fn assertion_key(&self) -> Result<Jwk, StorageError> {
        self.jwk()
            .map(|key| key.restricted_to(&TokenType::Assertion))
    }

    fn jwk(&self) -> Result<Jwk, StorageError> {
        Jwk::parse(self.public_jwk.as_bytes())
            .map_err(|_| StorageError::Unreadable("edges.public_jwk"))
    }
}

/// The one request that an edge makes for a client.
const REFRESH: ProvenRequest<'_> = ProvenRequest {
    method: "POST",
    path_and_query: "/auth/refresh",
};

/// A request as an edge's proof names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Path and query as received.
    pub path_and_query: &'a str,
}

/// What a valid proof says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which edge.
    pub edge: EdgeName,
    /// The address of the client that the edge serves; `None` where it asks for itself (`own`).
    pub client: Option<IpAddr>,
    /// Whether the edge made the request itself to refresh the session of that client (`refresh`), and so vouches that no page of
    /// another site did.
    pub refreshes: bool,
    /// The id that the edge gave to the request.
    pub request_id: String,
}

/// Why a proof does not hold. For the log; the answer does not tell them apart.
#[derive(Debug, thiserror::Error)]
pub enum ProofRefusal {
    /// It is no token, or the token does not verify.
    #[error("{0}")]
    Token(#[from] edgeward_core::reject::Reject),
    /// The stored key makes no key set.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// No enrolled, unrevoked edge has the key.
    #[error("no enrolled edge has this key")]
    UnknownEdge,
    /// `sub` is not the edge.
    #[error("sub is not the edge")]
    Subject,
    /// `htm` or `htu` is another request's.
    #[error("the proof is for another request")]
    OtherRequest,
    /// It holds for longer than an edge asks for, or does not say from when.
    #[error("the proof is not limited to {PROOF_MAX_SECONDS} seconds")]
    Lifetime,
    /// `jti`, `cip`, `own`, `refresh` or `rid` is missing or unfit.
    #[error("{0} is missing or unfit")]
    Claim(&'static str),
    /// The store failed: whether the proof holds is not known.
    #[error(transparent)]
    Store(#[from] StorageError),
}

impl ProofRefusal {
    /// Whether an enrolled edge signed the proof. Then somebody has a copy of it or of the key, or the edge's clock or
    /// its way to the issuer is wrong; every other refusal is a stranger's for the asking.
    #[must_use]
    pub const fn is_of_an_enrolled_edge(&self) -> bool {
        match self {
            Self::Token(reject) => reject.is_about_claims(),
            Self::Subject | Self::OtherRequest | Self::Lifetime | Self::Claim(_) => true,
            Self::KeySet(_) | Self::UnknownEdge | Self::Store(_) => false,
        }
    }
}

/// Verifies the proof of a request.
///
/// # Errors
/// [`ProofRefusal`].
pub async fn verify_proof(
    store: &impl Edges,
    proof: &str,
    issuer: &str,
    request: ProvenRequest<'_>,
    now: UnixTime,
) -> Result<Proof, ProofRefusal> {
    let key_id = ParsedToken::parse(proof)?
        .key_id()
        .map(str::to_owned)
        .ok_or(ProofRefusal::UnknownEdge)?;
    let edge = store
        .edge_by_key(&key_id)
        .await?
        .ok_or(ProofRefusal::UnknownEdge)?;
    let key = edge.jwk()?.restricted_to(&TokenType::EdgeProof);
    let keys = KeySet::from_keys([key])?;
    let expect = Expectations::new(
        edge.name.as_str(),
        Audiences::OneOf(vec![issuer.to_owned()]),
        TokenType::EdgeProof,
    );
    let verified = token::verify(proof, &keys, &expect, now)?;
    let claims = verified.claims();
    if claims.subject() != Some(edge.name.as_str()) {
        return Err(ProofRefusal::Subject);
    }
    let issued_at = claims.issued_at().ok_or(ProofRefusal::Lifetime)?;
    if claims.expires_at().seconds_since(issued_at) > PROOF_MAX_SECONDS {
        return Err(ProofRefusal::Lifetime);
    }
    let text = |name| claims.get(name).and_then(serde_json::Value::as_str);
    if text("htm") != Some(request.method) || text("htu") != Some(request.path_and_query) {
        return Err(ProofRefusal::OtherRequest);
    }
    if claims.token_id().is_none_or(str::is_empty) {
        return Err(ProofRefusal::Claim("jti"));
    }
    // What an edge passes on always names a client, so nobody can ask through it for what only it may have.
    let client = match (claims.get("own"), claims.get("cip")) {
        (Some(serde_json::Value::Bool(true)), None) => None,
        (None, Some(_)) => Some(
            text("cip")
                .and_then(|address| address.parse().ok())
                .ok_or(ProofRefusal::Claim("cip"))?,
        ),
        (Some(_), _) => return Err(ProofRefusal::Claim("own")),
        (None, None) => return Err(ProofRefusal::Claim("cip")),
    };
    // Nothing else is waived for, so a proof that says it of another request was made by mistake or by somebody else.
    let refreshes = match claims.get("refresh") {
        None => false,
        Some(serde_json::Value::Bool(true)) if client.is_some() && request == REFRESH => true,
        Some(_) => return Err(ProofRefusal::Claim("refresh")),
    };
    let request_id = text("rid")
        .filter(|id| is_request_id(id))
        .ok_or(ProofRefusal::Claim("rid"))?
        .to_owned();
    Ok(Proof {
        edge: edge.name,
        client,
        refreshes,
        request_id,
    })
}

/// Whether a text may stand in a log line and a header as a request id.
#[must_use]
pub fn is_request_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= REQUEST_ID_MAX
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}
