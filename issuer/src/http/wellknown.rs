//! The documents that verifiers and clients read without asking anybody: the key set and the metadata.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64ct::{Base64UrlUnpadded, Encoding};
use edgeward_core::keys::{Jwk, KeySet};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::problem::ApiError;
use crate::{
    App, SharedApp,
    domain::{
        edges::{Edge, Edges, SHOWN_WITHIN},
        keyring::timing::KEYS_READ_WITHIN_SECONDS,
        storage::StorageError,
    },
};

/// A key is public for longer than a cache may hand out the set without it, for whichever reason (`domain::keyring::timing`). So a
/// cache does not stand in for an issuer that is away: edges and the npm package do that for themselves, for a day, and they ask again as
/// soon as they meet a key that they lack.
const KEY_SET_CACHE: &str = "public, max-age=300, stale-while-revalidate=60, stale-if-error=60";

/// For how long edges that were read stand in for rows that cannot be: for as long as the issuer's own keys do.
const STAND_IN: Duration = Duration::from_secs(KEYS_READ_WITHIN_SECONDS.unsigned_abs());

/// The metadata changes with a new version or another configuration only.
const METADATA_CACHE: HeaderValue =
    HeaderValue::from_static("public, max-age=3600, stale-if-error=86400");

/// RFC 7517, section 8.5.1.
const KEY_SET_TYPE: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

/// The public keys: the issuer's own, then those of the enrolled edges, which hold for `edge+jwt` only.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "documents", responses(
    (status = 200, description = "JSON Web Key Set (RFC 7517)", content_type = "application/jwk-set+json", body = Object),
    (status = 304, description = "The caller has this set already"),
    (status = 503, description = "`BUSY`: the keys cannot be read; `SIGNING_UNAVAILABLE`: there is none to show. Both with `Retry-After`"),
))]
pub async fn key_set(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let document = app.documents.key_set(&app).await?;
    Ok(document.answer(
        &headers,
        KEY_SET_TYPE,
        HeaderValue::from_static(KEY_SET_CACHE),
    ))
}

/// What was made of the database the last time, and of what.
#[derive(Debug, Default)]
pub struct Documents {
    key_set: Mutex<Option<(KeySources, Document)>>,
    edges: Mutex<Option<KnownEdges>>,
}

/// The edges, and since when they are known to be these.
#[derive(Debug, Clone)]
struct KnownEdges {
    asked_at: Instant,
    edges: Arc<Vec<Edge>>,
}

/// What a key set is made of.
#[derive(Debug, PartialEq, Eq)]
struct KeySources {
    own: Arc<KeySet>,
    edges: Arc<Vec<Edge>>,
}

impl Documents {
    /// What is made of the rows is kept while they are the same.
    async fn key_set(&self, app: &App) -> Result<Document, ApiError> {
        let at = Instant::now();
        let sources = KeySources {
            own: app
                .fresh_keyring(app.clock.now())
                .await?
                .published_keys(at)?,
            edges: self.edges(app, at).await?,
        };
        if let Some((of, document)) = &*self.kept()
            && *of == sources
        {
            return Ok(document.clone());
        }
        let document = Document::of(sources.to_json()?)?;
        *self.kept() = Some((sources, document.clone()));
        Ok(document)
    }

    /// They are read again when they are [`SHOWN_WITHIN`] old, because another process enrols and revokes them. While the database does not
    /// answer those of before do: a verifier that asks meanwhile shall not go without any. Rows that make no sense are not covered up.
    async fn edges(&self, app: &App, at: Instant) -> Result<Arc<Vec<Edge>>, ApiError> {
        let known = self.known_edges().clone();
        if let Some(known) = &known
            && known.age(at) < SHOWN_WITHIN
        {
            return Ok(Arc::clone(&known.edges));
        }
        match app.store.edges().await {
            Ok(edges) => {
                let edges = Arc::new(edges);
                *self.known_edges() = Some(KnownEdges {
                    asked_at: at,
                    edges: Arc::clone(&edges),
                });
                Ok(edges)
            }
            Err(error @ StorageError::Unreadable(_)) => Err(error.into()),
            Err(error) => match known {
                Some(known) if known.age(at) <= STAND_IN => Ok(known.edges),
                Some(_) | None => Err(error.into()),
            },
        }
    }

    fn known_edges(&self) -> MutexGuard<'_, Option<KnownEdges>> {
        self.edges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Option<(KeySources, Document)>> {
        self.key_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownEdges {
    /// Nothing for who came before they were asked for.
    fn age(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.asked_at)
    }
}

impl KeySources {
    fn to_json(&self) -> Result<String, ApiError> {
        let mut keys: Vec<Jwk> = self.own.keys().cloned().collect();
        for edge in self.edges.iter() {
            if edge.revoked_at.is_none() {
                keys.push(edge.assertion_key()?);
            }
        }
        let keys = KeySet::from_keys(keys).map_err(ApiError::internal)?;
        Ok(keys.to_json())
    }
}

/// The metadata of an authorization server (RFC 8414): what is there today and nothing else.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata<'a> {
    issuer: &'a str,
    jwks_uri: String,
    /// RFC 8414 requires the member. It is empty: nobody can ask for an authorization response yet.
    response_types_supported: [&'static str; 0],
    /// Empty: the member's absence would mean the authorization code and the implicit grant.
    grant_types_supported: [&'static str; 0],
}

/// What clients may know about the issuer.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "documents", responses(
    (status = 200, body = Metadata),
    (status = 304, description = "The caller has this document already"),
))]
pub async fn metadata(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let issuer = &app.config.issuer.url;
    let metadata = Metadata {
        issuer,
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        response_types_supported: [],
        grant_types_supported: [],
    };
    let body = serde_json::to_string(&metadata).map_err(ApiError::internal)?;
    let json = HeaderValue::from_static("application/json");
    Ok(Document::of(body)?.answer(&headers, json, METADATA_CACHE))
}

/// A body with its strong entity tag.
#[derive(Debug, Clone)]
struct Document {
    body: Bytes,
    tag: HeaderValue,
}

impl Document {
    fn of(body: String) -> Result<Self, ApiError> {
        let tag = entity_tag(body.as_bytes());
        Ok(Self {
            tag: HeaderValue::try_from(tag).map_err(ApiError::internal)?,
            body: body.into(),
        })
    }

    /// Answers with the document, or 304 when the caller names its tag.
    fn answer(
        self,
        request: &HeaderMap,
        content_type: HeaderValue,
        cache: HeaderValue,
    ) -> Response {
        let known = names_tag(request, self.tag.to_str().unwrap_or_default());
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.body.into_response()
        };
        let headers = response.headers_mut();
        if !known {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        headers.insert(header::CACHE_CONTROL, cache);
        headers.insert(header::ETAG, self.tag);
        response
    }
}

/// A strong tag: equal tags mean equal octets.
fn entity_tag(body: &[u8]) -> String {
    let digest = Base64UrlUnpadded::encode_string(&Sha256::digest(body));
    format!("\"{digest}\"")
}

/// `If-None-Match` compares weakly (RFC 9110, section 13.1.2): a proxy that compresses makes the tag weak.
fn names_tag(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Config,
        custody::tests::Folder,
        domain::{
            audit::{Action, Actor, AuditEntry, Origin},
            edges::EdgeName,
            keyring::timing::{KEY_SET_MAX_AGE_SECONDS, KEY_SET_STALE_SECONDS},
        },
    };

    /// And nothing else that would let a cache keep a set for longer.
    #[test]
    fn caches_are_told_what_the_publication_of_keys_counts_on() {
        let told = |name: &str| -> i64 {
            let named = |part: &str| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
            let mut parts = KEY_SET_CACHE.split(", ");
            parts.find_map(named).unwrap()
        };
        assert_eq!(told("max-age"), KEY_SET_MAX_AGE_SECONDS);
        assert_eq!(told("stale-while-revalidate"), KEY_SET_STALE_SECONDS);
        assert_eq!(told("stale-if-error"), KEY_SET_STALE_SECONDS);
        assert_eq!(KEY_SET_CACHE.split(", ").count(), 4, "{KEY_SET_CACHE}");
    }

    /// How old what is known may be, and what became of the rows since: how many edges are shown, or none can be.
    #[tokio::test]
    async fn edges_are_read_again_soon_and_stand_in_for_a_minute() {
        let just_before = |age: Duration| age - Duration::from_millis(1);
        let just_after = |age: Duration| age + Duration::from_millis(1);
        let rows = [
            (Duration::ZERO, Since::Enrolled, Some(1)),
            (just_before(SHOWN_WITHIN), Since::Enrolled, Some(1)),
            (SHOWN_WITHIN, Since::Enrolled, Some(2)),
            (SHOWN_WITHIN, Since::Away, Some(1)),
            (STAND_IN, Since::Away, Some(1)),
            (just_after(STAND_IN), Since::Away, None),
        ];
        for (age, since, expected) in rows {
            let folder = Folder::new();
            let app = App::open(Config::defaults(folder.path())).await.unwrap();
            enroll(&app, "edge-1").await;
            let read_at = Instant::now();
            app.documents.edges(&app, read_at).await.unwrap();
            match since {
                Since::Enrolled => enroll(&app, "edge-2").await,
                Since::Away => app.store.close().await,
            }
            let shown = app.documents.edges(&app, read_at + age).await;
            let shown = shown.ok().map(|edges| edges.len());
            assert_eq!(shown, expected, "{age:?} {since:?}");
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Since {
        Enrolled,
        Away,
    }

    /// As another process does, in the moment before it says so.
    async fn enroll(app: &App, name: &str) {
        let now = app.clock.now();
        let edge = Edge {
            name: EdgeName::parse(name).unwrap(),
            key_id: format!("kid of {name}"),
            public_jwk: "{}".to_owned(),
            enrolled_at: now,
            revoked_at: None,
        };
        let entry = AuditEntry::done(Action::EnrollEdge, Actor::Operator, now, &Origin::default());
        assert!(app.store.enroll_edge(&edge, &entry).await.unwrap());
    }

    #[test]
    fn a_tag_is_recognised_in_every_form_of_the_header() {
        let tag = entity_tag(b"body");
        let other = entity_tag(b"other");
        let rows = [
            (vec![], false),
            (vec![tag.clone()], true),
            (vec![format!("W/{tag}")], true),
            (vec!["*".to_owned()], true),
            (vec![other.clone()], false),
            (vec![format!("{other}, {tag}")], true),
            (vec![other.clone(), tag.clone()], true),
            (vec![tag.trim_matches('"').to_owned()], false),
        ];
        for (values, expected) in rows {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            assert_eq!(names_tag(&headers, &tag), expected, "{values:?}");
        }
    }
}
