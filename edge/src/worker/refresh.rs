//! Refreshing for a request whose access token is absent or has expired.
//!
//! Core says when ([`edgeward_core::gate::Decision::NeedsRefresh`]); here the issuer is asked, with the refresh cookie and the device cookie and
//! nothing else of the client's but its `User-Agent` and `traceparent`. What comes back is judged like any token, and every `Set-Cookie`
//! goes to the browser with whatever the request is answered, unless that takes too long. The body of the request is not touched meanwhile.

mod ask;
mod flights;

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use edgeward_core::gate::{neighbourhood, refresh_token, session_of};
use edgeward_core::time::UnixTime;
use edgeward_core::trace::TraceParent;
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::Context;

use super::config::Settings;
use super::flight::Looks;
use super::limits::Toll;
use super::outbound::ClientHeaders;
use super::request::Inbound;
use super::{log, platform, runtime};
use ask::Tried;
use flights::{Advice, Asked, Flights, LEASE_MILLISECONDS};

pub(super) use flights::{Answered, Outcome};

/// Because a refresh takes about this long; looking more often costs timers and gains nothing.
const LONGEST_LOOK_MILLISECONDS: i32 = 16;
/// An app that answers later than this after the refresh answers without the new cookies: by then the browser may have newer ones,
/// and where it has not, the issuer hands the same ones out again. The proof of the protocol (docs/REFRESH.md) counts on it.
const COOKIES_GOOD_MILLISECONDS: i64 = 30_000;

thread_local! {
    static FLIGHTS: RefCell<Flights> = const { RefCell::new(Flights::none()) };
}

/// What one refresh is done with.
struct Errand {
    settings: Rc<Settings>,
    asked: Rc<Asked>,
    client: Option<IpAddr>,
    request_id: String,
    trace: Option<TraceParent>,
    now: UnixTime,
    toll: Toll,
}

/// Exchanges the refresh cookie, or waits for the request that does. The outcome is the request's from then on. Who asks the issuer
/// pays the toll: so invented cookies cost the issuer no more questions than their senders have turns, and a page whose requests
/// share one refresh takes one turn.
pub(super) async fn obtain(
    settings: &Rc<Settings>,
    inbound: &mut Inbound,
    request: &Request,
    context: &Context,
    toll: Toll,
) {
    // Whatever happens, there is an outcome: core asks for no second refresh then.
    inbound.refreshed = Some(Rc::new(Outcome::Unanswered { retry_after: 1 }));
    let Some(errand) = errand(settings, inbound, request, toll) else {
        return;
    };
    let (began, arrived) = (platform::moment(), inbound.moment);
    let mut looks = Looks::up_to(LONGEST_LOOK_MILLISECONDS);
    loop {
        let waited = platform::moment().milliseconds_since(began);
        if waited > i64::from(LEASE_MILLISECONDS) {
            return;
        }
        let now = arrived.plus(waited);
        match FLIGHTS.with_borrow_mut(|flights| flights.advise(&errand.asked, arrived, now)) {
            Advice::Take(outcome) => {
                inbound.refreshed = Some(outcome);
                return;
            }
            Advice::Wait => looks.pause().await,
            Advice::Send(ticket) => {
                if let Some(retry_after) = errand.toll.refused_here(now) {
                    FLIGHTS.with_borrow_mut(|flights| flights.withdraw(ticket));
                    inbound.refreshed = Some(Rc::new(Outcome::OverLimit { retry_after }));
                    return;
                }
                let errand = Rc::clone(&errand);
                let reported = platform::begin(async move {
                    let outcome = Rc::new(send(&errand).await);
                    let waited = platform::moment().milliseconds_since(began);
                    let now = arrived.plus(waited);
                    FLIGHTS.with_borrow_mut(|flights| flights.report(ticket, &outcome, now));
                });
                // It goes on even if this client leaves, because others are looking at its outcome. If that is refused, the work ends
                // with the request, and its lease lets another one take over.
                if context.as_ref().wait_until(&reported).is_err() {
                    log::line("warn", "refresh-not-kept-alive", &[]);
                }
                platform::wait_for(&reported, LEASE_MILLISECONDS).await;
            }
        }
    }
}

fn errand(
    settings: &Rc<Settings>,
    inbound: &Inbound,
    request: &Request,
    toll: Toll,
) -> Option<Rc<Errand>> {
    let cookies = inbound.cookies();
    let token = refresh_token(&cookies, &settings.cookies)?;
    let device = cookies.get(&settings.cookies.device).ok().flatten();
    let mut sent = [&settings.cookies.refresh, "=", token].concat();
    // One that is not plain is none of the issuer's.
    if let Some(device) = device.filter(|value| value.bytes().all(|byte| byte.is_ascii_graphic())) {
        sent = [&sent, "; ", &settings.cookies.device, "=", device].concat();
    }
    let client = ClientHeaders::of(request, settings);
    Some(Rc::new(Errand {
        settings: Rc::clone(settings),
        asked: Rc::new(Asked {
            session: session_of(token)?.to_owned(),
            cookies: sent,
            user_agent: client.user_agent.unwrap_or_default(),
            range: client.address.map(|address| neighbourhood(address).0),
        }),
        client: client.address,
        request_id: inbound.id.clone(),
        trace: inbound.trace.clone(),
        now: inbound.now,
        toll,
    }))
}

/// Asks the issuer, and once more if it says that somebody else's request is being answered.
async fn send(errand: &Errand) -> Outcome {
    if let Some(retry_after) = errand.toll.refused_by_platform().await {
        return Outcome::OverLimit { retry_after };
    }
    let mut seconds = 0;
    let (reason, retry_after) = loop {
        match ask::once(errand, seconds).await {
            Tried::Done(answered) => {
                if answered.access_token.is_none() {
                    tell("session-ended", errand, "refused-by-the-issuer");
                }
                return Outcome::Answered(answered);
            }
            Tried::Again(pause) if seconds == 0 => {
                // One more, because the issuer counts whole the second in which it refuses.
                let milliseconds = pause.saturating_mul(1_000).saturating_add(1);
                platform::pause(i32::try_from(milliseconds).unwrap_or(0)).await;
                seconds = pause.saturating_add(1);
            }
            Tried::Again(pause) => break ("in-progress-again", pause),
            Tried::Unknown(reason, pause) => break (reason, pause),
        }
    };
    tell("not-refreshed", errand, reason);
    Outcome::Unanswered { retry_after }
}

fn tell(event: &'static str, errand: &Errand, reason: &str) {
    let trace = errand.trace.as_ref().map_or("", TraceParent::trace_id);
    let fields = [
        ("requestId", &*errand.request_id),
        ("traceId", trace),
        ("reason", reason),
    ];
    log::line("warn", event, &fields);
}

/// Whether the answer to this request may bring new cookies along.
pub(super) fn brings_cookies(inbound: &Inbound) -> bool {
    answered(inbound).is_some()
}

fn answered(inbound: &Inbound) -> Option<&Answered> {
    match inbound.refreshed.as_deref()? {
        Outcome::Answered(answered) => Some(answered),
        Outcome::Unanswered { .. } | Outcome::OverLimit { .. } => None,
    }
}

/// Puts the cookies of the request's refresh, if there was one, beside those of its answer.
///
/// # Errors
/// The runtime takes one of them for none.
pub(super) fn hand_cookies(inbound: &Inbound, answer: Response) -> Result<Response, JsValue> {
    if let Some(answered) = answered(inbound)
        && platform::moment().milliseconds_since(answered.at) <= COOKIES_GOOD_MILLISECONDS
    {
        runtime::add_cookies(&answer, &answered.set_cookies)?;
    }
    Ok(answer)
}
