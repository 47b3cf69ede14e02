//! The edge bundle: read from the issuer when a route first wants it, kept for the isolate.
//!
//! When to fetch and how long a bundle counts is decided by `core::keys::Freshness`, as for the key set; here it is done. A bundle
//! that is redirected, too large, unreadable, old or not signed by the issuer changes nothing. It holds secrets, so it is written
//! nowhere, and no isolate hands it to another.

use std::cell::RefCell;

use edgeward_core::bundle::{BUNDLE_TYPE, Bundle, BundleFault, MAX_BUNDLE_BYTES};
use edgeward_core::cookie::Environment;
use edgeward_core::keys::{Advice, FETCH_LEASE_SECONDS, Freshness, KeySet, Ticket, Wanted};
use edgeward_core::time::UnixTime;
use js_sys::Promise;
use web_sys::AbortSignal;
use worker::Context;

use super::config::Origin;
use super::document::{self, Missing};
use super::errand::Errand;
use super::flight::{self, Step, Stopwatch};
use super::keys::{self, KeyIs};
use super::proof::Asker;
use super::{log, platform};

/// The address of the bundle at the issuer.
const BUNDLE_PATH: &str = "/.well-known/edgeward-edge";
/// Because a visitor waits for it on a cold isolate.
const TIMEOUT_MILLISECONDS: u32 = 5_000;
const _: () = assert!(
    (TIMEOUT_MILLISECONDS as i64) < FETCH_LEASE_SECONDS * 1_000,
    "who fetches gives up before another request takes over"
);

/// A bundle that may be used.
pub(super) type Current = edgeward_core::keys::Current<Bundle>;

thread_local! {
    static BUNDLE: RefCell<Freshness<Bundle>> = const { RefCell::new(Freshness::empty()) };
}

/// The bundle, or one that is newer than this generation if it can be had; the latter costs a fetch in thirty seconds at most,
/// whoever asks. One that has become old is refreshed behind the request.
pub(super) async fn obtain(
    errand: &Errand,
    had: Option<u64>,
    context: &Context,
) -> Option<Current> {
    let wanted = had.map_or(Wanted::AnySet, Wanted::NewerThan);
    let mut step = |now| match BUNDLE.with_borrow_mut(|bundle| bundle.advise(wanted, now)) {
        Advice::Use(_) | Advice::Settle => Step::Done,
        Advice::Fetch(ticket) => Step::Fetches(load(errand, ticket, context)),
        Advice::Wait => Step::Looks,
    };
    let now = flight::wait(errand.now, &mut step).await;
    if let Some(ticket) = BUNDLE.with_borrow_mut(|bundle| bundle.claim_refresh(now)) {
        let _ = load(errand, ticket, context);
    }
    BUNDLE
        .with_borrow(|bundle| bundle.current(now))
        .filter(|current| now < current.set.good_until)
}

/// Fetches and reports; what is returned is fulfilled then.
fn load(errand: &Errand, ticket: Ticket, context: &Context) -> Promise {
    let (errand, own) = (errand.clone(), flight::again(context));
    let reported = platform::begin(async move {
        let watch = Stopwatch::at(errand.now);
        let fetched = fetch(&errand, &own).await;
        report(&errand, &ticket, fetched, watch.now());
    });
    flight::keep_alive(context, &reported, "bundle-not-kept-alive");
    reported
}

fn report(errand: &Errand, ticket: &Ticket, fetched: Result<Bundle, &str>, now: UnixTime) {
    let said = |level, event, reason| {
        let fields = [
            ("requestId", errand.request_id.as_str()),
            ("reason", reason),
        ];
        log::line(level, event, &fields);
    };
    match fetched {
        Ok(bundle) => {
            if !bundle.names_agree {
                // Then the cookies of the one are nothing to the other, and nobody stays signed in.
                said("error", "cookies-named-otherwise", "");
            }
            BUNDLE.with_borrow_mut(|held| held.loaded(ticket, bundle, None));
        }
        Err(reason) => {
            BUNDLE.with_borrow_mut(|held| held.failed(ticket, now, platform::lot()));
            said("warn", "bundle-not-loaded", reason);
        }
    }
}

/// Asks the issuer. What went wrong is said from closed lists.
async fn fetch(errand: &Errand, context: &Context) -> Result<Bundle, &'static str> {
    let settings = &errand.settings;
    if !may_carry_secrets(&settings.issuer_upstream, settings.environment) {
        return Err("issuer-not-https");
    }
    let accept = format!("application/{BUNDLE_TYPE}");
    let wanted = document::Wanted {
        target: BUNDLE_PATH,
        accept: &accept,
        asker: Asker::TheEdge,
        entity_tag: None,
        tells: &[],
    };
    // The time for keys, should they be wanted besides, is limited where they are fetched.
    let abort = AbortSignal::timeout_with_u32(TIMEOUT_MILLISECONDS);
    let body = document::read(errand, wanted, MAX_BUNDLE_BYTES, &abort)
        .await
        .map_err(Missing::reason)?;
    let mut judged = Err("no-keys");
    let mut judge = |keys: &KeySet| {
        let Errand {
            settings,
            request_id,
            now,
        } = errand;
        let expect = &settings.expect_bundle;
        let bundle = Bundle::read(&body, request_id, &settings.cookies, keys, expect, *now);
        let refused = match bundle {
            Err(BundleFault::Token(reject)) => Some(reject),
            Err(_) | Ok(_) => None,
        };
        judged = bundle.map_err(|fault| fault.reason());
        KeyIs::shown_by(refused)
    };
    keys::judge_by(errand, context, &mut judge).await;
    judged
}

/// Whether the bundle may come from there: nobody between reads what is encrypted, or is this machine's own.
fn may_carry_secrets(upstream: &Origin, environment: Environment) -> bool {
    upstream.is_https() || upstream.is_loopback() || environment == Environment::Development
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_over_an_encrypted_way_or_from_this_machine() {
        for (upstream, environment, expected) in [
            ("https://issuer.test", Environment::Production, true),
            ("https://issuer.test", Environment::Preview, true),
            ("http://127.0.0.1:8787", Environment::Preview, true),
            ("http://issuer.test", Environment::Preview, false),
            ("http://issuer.test", Environment::Production, false),
            ("http://issuer.test", Environment::Development, true),
        ] {
            let found = may_carry_secrets(&upstream.parse().ok().unwrap(), environment);
            assert_eq!(found, expected, "{upstream} {environment:?}");
        }
    }
}
