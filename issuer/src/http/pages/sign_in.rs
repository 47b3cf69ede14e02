//! The pages of signing in, registering, confirming one's identity and signing out.

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

use super::{
    Frame, Loads, Page, Wrong, form_pages, message, place, resend::Resend, show, turn_away,
};
use crate::{
    SharedApp,
    captcha::Purpose,
    domain::password::Policy,
    http::{
        auth::visitor::{Strength, Visitor},
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

/// The question whether to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage {
    /// What every page has.
    pub frame: Frame,
    /// The token of the hidden field.
    pub csrf_token: String,
    /// A place as it was sent, or empty. It is judged when it is used.
    pub return_to: String,
    /// Why it is shown again.
    pub error: Option<Wrong>,
}

form_pages!(StepUpPage, SignOutPage);

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
        return_to: String::new(),
        error: None,
    })
}
