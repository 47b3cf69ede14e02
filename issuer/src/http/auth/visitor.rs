//! Who is at the other end, as far as the request's credentials tell, before anything is asked of them.

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, header, request::Parts},
};
use edgeward_core::{
    csrf::{ANONYMOUS, CsrfKey},
    time::UnixTime,
    token::{Audiences, Expectations, TokenType},
};

use crate::{
    App, SharedApp,
    custody::MacKey,
    domain::{
        accounts::UserId,
        audit::Origin,
        device::DeviceSecret,
        events::Circumstances,
        language::Language,
        login::Carrier,
        refresh::{self, Genuine, Sighting},
        revocations::Revoking,
        secrets::Known,
        session::{self, BrowserSession, Device, Digest, Family, Sid},
        storage::{Storage, StorageError},
    },
    http::{caller::Caller, cookies::Presented, languages, problem::ApiError},
    signatures,
};

/// A session cookie that counts.
#[derive(Debug)]
pub struct LiveSession {
    digest: Digest,
    session: BrowserSession,
    /// The family it belongs to, which is live too.
    pub family: Family,
}

/// Somebody, known or not.
#[derive(Debug)]
pub struct Visitor {
    /// What is around the request, for the events.
    pub circumstances: Circumstances,
    /// The address, the edge in between, the moment.
    pub caller: Caller,
    /// The credentials as sent.
    pub presented: Presented,
    /// `User-Agent`, or empty.
    pub user_agent: String,
    /// The language of the request, if it names one that there are texts in.
    pub language: Option<Language>,
    /// A device cookie that nobody had before, for the answer that makes this browser a device.
    pub new_device: DeviceSecret,
    /// The session of the cookie, if it is live.
    pub session: Option<LiveSession>,
    /// The refresh cookie, if the issuer made it. Whether it still counts is not known.
    pub refresh: Option<Genuine>,
    /// The keys by which CSRF tokens of this request are made and judged.
    pub csrf_keys: Known<CsrfKey>,
    /// Those of refresh tokens.
    pub refresh_keys: Known<MacKey>,
}

/// Which credentials open a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// Any live one.
    Any,
    /// The session cookie, or an access token in `Authorization`. The access cookie is not enough: it is prolonged in
    /// the background, so it does not show that a person is there.
    Present,
    /// The same, and no step-up is demanded of the session.
    Undoubted,
}

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Principal {
    /// Who.
    pub user: UserId,
    /// Through which session.
    pub family: Family,
}

impl FromRequestParts<SharedApp> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let presented = Presented::read(&parts.headers, &app.config)?;
        let session = match &presented.session {
            Some(cookie) => live_session(app, Digest::of(cookie), caller.now).await?,
            None => None,
        };
        let csrf_keys = app.csrf_keys(caller.now).await?;
        let refresh_keys = app.refresh_keys(caller.now).await?;
        let refresh = match &presented.refresh {
            Some(token) => refresh::genuine(&refresh_keys, token),
            None => None,
        };
        let user_agent = user_agent(&parts.headers);
        let route = parts.extensions.get::<MatchedPath>();
        let new_device = DeviceSecret::from_random(session::random().map_err(ApiError::internal)?);
        Ok(Self {
            new_device,
            circumstances: Circumstances::new(
                caller.address,
                &user_agent,
                parts.method.as_str(),
                route.map_or("-", MatchedPath::as_str),
            ),
            user_agent,
            language: languages::of_request(&parts.uri, &parts.headers),
            caller,
            presented,
            session,
            refresh,
            csrf_keys,
            refresh_keys,
        })
    }
}

fn user_agent(headers: &HeaderMap) -> String {
    headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

async fn live_session(
    app: &App,
    digest: Digest,
    now: UnixTime,
) -> Result<Option<LiveSession>, StorageError> {
    let found = app.store.session(&digest).await?;
    Ok(found
        .filter(|(session, family)| session.is_live(now) && family.is_live(now))
        .map(|(session, family)| LiveSession {
            digest,
            session,
            family,
        }))
}

impl Visitor {
    /// What a CSRF token of this visitor is bound to: the session of the credentials, or nobody's.
    #[must_use]
    pub fn csrf_binding(&self) -> String {
        self.brought()
            .first()
            .map_or_else(|| ANONYMOUS.to_owned(), Sid::to_string)
    }

    /// The families whose credentials came in cookies, the session's first. Both name the same one unless somebody
    /// mixed them.
    #[must_use]
    pub fn brought(&self) -> Vec<Sid> {
        let session = self.session.as_ref().map(|session| session.family.sid);
        let refresh = self.refresh.map(|token| token.sid);
        let mut families: Vec<Sid> = session.into_iter().chain(refresh).collect();
        families.dedup();
        families
    }

    /// Whose live sessions came in cookies.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signed_in(&self, app: &App) -> Result<Vec<UserId>, StorageError> {
        let mut users = Vec::new();
        for sid in self.brought() {
            let family = app.store.family(sid).await?;
            let live = family.filter(|family| family.is_live(self.caller.now));
            users.extend(live.map(|family| family.user));
        }
        Ok(users)
    }

    /// The way that tokens go which take the place of those that came: the same.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        if self.session.is_none() && self.presented.bearer.is_some() {
            Carrier::Body
        } else {
            Carrier::Cookies
        }
    }

    /// For the audit log.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin::of_request(self.caller.request_id.as_str(), self.caller.address)
            .amid(self.circumstances.clone())
            .read_in(self.language)
    }

    /// The device as it shows itself: with the device cookie only if it sent one.
    #[must_use]
    pub fn shown_device(&self) -> Device {
        self.device_with(self.presented.device.as_ref())
    }

    /// The device, with this device cookie or with none.
    #[must_use]
    pub fn device_with(&self, cookie: Option<&DeviceSecret>) -> Device {
        Device::of_request(&self.user_agent, cookie, self.caller.address)
    }

    /// Ends the family of the refresh cookie if the token was spent before, as a refresh would. To be asked before a request has
    /// the family end for another reason.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_if_spent(&self, app: &App) -> Result<(), StorageError> {
        match &self.presented.refresh {
            Some(token) => {
                let device = self.shown_device();
                self.end_if_spent_by(app, &device, token).await
            }
            None => Ok(()),
        }
    }

    /// The same of a token in the body, which no device cookie goes with.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_if_spent_in_body(&self, app: &App, token: &str) -> Result<(), StorageError> {
        let device = self.shown_device().without_cookie();
        self.end_if_spent_by(app, &device, token).await
    }

    async fn end_if_spent_by(
        &self,
        app: &App,
        device: &Device,
        token: &str,
    ) -> Result<(), StorageError> {
        let seen = Sighting {
            keys: &self.refresh_keys,
            rules: &app.config.refresh,
            origin: &self.origin(),
            device: &device.mark,
            address: &device.address,
            at: self.caller.moment,
        };
        if refresh::end_if_spent(&app.store, seen, token).await? {
            app.metrics.reused();
        }
        Ok(())
    }

    /// Refuses a live session cookie beside a genuine refresh cookie of another sign-in: somebody put one of them there.
    /// Refreshing would turn the application's user into another one than the issuer's pages show.
    ///
    /// # Errors
    /// [`ApiError::AmbiguousCredentials`].
    pub fn demand_one_sign_in(&self) -> Result<(), ApiError> {
        if self.brought().len() > 1 {
            Err(ApiError::AmbiguousCredentials)
        } else {
            Ok(())
        }
    }

    /// Demands that somebody is signed in, and counts a use of the session cookie as activity.
    ///
    /// # Errors
    /// [`ApiError::NotSignedIn`], [`ApiError::InvalidToken`], [`ApiError::AmbiguousCredentials`] when `Authorization`
    /// names another session than the cookie, [`ApiError::StepUpRequired`], or a failure of the database.
    pub async fn principal(&self, app: &App, strength: Strength) -> Result<Principal, ApiError> {
        let principal = self.find(app, strength).await?;
        match (strength, principal.family.step_up_demanded_at) {
            (Strength::Undoubted, Some(_)) => Err(ApiError::StepUpRequired),
            (Strength::Undoubted | Strength::Present | Strength::Any, _) => Ok(principal),
        }
    }

    async fn find(&self, app: &App, strength: Strength) -> Result<Principal, ApiError> {
        if let Some(live) = &self.session {
            // The token was put there on purpose, the cookie comes by itself: the token must not be passed over.
            if let Some(token) = &self.presented.bearer
                && by_token(app, token, self.caller.now).await?.family.sid != live.family.sid
            {
                return Err(ApiError::AmbiguousCredentials);
            }
            if let Some(idle_expires_at) = live.session.touched(&app.config.tokens, self.caller.now)
            {
                app.store
                    .touch_session(&live.digest, self.caller.now, idle_expires_at)
                    .await?;
            }
            self.confirm(app, &live.family).await?;
            return Ok(Principal {
                user: live.family.user,
                family: live.family.clone(),
            });
        }
        let token = match strength {
            Strength::Present | Strength::Undoubted => self.presented.bearer.as_ref(),
            Strength::Any => self
                .presented
                .bearer
                .as_ref()
                .or(self.presented.access.as_ref()),
        };
        match token {
            Some(token) => by_token(app, token, self.caller.now).await,
            None => Err(ApiError::NotSignedIn),
        }
    }

    /// Looks whether an access token came along that shows that the last refresh arrived. Once that is known, which is
    /// nearly always, nothing is verified here.
    async fn confirm(&self, app: &App, family: &Family) -> Result<(), ApiError> {
        let brought = self.presented.bearer.as_ref();
        match brought.or(self.presented.access.as_ref()) {
            Some(token) if !family.confirmed && family.previous.is_some() => {
                match by_token(app, token, self.caller.now).await {
                    Ok(_) | Err(ApiError::NotSignedIn | ApiError::InvalidToken(_)) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The family of the access token, if it is valid; for signing out.
    pub async fn family_of_token(&self, app: &App) -> Result<Option<Family>, ApiError> {
        let token = self
            .presented
            .bearer
            .as_ref()
            .or(self.presented.access.as_ref());
        match token {
            None => Ok(None),
            Some(token) => match by_token(app, token, self.caller.now).await {
                Ok(principal) => Ok(Some(principal.family)),
                Err(ApiError::NotSignedIn | ApiError::InvalidToken(_)) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }
}

/// Judges an access token as the edge does, and then asks whether its session still lives, which the edge cannot. Such a
/// token shows that the answer arrived that brought it.
async fn by_token(app: &App, token: &str, now: UnixTime) -> Result<Principal, ApiError> {
    let expect = Expectations::new(
        app.config.issuer.url.clone(),
        Audiences::OneOf(vec![app.config.issuer.audience.clone()]),
        TokenType::Access,
    );
    let verified = signatures::verify(token, &app.keyring.public_keys(), &expect, now)
        .map_err(ApiError::InvalidToken)?;
    let claims = verified.claims();
    let user = claims.subject().and_then(UserId::parse);
    let sid = claims.session_id().and_then(Sid::parse);
    let (Some(user), Some(sid)) = (user, sid) else {
        return Err(ApiError::NotSignedIn);
    };
    match app.store.family(sid).await? {
        Some(family) if family.is_live(now) && family.user == user => {
            // What an operator revoked is refused although its session goes on.
            if let Some(id) = claims.token_id()
                && app.store.is_token_revoked(id).await?
            {
                return Err(ApiError::NotSignedIn);
            }
            if let Some(seq) = claims.sequence() {
                refresh::confirm(&app.store, &family, seq).await?;
            }
            Ok(Principal { user, family })
        }
        Some(_) | None => Err(ApiError::NotSignedIn),
    }
}
