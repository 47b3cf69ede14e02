//! How often somebody may ask: token buckets by address and by session, and a window by name.
//!
//! They keep one sender from using up what all share. What keeps passwords from being guessed is
//! [`lockout`](super::lockout), which is in the database; these are in the memory of each process, each map has a bound,
//! and a restart forgets them. Several processes may count together besides, see [`Counters`]; then who is refused by
//! either count is refused. Whose address it is says the caller: an address that anybody can write is none.

mod counters;
mod keyed;
mod names;

pub use counters::{Asking, Counters, Forgetting, NotCounted, Question, Reader, Rule, Rules};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edgeward_core::{cookie::Environment, time::UnixTime};
use governor::clock::{Clock, MonotonicClock};

use super::{
    lockout::CounterKey,
    session::{AddressRange, Sid},
};
use crate::config;
use keyed::Keyed;
use names::Names;

/// Too many; so many seconds later the next one is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct Limited {
    /// For `Retry-After`; at least one.
    pub seconds: u64,
}

/// So long it is noted that the wait of a name was lifted: the longest wait that can be configured.
pub const LIFT_KEPT_SECONDS: i64 = 24 * 3600;

/// The own machine.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One sender as its network names it: an IPv4 address, or the /64 that one IPv6 customer has at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sender(IpAddr);

impl Sender {
    /// `None`: the address is not known, so it would be everybody's.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        let sender = match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
        };
        let unknown = [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ];
        // The loopback of IPv6 has no /64 of its own.
        let known = !unknown.contains(&sender) || address.is_loopback();
        known.then_some(Self(sender))
    }
}

/// The limits of this process, and those that it shares with others.
#[derive(Debug)]
pub struct Limits<C: Clock = MonotonicClock> {
    enabled: bool,
    loopback: bool,
    /// In development there is one person, so who has no address is that one; anywhere else it would be everybody.
    unknown_is_own: bool,
    own: Own<C>,
    shared: Option<Box<dyn Counters>>,
}

/// What this process let through, as it counts it by itself.
#[derive(Debug)]
struct Own<C: Clock> {
    guesses: Keyed<Sender, C>,
    sign_ins: Keyed<Sender, C>,
    readers: Keyed<Reader, C>,
    names: Names,
}

impl<C: Clock + Clone> Own<C> {
    fn new(rules: Rules, clock: &C) -> Self {
        Self {
            guesses: Keyed::new(rules.guesses, clock.clone()),
            sign_ins: Keyed::new(rules.sign_ins, clock.clone()),
            readers: Keyed::new(rules.reads, clock.clone()),
            names: Names::new(rules.names),
        }
    }

    fn ask(&self, question: Question<'_>) -> Result<(), Limited> {
        match question {
            Question::Guess(sender) => self.guesses.ask(sender),
            Question::SignIn(sender) => self.sign_ins.ask(sender),
            Question::Read(reader) => self.readers.ask(reader),
            Question::Name(name, now) => self.names.ask(name, now),
        }
    }
}

impl Limits {
    /// The configured limits, by the clock that nobody can set; `shared` counts for several processes.
    #[must_use]
    pub fn new(
        settings: &config::Limits,
        environment: Environment,
        shared: Option<Box<dyn Counters>>,
    ) -> Self {
        Self::with_clock(settings, environment, shared, &MonotonicClock)
    }
}

impl<C: Clock + Clone> Limits<C> {
    /// The same by another clock.
    #[must_use]
    pub fn with_clock(
        settings: &config::Limits,
        environment: Environment,
        shared: Option<Box<dyn Counters>>,
        clock: &C,
    ) -> Self {
        Self {
            enabled: settings.enabled,
            loopback: settings.loopback,
            unknown_is_own: environment == Environment::Development,
            own: Own::new(Rules::of(settings), clock),
            shared,
        }
    }

    /// Asks those who count together, and then this process's own count, which holds what it let through. So a process
    /// that loses the others goes on from what it granted and not from nothing, and a shared count that was emptied does
    /// not let anybody begin anew here.
    async fn ask(&self, question: Question<'_>) -> Result<(), Limited> {
        // Where nobody counted for all, whoever should have tells the operator.
        if let Some(shared) = &self.shared
            && let Ok(ruling) = shared.ask(question).await
        {
            ruling?;
        }
        self.own.ask(question)
    }

    /// Whether nothing at all is counted for this address: it is the own machine's, and that is configured so.
    fn exempts(&self, address: IpAddr) -> bool {
        let own = address.to_canonical().is_loopback()
            || (self.unknown_is_own && Sender::of(address).is_none());
        own && !self.loopback
    }

    fn sender(&self, address: IpAddr) -> Option<Sender> {
        let own = self.unknown_is_own.then_some(Sender(OWN));
        Sender::of(address).or(own)
    }

    /// Whether requests from this address are counted.
    #[must_use]
    pub fn count(&self, address: IpAddr) -> bool {
        self.enabled && !self.exempts(address)
    }

    /// The range under which failed sign-ins are counted; `None` where the address is nobody's in particular.
    #[must_use]
    pub fn range_of(&self, address: IpAddr) -> Option<AddressRange> {
        let known = !self.exempts(address) && self.sender(address).is_some();
        known.then(|| AddressRange::of(address))
    }

    /// A resource where a secret can be guessed.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn guess(&self, address: IpAddr) -> Result<(), Limited> {
        match self.sender(address) {
            Some(sender) if self.count(address) => self.ask(Question::Guess(sender)).await,
            Some(_) | None => Ok(()),
        }
    }

    /// A sign-in, beside [`Limits::guess`]; `name` is `None` for who is not to be held up by what strangers did to it.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn sign_in(
        &self,
        address: IpAddr,
        name: Option<&CounterKey>,
        now: UnixTime,
    ) -> Result<(), Limited> {
        if !self.count(address) {
            return Ok(());
        }
        if let Some(sender) = self.sender(address) {
            self.ask(Question::SignIn(sender)).await?;
        }
        match name {
            Some(name) => self.name(address, name, now).await,
            None => Ok(()),
        }
    }

    /// The part of [`Limits::sign_in`] that is of the name.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn name(
        &self,
        address: IpAddr,
        name: &CounterKey,
        now: UnixTime,
    ) -> Result<(), Limited> {
        if self.count(address) {
            self.ask(Question::Name(name, now)).await
        } else {
            Ok(())
        }
    }

    /// Begins the window of a name anew, here and where several processes count together, because an act of the moment `lifted_at`
    /// forgot the failures at it ([`CounterKey::lift`]). `false`: that act has had its effect here. So a process that did not make the
    /// act heeds it too, and strangers who go on trying have one more window by it and not as many as they like.
    pub async fn lift(&self, name: &CounterKey, lifted_at: UnixTime, now: UnixTime) -> bool {
        let lifted = self.own.names.lift(name, lifted_at, now);
        if let (true, Some(shared)) = (lifted, &self.shared) {
            shared.forget(name).await;
        }
        lifted
    }

    /// Reading: by the session, or by the address of who has none.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn read(&self, address: IpAddr, session: Option<Sid>) -> Result<(), Limited> {
        self.ask_for(address, session.map(Reader::Session)).await
    }

    /// Reading by who brings a refresh token that is not looked up, in place of a session; and ending all sessions.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn read_bringing(
        &self,
        address: IpAddr,
        token_of: Option<Sid>,
    ) -> Result<(), Limited> {
        let bringing = |sid| Some(Reader::Bringing(sid, self.sender(address)?));
        self.ask_for(address, token_of.and_then(bringing)).await
    }

    /// Fetching the CSRF token: as often as reading, and counted by itself.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn csrf(&self, address: IpAddr, session: Sid) -> Result<(), Limited> {
        self.ask_for(address, Some(Reader::Csrf(session))).await
    }

    /// Refreshing: as often as reading, and counted by itself.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn refresh(&self, address: IpAddr, session: Option<Sid>) -> Result<(), Limited> {
        self.ask_for(address, session.map(Reader::Refreshing)).await
    }

    async fn ask_for(&self, address: IpAddr, session: Option<Reader>) -> Result<(), Limited> {
        let sender = self.sender(address).map(Reader::Sender);
        match session.or(sender) {
            Some(reader) if self.count(address) => self.ask(Question::Read(reader)).await,
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
