//! Asking core about a request, and bringing what it asks for.
//!
//! Core may ask for a turn by address, then for keys, then about a signature, then for the feed of ended sessions, then about the CSRF
//! token, then for a turn by identity; the keys of a cold isolate twice at most, the rest once, and in this order. A form in which the
//! CSRF token is looked for takes the time of the client's: after it, keys, signature and feed may be asked for once more. Or it may ask for a
//! refresh, once, in place of what only passes after it; then about the token that this brought for the same again, but for the turn by
//! address, which a request takes once. Who asks the issuer for that refresh takes a turn by address for it, too. So a request comes to an end whatever a client, the issuer or the platform does. Tokens that were verified are
//! remembered for the life of the isolate ([`SeenTokens`]): that shortens the way of a request and decides nothing. The same memory knows
//! which of them clients presented, and that is told with the next question for the feed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edgeward_core::csrf::CsrfAnswer;
use edgeward_core::gate::{Decision, Gate, KeyDemand, RequestView, Ruling, Turns, decide};
use edgeward_core::revocation::{Consulted, Revocations};
use edgeward_core::signature::SignatureAnswer;
use edgeward_core::tally::Counted;
use edgeward_core::token::SeenTokens;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::Context;

use super::config::Settings;
use super::csrf;
use super::errand::Errand;
use super::introduction;
use super::keys::{self, Current};
use super::limits::{self, Toll};
use super::platform;
use super::refresh;
use super::request::Inbound;
use super::revocations;
use super::signatures;
use super::tally;
use edgeward_core::keys::Wanted;

thread_local! {
    static SEEN: RefCell<SeenTokens> = const { RefCell::new(SeenTokens::new()) };
}

/// The sessions whose refreshes arrived at clients, as far as the issuer was not told.
pub(super) fn untold_arrivals() -> Option<String> {
    SEEN.with_borrow(|seen| seen.arrivals().borrow().untold())
}

/// The issuer has these.
pub(super) fn arrivals_were_told(told: &str) {
    SEEN.with_borrow(|seen| seen.arrivals().borrow_mut().were_told(told));
}

/// What one request is judged with.
pub(super) struct Bench {
    settings: Rc<Settings>,
    keys: Option<Current>,
    keys_are_final: bool,
    answer: Option<SignatureAnswer>,
    revocations_are_final: bool,
    turns: Turns,
    env: JsValue,
    csrf: Option<CsrfAnswer>,
    csrf_is_counted: bool,
    awaited_keys: bool,
    /// How the last decision used the feed.
    consulted: Cell<Option<Consulted>>,
}

impl Bench {
    /// What is at hand. Keys that have become old are refreshed behind the request.
    pub(super) fn at_hand(
        settings: &Rc<Settings>,
        inbound: &Inbound,
        env: &JsValue,
        context: &Context,
    ) -> Self {
        let bench = Self {
            settings: Rc::clone(settings),
            keys: keys::current(inbound.now),
            keys_are_final: false,
            answer: None,
            revocations_are_final: false,
            turns: Turns::new(settings.counts_own_machine),
            env: env.clone(),
            csrf: None,
            csrf_is_counted: false,
            awaited_keys: false,
            consulted: Cell::new(None),
        };
        keys::refresh_behind(&bench.errand(inbound), context);
        bench
    }

    /// Asks core, which may ask back. What was brought before is told. A turn that this isolate counts alone is counted on the
    /// way; one that the platform counts too is asked back for, if this isolate grants it.
    pub(super) fn judge(&mut self, inbound: &Inbound) -> Decision {
        loop {
            let decision = self.decide(inbound);
            let Decision::NeedsTurn(turn) = &decision else {
                return decision;
            };
            let ruling = limits::count(turn, inbound.moment);
            if ruling == Ruling::Granted && limits::platform_counts(&self.env, turn) {
                return decision;
            }
            self.turns.took(turn, ruling);
        }
    }

    fn decide(&self, inbound: &Inbound) -> Decision {
        let keys = self.keys.as_ref().map(|keys| &keys.set.keys);
        if let Some(keys) = keys {
            introduction::keys_are(keys);
        }
        let judge = |revocations: Revocations<'_>| {
            SEEN.with(|seen| {
                let gate = Gate {
                    policy: &self.settings.policy,
                    site: self.settings.issuer.as_str(),
                    keys,
                    keys_are_final: self.keys_are_final,
                    expect: &self.settings.expect,
                    answer: self.answer.as_ref(),
                    seen: Some(seen),
                    turns: self.turns,
                    revocations: Some(revocations),
                };
                let mut request = RequestView {
                    client: self.settings.client(inbound),
                    ..inbound.view(&self.settings.cookies)
                };
                request.source.csrf = self.csrf.as_ref();
                decide(&gate, &request, inbound.now)
            })
        };
        self.consulted.set(None);
        revocations::with(inbound, self.revocations_are_final, &self.consulted, judge)
    }

    /// Counts a token for which the keys were at hand, which is known when it is over.
    pub(super) fn count_keys(&self, inbound: &Inbound) {
        if !self.awaited_keys {
            tally::keys_at_hand(inbound, &self.settings.cookies.access);
        }
    }

    /// What is left to do behind the request when it is decided.
    pub(super) fn follow_up(&self, decision: &Decision, inbound: &Inbound, context: &Context) {
        let (consulted, errand) = (self.consulted.get(), || self.errand(inbound));
        revocations::follow_up(decision, consulted, errand, inbound, context);
    }

    /// Brings what the first decision asks for, and what the next one does.
    pub(super) async fn bring(
        mut self,
        mut decision: Decision,
        inbound: &mut Inbound,
        request: &Request,
        context: &Context,
    ) -> (Self, Decision) {
        loop {
            decision = self
                .bring_for_token(decision, inbound, request, context)
                .await;
            // After one refresh core asks for none.
            let Decision::NeedsRefresh(turn) = decision else {
                return (self, decision);
            };
            let toll = Toll {
                turn,
                env: self.env.clone(),
            };
            refresh::obtain(&self.settings, inbound, request, context, toll).await;
            // It is about another token from now on, so what was found out about the first one is final for nothing.
            self.forget_what_is_final();
            self.csrf = None;
            decision = self.judge(inbound);
        }
    }

    /// Brings what has to be known of the request and of the token that it has.
    async fn bring_for_token(
        &mut self,
        mut decision: Decision,
        inbound: &mut Inbound,
        request: &Request,
        context: &Context,
    ) -> Decision {
        decision = self.ask_platform(decision, inbound).await;
        decision = self.bring_for_claims(decision, inbound, context).await;
        if let Decision::NeedsCsrf(question) = decision {
            // The token of the caller stays the same, and so does its session, which the answer is about.
            let (errand, arrived) = (self.errand(inbound), inbound.moment);
            let answer = csrf::answer(*question, request, inbound, &errand, context).await;
            if !self.csrf_is_counted {
                self.csrf_is_counted = true;
                tally::csrf(&answer);
            }
            self.csrf = Some(answer);
            if inbound.moment != arrived {
                // Neither keys nor feed nor token need be good any more.
                self.keys = keys::current(inbound.now);
                self.forget_what_is_final();
            }
            decision = self.judge(inbound);
            decision = self.bring_for_claims(decision, inbound, context).await;
        }
        // A turn by identity, of which nobody knew before whose it is.
        self.ask_platform(decision, inbound).await
    }

    fn forget_what_is_final(&mut self) {
        self.keys_are_final = false;
        self.answer = None;
        self.revocations_are_final = false;
    }

    /// Brings what has to be known of the token, so that it is believed.
    async fn bring_for_claims(
        &mut self,
        mut decision: Decision,
        inbound: &Inbound,
        context: &Context,
    ) -> Decision {
        if matches!(decision, Decision::NeedsKeys(_)) && !self.awaited_keys {
            self.awaited_keys = true;
            tally::add(Counted::KeysAwaited, 1);
        }
        if let Decision::NeedsKeys(KeyDemand::NoKeySet) = decision {
            // A cold isolate will want both, and asks for both at once.
            revocations::begin(&self.errand(inbound), inbound, context);
        }
        // Twice at most: the first set of a cold isolate may be one that another one kept.
        while let Decision::NeedsKeys(_) = decision {
            let errand = self.errand(inbound);
            let began = platform::moment();
            let had = self.keys.as_ref();
            let wanted = had.map_or(Wanted::AnySet, |had| Wanted::NewerThan(had.generation));
            let better = keys::obtain(&errand, wanted, context).await;
            let waited = platform::moment().milliseconds_since(began);
            tally::add(Counted::KeyWait, u32::try_from(waited).unwrap_or(0));
            self.keys_are_final = keys::are_final(self.keys.as_ref(), better.as_ref());
            self.keys = better;
            decision = self.judge(inbound);
        }
        if let Decision::NeedsSignature(question) = decision {
            // The keys stay the same, because the answer is about one of them.
            self.answer = Some(signatures::answer(*question).await);
            decision = self.judge(inbound);
        }
        if let Decision::NeedsRevocations(mode) = decision {
            // The keys stay the same here too: the token verified under them.
            revocations::obtain(&self.errand(inbound), mode, inbound, context).await;
            self.revocations_are_final = true;
            decision = self.judge(inbound);
        }
        decision
    }

    async fn ask_platform(&mut self, decision: Decision, inbound: &Inbound) -> Decision {
        let Decision::NeedsTurn(turn) = &decision else {
            return decision;
        };
        let ruling = limits::ask_platform(&self.env, turn).await;
        self.turns.took(turn, ruling);
        self.judge(inbound)
    }

    fn errand(&self, inbound: &Inbound) -> Errand {
        Errand {
            settings: Rc::clone(&self.settings),
            request_id: inbound.id.clone(),
            now: inbound.now,
        }
    }
}
