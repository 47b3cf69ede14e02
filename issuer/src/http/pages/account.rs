//! The pages about one's own account: who one is, the password, and where one is signed in.
//!
//! Lists are asked for with the session cookie: an access that is renewed in the background does not show that a person is there.
//! Everything that changes something is a form with a page of its own; a script only spares the way to it.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Frame, Loads, Page, Script, Wrong, for_visitor, form_pages,
    moment::Shown,
    nav::{Head, Place, SESSIONS},
    plain_pages, render, with_form,
};
use crate::{
    App, SharedApp,
    config::Tokens,
    domain::{
        accounts::Account,
        device::browser_and_system,
        password::Policy,
        session::{AddressRange, Family, ListedFamily, Sid},
        storage::Storage,
    },
    http::{
        auth::visitor::{Principal, Strength, Visitor},
        problem::ApiError,
    },
    texts,
};

/// Something that a form did, told on the page that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// A session was ended.
    SessionEnded,
    /// It had ended before.
    AlreadyEnded,
    /// All others were.
    OthersEnded,
    /// The password was changed.
    PasswordChanged,
}

impl Done {
    const ALL: [Self; 4] = [
        Self::SessionEnded,
        Self::AlreadyEnded,
        Self::OthersEnded,
        Self::PasswordChanged,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SessionEnded => "session-ended",
            Self::AlreadyEnded => "already-ended",
            Self::OthersEnded => "others-ended",
            Self::PasswordChanged => "password-changed",
        }
    }

    fn told(self, frame: &Frame) -> String {
        match self {
            Self::SessionEnded => frame.text("sessions-ended"),
            Self::AlreadyEnded => frame.text("sessions-already-ended"),
            Self::OthersEnded => frame.text("sessions-others-ended"),
            Self::PasswordChanged => frame.text("password-changed"),
        }
    }

    /// What a query tells, or nothing: a link from elsewhere cannot say anything else here.
    fn from_query(frame: &Frame, query: Option<&str>) -> String {
        let mut pairs = query.unwrap_or_default().split('&');
        let name = pairs.find_map(|pair| pair.strip_prefix("done="));
        let done = Self::ALL.into_iter().find(|done| Some(done.name()) == name);
        done.map(|done| done.told(frame)).unwrap_or_default()
    }
}

/// On to the list of sessions.
#[must_use]
pub fn led_to_sessions(done: Done) -> Response {
    Redirect::to(&format!("{SESSIONS}?done={}", done.name())).into_response()
}

/// On to the profile.
#[must_use]
pub fn led_to_profile(done: Done) -> Response {
    Redirect::to(&format!("/account?done={}", done.name())).into_response()
}

/// Where one session is ended.
pub const END: &str = "/account/sessions/end";

/// Where all sessions are ended.
pub const END_ALL: &str = "/account/sessions/end-all";

/// Where a session is ended; the list for what names none.
#[must_use]
pub fn end_page(id: &str) -> String {
    match Sid::parse(id) {
        Some(sid) => format!("{END}?id={sid}"),
        None => SESSIONS.to_owned(),
    }
}

/// Who one is.
#[derive(Template)]
#[template(path = "profile.html")]
pub struct ProfilePage {
    frame: Frame,
    head: Head,
    status: String,
    first_name: String,
    last_name: String,
    email: String,
}

/// A sign-in as the list shows it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) current: bool,
    pub(super) device: String,
    pub(super) place: String,
    pub(super) began: Shown,
    pub(super) active: Shown,
}

/// Where one is signed in.
#[derive(Template)]
#[template(path = "sessions.html")]
pub struct SessionsPage {
    frame: Frame,
    head: Head,
    csrf_token: String,
    status: String,
    rows: Vec<Row>,
    hint: String,
}

impl SessionsPage {
    fn is_alone(&self) -> bool {
        self.rows.iter().all(|row| row.current)
    }
}

/// The question whether to end a session.
#[derive(Template)]
#[template(path = "end_session.html")]
pub struct EndSessionPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// Which one.
    pub id: String,
    /// Its device, where it is known.
    pub device: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The question whether to end all sessions, or all others.
#[derive(Template)]
#[template(path = "end_all.html")]
pub struct EndAllPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The form that changes the password.
#[derive(Template)]
#[template(path = "change_password.html")]
pub struct ChangePasswordPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// What is asked of the new one.
    pub password_hint: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

plain_pages!(ProfilePage);
form_pages!(EndSessionPage, EndAllPage, ChangePasswordPage);

impl Page for SessionsPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn loads(&self) -> Loads {
        Loads {
            modules: &[Script::Sessions],
            may_ask: true,
            ..Loads::default()
        }
    }
}

/// Somebody who is there, counted as a reader.
async fn reader(app: &App, visitor: &Visitor) -> Result<Principal, ApiError> {
    let principal = visitor.principal(app, Strength::Present).await?;
    app.limits
        .read(visitor.caller.address, Some(principal.family.sid))
        .await?;
    Ok(principal)
}

async fn account_of(app: &App, principal: &Principal) -> Result<Account, ApiError> {
    let account = app.store.account_by_id(principal.user).await?;
    account.ok_or(ApiError::NotSignedIn)
}

/// Both names, or the address where there is none.
pub(super) fn name_of(account: &Account) -> String {
    let both = format!(
        "{} {}",
        account.first_name.as_str(),
        account.last_name.as_str()
    );
    match both.trim() {
        "" => account.email.as_str().to_owned(),
        name => name.to_owned(),
    }
}

/// `GET /account`
pub async fn profile(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    for_visitor(&app, &frame, visitor, async |visitor| {
        let principal = reader(&app, visitor).await?;
        let account = account_of(&app, &principal).await?;
        let page = ProfilePage {
            head: Head::of_account(&account, &app.config.admin.role, Place::Profile),
            status: Done::from_query(&frame, query.as_deref()),
            first_name: account.first_name.as_str().to_owned(),
            last_name: account.last_name.as_str().to_owned(),
            email: account.email.as_str().to_owned(),
            frame: frame.clone(),
        };
        render(StatusCode::OK, &page)
    })
    .await
}

/// `GET /account/sessions`
pub async fn sessions(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    for_visitor(&app, &frame, visitor, async |visitor| {
        let principal = reader(&app, visitor).await?;
        let account = account_of(&app, &principal).await?;
        let families = app
            .store
            .live_families(principal.user, visitor.caller.now)
            .await?;
        let rows = families.iter();
        let rows = rows.map(|listed| row(&frame, listed, principal.family.sid));
        with_form(&app, visitor, |csrf_token| SessionsPage {
            head: Head::of_account(&account, &app.config.admin.role, Place::Sessions),
            csrf_token,
            status: Done::from_query(&frame, query.as_deref()),
            rows: rows.collect(),
            hint: activity_hint(&frame, &app.config.tokens),
            frame: frame.clone(),
        })
    })
    .await
}

/// What the time of last activity says and what it cannot: an access token that is used is not seen here before it is renewed.
pub(super) fn activity_hint(frame: &Frame, tokens: &Tokens) -> String {
    // A part of a minute counts as a whole one, so that the hint never promises too much.
    let minutes = tokens.access_seconds.saturating_add(59) / 60;
    frame.text_with("sessions-activity-hint", "minutes", minutes)
}

pub(super) fn row(frame: &Frame, listed: &ListedFamily, current: Sid) -> Row {
    let family = &listed.family;
    let place = family.address.as_ref().map(AddressRange::as_str);
    Row {
        id: family.sid.to_string(),
        current: family.sid == current,
        device: device(frame, family),
        place: place.map_or_else(|| frame.text("sessions-no-place"), str::to_owned),
        began: frame.moment(family.created_at),
        active: frame.moment(listed.last_activity_at()),
    }
}

/// The device in the language of the page.
fn device(frame: &Frame, family: &Family) -> String {
    match browser_and_system(&family.device_name) {
        (Some(browser), Some(system)) => texts::text_with(
            frame.language,
            "sessions-device",
            [("browser", browser.into()), ("system", system.into())],
        ),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => frame.text("sessions-no-device"),
    }
}

/// `GET /account/sessions/end`
pub async fn end_session(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    for_visitor(&app, &frame, visitor, async |visitor| {
        let principal = reader(&app, visitor).await?;
        // An identifier has no character that a query would escape.
        let mut pairs = query.as_deref().unwrap_or_default().split('&');
        let id = pairs.find_map(|pair| pair.strip_prefix("id="));
        let family = match id.and_then(Sid::parse) {
            Some(sid) => app.store.family(sid).await?,
            None => None,
        };
        // Somebody else's is answered like none.
        let family = family
            .filter(|family| family.user == principal.user && family.is_live(visitor.caller.now));
        let Some(family) = family else {
            return Ok(led_to_sessions(Done::AlreadyEnded));
        };
        with_form(&app, visitor, |csrf_token| EndSessionPage {
            device: device(&frame, &family),
            frame: frame.clone(),
            csrf_token,
            id: family.sid.to_string(),
            error: None,
        })
    })
    .await
}

/// `GET /account/sessions/end-all`
pub async fn end_all(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
) -> Response {
    for_reader(&app, frame, visitor, |frame, csrf_token| EndAllPage {
        frame,
        csrf_token,
        error: None,
    })
    .await
}

/// `GET /account/password`
pub async fn password(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
) -> Response {
    for_reader(&app, frame, visitor, |frame, csrf_token| {
        ChangePasswordPage {
            password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
            frame,
            csrf_token,
            error: None,
        }
    })
    .await
}

/// A form for somebody who is signed in and needs nothing from the database.
async fn for_reader<T: Page>(
    app: &App,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    page: impl FnOnce(Frame, String) -> T,
) -> Response {
    for_visitor(app, &frame, visitor, async |visitor| {
        reader(app, visitor).await?;
        with_form(app, visitor, |csrf_token| page(frame.clone(), csrf_token))
    })
    .await
}
