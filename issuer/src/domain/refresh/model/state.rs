//! The state of the little world: one row, its clients, and what is under way between them.
//!
//! Times are ages in milliseconds that stop at [`AGE_MAX`], beyond every threshold, so equal situations are equal states.

/// The largest age that is told apart: more than the grace.
pub(super) const AGE_MAX: u32 = 31_500;

/// No answer comes later than this after its request was sent: clients give up long before.
pub(super) const ROUND_TRIP_MAX: u32 = 30_000;

/// A refresh token: its number, and which of the tokens with this number it is. In a sound protocol there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Tok {
    pub(super) seq: u8,
    pub(super) fork: u8,
}

/// The token of the sign-in.
pub(super) const FIRST: Tok = Tok { seq: 0, fork: 0 };

/// What the database holds of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) current: Tok,
    pub(super) previous: Option<Tok>,
    /// Whose token opens it, and what it holds.
    pub(super) sealed: Option<(Tok, Tok)>,
    pub(super) rotated: u32,
    pub(super) handed_out: u32,
    pub(super) confirmed: bool,
    pub(super) device: u8,
    pub(super) revoked: bool,
}

/// Somebody with a browser, or with a stolen token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Client {
    /// What is in the jar. Tabs share it. A thief has none to begin with.
    pub(super) jar: Option<Tok>,
    /// Since when.
    pub(super) held: u32,
    /// Wants a new access token and has none yet.
    pub(super) wants: bool,
    pub(super) device: u8,
}

/// A request or an answer under way, or a request in the hands of the issuer between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Message {
    pub(super) client: u8,
    pub(super) token: Tok,
    /// Since the issuer got it: the moment of all decisions about it. Nothing before and after that.
    pub(super) arrived: u32,
    /// In the issuer's hands for so long that nobody waits for its answer.
    pub(super) late: bool,
    pub(super) stage: Stage,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Stage {
    /// On its way to the issuer.
    Request,
    /// Read and decided: the swap comes next. How often it was read, and the token to become the next one.
    Rotating { reads: u8, from: Tok, to: Tok },
    /// Read and decided: the same successor is handed out next.
    HandingOut { reads: u8, successor: Tok },
    /// Read and decided: the family is ended next.
    Ending,
    /// The compare-and-swap was lost: the row is read again next.
    Rereading,
    /// On its way back with a token.
    Success(Tok),
}

impl Message {
    /// Whether the network has it, and not the issuer.
    pub(super) const fn is_with_network(&self) -> bool {
        match self.stage {
            Stage::Request | Stage::Success(_) => true,
            Stage::Rotating { .. }
            | Stage::HandingOut { .. }
            | Stage::Ending
            | Stage::Rereading => false,
        }
    }
}

/// How many tokens a world is followed through.
pub(super) const NUMBERS: usize = 6;

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) row: Row,
    pub(super) clients: Vec<Client>,
    pub(super) messages: Vec<Message>,
    /// What may still happen.
    pub(super) budget: Budget,
    /// The token that was answered for each number, to notice a second one.
    pub(super) answered: [Option<u8>; NUMBERS],
    /// Who, as bits, is known to have used the token of each number or the access token beside it.
    pub(super) used: [u8; NUMBERS],
    /// At whom, as bits, an edge has seen the access token of each number. It may tell the issuer at any time, often or never.
    pub(super) shown: [u8; NUMBERS],
}

/// How often something may still happen, so that the worlds are finitely many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) sends: u8,
    pub(super) ticks: u8,
    pub(super) copies: u8,
    pub(super) thefts: u8,
}

impl State {
    /// Brings what has no order into one.
    pub(super) fn settled(mut self) -> Self {
        self.messages.sort_unstable();
        self
    }

    /// Lets time pass. After a round trip nothing arrives any more; what the issuer has in its hands stays there.
    pub(super) fn pass(&mut self, millis: u32) {
        let older = |age: &mut u32| *age = age.saturating_add(millis).min(AGE_MAX);
        older(&mut self.row.rotated);
        older(&mut self.row.handed_out);
        for client in &mut self.clients {
            older(&mut client.held);
        }
        let is_long = millis > ROUND_TRIP_MAX;
        self.messages
            .retain(|message| !(is_long && message.is_with_network()));
        for message in &mut self.messages {
            if !message.is_with_network() {
                older(&mut message.arrived);
                message.late |= is_long;
            }
        }
    }

    /// A fork number that no token with this number has yet.
    pub(super) fn fresh(&self, seq: u8) -> Tok {
        let mut taken = vec![self.row.current];
        for message in &self.messages {
            if let Stage::Rotating { to, .. } = message.stage {
                taken.push(to);
            }
        }
        let answered = self.answered[usize::from(seq)];
        (0..)
            .find(|fork| {
                *fork != answered.unwrap_or(u8::MAX) && !taken.contains(&Tok { seq, fork: *fork })
            })
            .map(|fork| Tok { seq, fork })
            .unwrap()
    }
}
