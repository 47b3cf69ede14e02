//! Refreshing for a request whose access token is absent or has expired.
//!
//! Core says when ([`edgeward_core::gate::Decision::NeedsRefresh`]); here the issuer is asked, with the refresh cookie and the device cookie and
//! nothing else of the client's but its `User-Agent`. What comes back is judged like any token, and every `Set-Cookie` goes to the
//! browser with whatever the request is answered. The body of the request is not touched meanwhile.

mod ask;
mod flights;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use edgeward_core::gate::{refresh_token, session_of};
use edgeward_core::time::UnixTime;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{Request, Response};
use worker::Context;

use super::config::Settings;
use super::request::Inbound;
use super::runtime::{self, Names};
use super::{log, platform};
use ask::Tried;
use flights::{Advice, Asked, Flights, LEASE_MILLISECONDS, Ticket};

pub(super) use flights::Outcome;

/// The first look at another request's refresh; each further one waits twice as long.
const FIRST_LOOK_MILLISECONDS: i32 = 2;
/// Because a refresh takes about this long; looking more often costs timers and gains nothing.
const LONGEST_LOOK_MILLISECONDS: i32 = 16;
/// An app that answers later than this after the refresh answers without the new cookies: by then the browser may have newer ones,
/// and where it has not, the issuer hands the same ones out again. The proof of the protocol (docs/REFRESH.md) counts on it.
const COOKIES_GOOD_MILLISECONDS: i64 = 30_000;

thread_local! {
    static FLIGHTS: RefCell<Flights> = const { RefCell::new(Flights::none()) };
}

/// What one refresh is done with.
#[derive(Clone)]
struct Errand {
    settings: Rc<Settings>,
    asked: Rc<Asked>,
    client: Option<IpAddr>,
    request_id: String,
    now: UnixTime,
}

/// Exchanges the refresh cookie, or waits for the request that does. The outcome is the request's from then on.
pub(super) async fn obtain(
    settings: &Rc<Settings>,
    inbound: &mut Inbound,
    request: &Request,
    context: &Context,
) {
    let Some(errand) = errand(settings, inbound, request) else {
        return;
    };
    let began = platform::moment();
    let mut look = FIRST_LOOK_MILLISECONDS;
    let outcome = loop {
        let waited = platform::moment().milliseconds_since(began);
        let now = inbound.moment.plus(waited);
        if waited > LEASE_MILLISECONDS {
            break Outcome::Unanswered { retry_after: 1 };
        }
        let advise = |flights: &mut Flights| flights.advise(&errand.asked, inbound.moment, now);
        match FLIGHTS.with_borrow_mut(advise) {
            Advice::Take(outcome) => break outcome,
            Advice::Wait => {}
            Advice::Send(ticket) => {
                let place = Rc::new(RefCell::new(None));
                let reported = future_to_promise({
                    let (errand, place, arrived) =
                        (errand.clone(), Rc::clone(&place), inbound.moment);
                    async move {
                        let outcome = send(&errand).await;
                        let waited = platform::moment().milliseconds_since(began);
                        report(ticket, &outcome, arrived.plus(waited));
                        place.replace(Some(outcome));
                        Ok(JsValue::UNDEFINED)
                    }
                });
                // It goes on even if this client leaves, because others are looking at its outcome. If that is refused, the work ends
                // with the request, and its lease lets another one take over.
                if context.as_ref().wait_until(&reported).is_err() {
                    log::line("warn", "refresh-not-kept-alive", &[]);
                }
                // The promise is this request's own and is never rejected.
                let _ = wasm_bindgen_futures::JsFuture::from(reported).await;
                let unreported = Outcome::Unanswered { retry_after: 1 };
                break place.take().unwrap_or(unreported);
            }
        }
        platform::pause(look).await;
        look = look.saturating_mul(2).min(LONGEST_LOOK_MILLISECONDS);
    };
    inbound.refreshed = Some(outcome);
}

fn errand(settings: &Rc<Settings>, inbound: &Inbound, request: &Request) -> Option<Errand> {
    let cookies = inbound.cookies();
    let token = refresh_token(&cookies, &settings.cookies)?;
    let device = cookies.get(&settings.cookies.device).ok().flatten();
    // One that is not plain is none of the issuer's.
    let device = device.filter(|value| value.bytes().all(|byte| byte.is_ascii_graphic()));
    let address_header = settings.client_address_header.as_deref();
    let wanted: Vec<_> = ["user-agent"].into_iter().chain(address_header).collect();
    let headers = runtime::head(request, &Names::new(&wanted)).headers;
    let said = |name: &str| {
        let found = headers.iter().find(|(candidate, _)| candidate == name)?;
        Some(found.1.clone())
    };
    Some(Errand {
        settings: Rc::clone(settings),
        asked: Rc::new(Asked {
            token: token.to_owned(),
            session: session_of(token)?.to_owned(),
            device: device.unwrap_or_default().to_owned(),
            user_agent: said("user-agent").unwrap_or_default(),
        }),
        client: settings.client_address(said),
        request_id: inbound.id.clone(),
        now: inbound.now,
    })
}

/// Asks the issuer, and once more if it says that somebody else's request is being answered.
async fn send(errand: &Errand) -> Outcome {
    let mut tried = ask::once(errand, 0).await;
    if let Tried::Again(seconds) = tried {
        let milliseconds = i32::try_from(seconds.saturating_mul(1_000)).unwrap_or(0);
        platform::pause(milliseconds).await;
        // The issuer counts whole the second in which it refuses.
        platform::pause(FIRST_LOOK_MILLISECONDS).await;
        tried = ask::once(errand, seconds.saturating_add(1)).await;
    }
    let (reason, retry_after) = match tried {
        Tried::Done(outcome) => {
            if matches!(outcome, Outcome::Ended(_)) {
                tell("refresh-refused", errand, "session-ended");
            }
            return outcome;
        }
        Tried::Again(seconds) => ("in-progress-again", seconds.max(1)),
        Tried::Unknown(reason, seconds) => (reason, seconds),
    };
    tell("not-refreshed", errand, reason);
    Outcome::Unanswered { retry_after }
}

fn tell(event: &'static str, errand: &Errand, reason: &str) {
    let fields = [
        ("requestId", errand.request_id.as_str()),
        ("reason", reason),
    ];
    log::line("warn", event, &fields);
}

fn report(ticket: Ticket, outcome: &Outcome, now: edgeward_core::time::Moment) {
    FLIGHTS.with_borrow_mut(|flights| flights.report(ticket, outcome.clone(), now));
}

/// Puts the cookies of the request's refresh, if there was one, beside those of its answer.
///
/// # Errors
/// The runtime takes one of them for none.
pub(super) fn hand_cookies(inbound: &Inbound, answer: Response) -> Result<Response, JsValue> {
    let cookies = match &inbound.refreshed {
        None | Some(Outcome::Unanswered { .. }) => &[][..],
        Some(Outcome::Ended(cookies)) => cookies,
        Some(Outcome::Renewed(renewed)) => {
            let age = platform::moment().milliseconds_since(renewed.at);
            if age > COOKIES_GOOD_MILLISECONDS {
                &[][..]
            } else {
                &renewed.set_cookies
            }
        }
    };
    if !cookies.is_empty() {
        runtime::add_cookies(&answer, cookies)?;
    }
    Ok(answer)
}
