//! The pages of signing in, registering, confirming one's identity and signing out.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    Frame, Loads, Page, Wrong,
    account::{END_ALL, end_page},
    form_pages, message, place, show, turn_away,
};
use crate::{
    SharedApp,
    captcha::Purpose,
    domain::password::Policy,
    http::{
        auth::{
            submission::FormFields,
            visitor::{Strength, Visitor},
        },
        challenge::Challenge,
        problem::ApiError,
    },
};

/// The sign-in form.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// What was typed before.
    pub email: String,
    /// Whether a forgotten password can be reset.
    pub can_reset: bool,
    /// The challenge that has to be solved.
    pub challenge: Option<Challenge>,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The registration form.
#[derive(Template)]
#[template(path = "register.html")]
pub struct RegisterPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// What was typed before.
    pub email: String,
    /// What was typed before.
    pub first_name: String,
    /// What was typed before.
    pub last_name: String,
    /// What is asked of the password.
    pub password_hint: String,
    /// The challenge that has to be solved.
    pub challenge: Option<Challenge>,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// The question for the password of who is signed in.
#[derive(Template)]
#[template(path = "step_up.html")]
pub struct StepUpPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A sanitised place, or empty.
    pub return_to: String,
    /// The form that was refused until this is answered.
    pub resend: Option<Resend>,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

/// A form that somebody sent and that was refused until they have confirmed their identity. It stays with the browser: the page that
/// asks for the password carries it, and the page behind that offers it again. The issuer keeps nothing of it, and nothing is sent
/// without the person, so whoever brings in a form of their own gets no further than to a button that says what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Which form.
    pub form: Carried,
    /// Its fields, without the token and without passwords.
    pub fields: Vec<(String, String)>,
}

/// The forms that are carried. They can end sessions and do nothing else: a form that gives somebody something must not be a
/// stranger's to prepare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// One session of the person.
    EndSession,
    /// All of them, or all others.
    EndAll,
}

impl Carried {
    const ALL: [Self; 2] = [Self::EndSession, Self::EndAll];

    /// Where it is sent.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::EndSession => "/account/sessions/end",
            Self::EndAll => "/auth/logout-all",
        }
    }

    /// The text of its button.
    #[must_use]
    pub const fn button(self) -> &'static str {
        match self {
            Self::EndSession => "resend-end-session",
            Self::EndAll => "resend-end-all",
        }
    }

    /// The form that is sent to this path.
    #[must_use]
    pub fn to(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.action() == path)
    }
}

/// The most fields that are carried, and the most bytes: forms of ours have a dozen short ones.
const RESENT_FIELDS_MAX: usize = 32;
const RESENT_BYTES_MAX: usize = 16 * 1024;

/// The field that says where the carried form goes.
const RESEND_TO: &str = "resendTo";

/// What the names of the carried fields begin with.
const RESEND_PREFIX: &str = "resend.";

impl Resend {
    /// The form that a question for the password carried.
    #[must_use]
    pub fn from_form(form: &FormFields) -> Option<Self> {
        let carried = Carried::to(&form.get(RESEND_TO))?;
        let fields = form
            .all()
            .filter_map(|(name, value)| Some((name.strip_prefix(RESEND_PREFIX)?, value)))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self::of(carried, fields)
    }

    /// `None` where there is too much of it, or nothing.
    #[must_use]
    pub fn of(form: Carried, fields: Vec<(String, String)>) -> Option<Self> {
        let bytes: usize = fields
            .iter()
            .map(|(name, value)| name.len().saturating_add(value.len()))
            .sum();
        let fits =
            !fields.is_empty() && fields.len() <= RESENT_FIELDS_MAX && bytes <= RESENT_BYTES_MAX;
        fits.then_some(Self { form, fields })
    }

    /// The page of the form.
    #[must_use]
    pub fn page(&self) -> String {
        match self.form {
            Carried::EndSession => end_page(self.value("id")),
            Carried::EndAll => END_ALL.to_owned(),
        }
    }

    /// The value of a field; an absent one is empty.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// The offer to send a form again after the identity was confirmed.
#[derive(Template)]
#[template(path = "resend.html")]
pub struct ResendPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field, of the new session.
    pub csrf_token: String,
    /// The form.
    pub resend: Resend,
}

/// The question whether to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
}

form_pages!(StepUpPage, ResendPage, SignOutPage);

impl Page for LoginPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn loads(&self) -> Loads {
        loads_with(self.challenge.as_ref())
    }
}

impl Page for RegisterPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }

    fn loads(&self) -> Loads {
        loads_with(self.challenge.as_ref())
    }
}

/// A page that shows a challenge loads what the challenge needs besides.
fn loads_with(challenge: Option<&Challenge>) -> Loads {
    challenge.map_or(Loads::FORM, Challenge::loads)
}

/// `GET /login`
pub async fn login(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    show(&app, frame, visitor, |frame, csrf_token| LoginPage {
        frame,
        csrf_token,
        return_to: place(query.as_deref()),
        email: String::new(),
        can_reset: app.config.mail.is_some(),
        challenge: None,
        error: None,
    })
}

/// `GET /register`
pub async fn register(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    show(&app, frame, visitor, |frame, csrf_token| RegisterPage {
        password_hint: frame.password_hint(&Policy::new(&app.config.passwords)),
        frame,
        csrf_token,
        return_to: place(query.as_deref()),
        email: String::new(),
        first_name: String::new(),
        last_name: String::new(),
        challenge: Challenge::of(&app, Purpose::Register),
        error: None,
    })
}

/// `GET /account/step-up`
pub async fn step_up(
    State(app): State<SharedApp>,
    mut frame: Frame,
    visitor: Result<Visitor, ApiError>,
    RawQuery(query): RawQuery,
) -> Response {
    let visitor = match visitor {
        Ok(visitor) => visitor,
        Err(error) => return message(&frame, error),
    };
    let return_to = place(query.as_deref());
    if let Err(error) = visitor.principal(&app, Strength::Any).await {
        // Whoever signs in has confirmed who they are, so they go on from there.
        frame.here = Some(return_to);
        return turn_away(&app, &frame, &visitor, error).await;
    }
    show(&app, frame, Ok(visitor), |frame, csrf_token| StepUpPage {
        frame,
        csrf_token,
        return_to,
        resend: None,
        error: None,
    })
}

/// `GET /account/sign-out`
pub async fn sign_out(
    State(app): State<SharedApp>,
    frame: Frame,
    visitor: Result<Visitor, ApiError>,
) -> Response {
    show(&app, frame, visitor, |frame, csrf_token| SignOutPage {
        frame,
        csrf_token,
    })
}
