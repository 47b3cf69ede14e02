//! Asking core about a request, and bringing what it asks for.
//!
//! Core may ask for keys, then about a signature, then for the feed of ended sessions, then about the CSRF token; the keys of a cold
//! isolate twice at most, the rest once, and in this order. Then it may ask for a refresh, once, and about the token that this brought
//! for the same again. So a request comes to an end whatever a client, the issuer or the platform does. Tokens that were verified are
//! remembered for the life of the isolate ([`SeenTokens`]): that shortens the way of a request and decides nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use edgeward_core::csrf::CsrfAnswer;
use edgeward_core::gate::{Decision, Gate, KeyDemand, decide};
use edgeward_core::revocation::{Consulted, Revocations};
use edgeward_core::signature::SignatureAnswer;
use edgeward_core::token::SeenTokens;
use web_sys::Request;
use worker::Context;

use super::config::Settings;
use super::csrf;
use super::introduction;
use super::keys::{self, Current, Errand};
use super::refresh;
use super::request::Inbound;
use super::revocations;
use super::signatures;

thread_local! {
    static SEEN: RefCell<SeenTokens> = const { RefCell::new(SeenTokens::new()) };
}

/// What one request is judged with.
pub(super) struct Bench {
    settings: Rc<Settings>,
    keys: Option<Current>,
    keys_are_final: bool,
    answer: Option<SignatureAnswer>,
    revocations_are_final: bool,
    csrf: Option<CsrfAnswer>,
    /// How the last decision used the feed.
    consulted: Cell<Option<Consulted>>,
}

impl Bench {
    /// What is at hand. Keys that have become old are refreshed behind the request.
    pub(super) fn at_hand(settings: &Rc<Settings>, inbound: &Inbound, context: &Context) -> Self {
        let bench = Self {
            settings: Rc::clone(settings),
            keys: keys::current(inbound.now),
            keys_are_final: false,
            answer: None,
            revocations_are_final: false,
            csrf: None,
            consulted: Cell::new(None),
        };
        keys::refresh_behind(&bench.errand(inbound), context);
        bench
    }

    /// Asks core, which may ask back. What was brought before is told.
    pub(super) fn judge(&self, inbound: &Inbound) -> Decision {
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
                    revocations: Some(revocations),
                };
                let mut view = inbound.view(&self.settings.cookies);
                view.source.csrf = self.csrf.as_ref();
                decide(&gate, &view, inbound.now)
            })
        };
        self.consulted.set(None);
        revocations::with(inbound, self.revocations_are_final, &self.consulted, judge)
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
            let Decision::NeedsRefresh = decision else {
                return (self, decision);
            };
            refresh::obtain(&self.settings, inbound, request, context).await;
            // It is about another token from now on, so what was found out about the first one is final for nothing.
            self.keys_are_final = false;
            self.answer = None;
            self.revocations_are_final = false;
            self.csrf = None;
            decision = self.judge(inbound);
        }
    }

    /// Brings what has to be known of the token that the request has.
    async fn bring_for_token(
        &mut self,
        mut decision: Decision,
        inbound: &Inbound,
        request: &Request,
        context: &Context,
    ) -> Decision {
        if let Decision::NeedsKeys(KeyDemand::NoKeySet) = decision {
            // A cold isolate will want both, and asks for both at once.
            revocations::begin(&self.errand(inbound), inbound, context);
        }
        // Twice at most: the first set of a cold isolate may be one that another one kept.
        while let Decision::NeedsKeys(_) = decision {
            let errand = self.errand(inbound);
            let better = keys::obtain(&errand, self.keys.as_ref(), context).await;
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
        if let Decision::NeedsCsrf(question) = decision {
            // The token of the caller stays the same, and so does its session, which the answer is about.
            let errand = self.errand(inbound);
            self.csrf = Some(csrf::answer(*question, request, inbound, &errand, context).await);
            decision = self.judge(inbound);
        }
        decision
    }

    fn errand(&self, inbound: &Inbound) -> Errand {
        Errand {
            settings: Rc::clone(&self.settings),
            request_id: inbound.id.clone(),
            now: inbound.now,
        }
    }
}
