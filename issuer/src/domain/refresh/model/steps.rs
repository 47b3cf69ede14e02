//! Every step that can happen in a state, what it leads to, and what must never be seen on the way.

use super::{
    issuer::{Decision, Fault, Issuer},
    state::{FIRST, Message, NUMBERS, ROUND_TRIP_MAX, Stage, State, Tok},
};

/// What a world has.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    /// Nobody has stolen anything: then nobody is ever signed out.
    pub(super) lone: bool,
    /// Requests, answers and what the issuer has in its hands, at most.
    pub(super) under_way: usize,
}

/// The thief, if there is one.
pub(super) const THIEF: usize = 1;

/// How time passes: out of the conflict, and out of the grace.
const TICKS: [u32; 2] = [1100, 30_500];

/// A lost compare-and-swap is judged once more, as in [`refresh`](crate::domain::refresh::refresh).
const READS: u8 = 2;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Send {
        client: usize,
        token: Tok,
    },
    /// The network delivers a message, or the issuer does its next step for one.
    Go {
        message: usize,
    },
    /// As `Go`, and the network delivers it once more later.
    GoAndStay {
        message: usize,
    },
    /// A message is lost, or the issuer dies with it in its hands.
    Lose {
        message: usize,
    },
    /// At a resource of the issuer's.
    UseAccessToken {
        client: usize,
    },
    /// At an edge, which asks nobody about it.
    ShowAccessToken {
        client: usize,
    },
    /// An edge tells the issuer that it has seen an access token of this number. What it does not tell, or what is lost on the way, is
    /// a step that is not taken.
    Tell {
        seq: u8,
    },
    Steal,
    /// The person ends the session from another browser. Tried while the issuer has a request in its hands: at other
    /// times everything after it is refused.
    SignOut,
    Tick {
        millis: u32,
    },
}

/// A property that does not hold.
pub(super) type Violation = &'static str;

pub(super) const SIGNED_OUT: Violation = "a lone client is signed out";
pub(super) const TWO_SUCCESSORS: Violation = "two living successors of one token";
pub(super) const AFTER_THE_END: Violation = "a success after the family was ended";
pub(super) const UNNOTICED: Violation =
    "thief and victim were active apart, and it was not noticed";

pub(super) fn steps(state: &State, world: World) -> Vec<Step> {
    let mut steps = Vec::new();
    if state.row.revoked {
        // Nothing that begins now is answered; what has begun must not succeed either.
        steps.extend((0..state.messages.len()).map(|message| Step::Go { message }));
        return steps;
    }
    let has_room = state.messages.len() < world.under_way && state.budget.sends > 0;
    for (client, who) in state.clients.iter().enumerate() {
        let Some(token) = who.jar else { continue };
        // An honest client refreshes when its access token ends, and has then held both for longer than any request
        // lives. A thief does what it likes.
        let may = client == THIEF || who.wants || who.held > ROUND_TRIP_MAX;
        let can_have_next = usize::from(state.row.current.seq) + 1 < NUMBERS;
        if has_room && may && can_have_next {
            steps.push(Step::Send { client, token });
        }
        if token.seq == state.row.current.seq && token.seq > 0 && !used(state, client, token.seq) {
            steps.push(Step::UseAccessToken { client });
            if !shown(state, client, token.seq) {
                steps.push(Step::ShowAccessToken { client });
            }
        }
    }
    for (index, message) in state.messages.iter().enumerate() {
        steps.push(Step::Go { message: index });
        let has_room = state.messages.len() < world.under_way;
        if message.is_with_network() && state.budget.copies > 0 && has_room {
            steps.push(Step::GoAndStay { message: index });
        }
        // A request that is lost is as one that was not sent.
        if message.stage != Stage::Request {
            steps.push(Step::Lose { message: index });
        }
    }
    for (seq, at) in (0..).zip(state.shown) {
        if at != 0 {
            steps.push(Step::Tell { seq });
        }
    }
    let booty = state.clients[0].jar;
    if state.budget.thefts > 0
        && state
            .clients
            .get(THIEF)
            .is_some_and(|thief| thief.jar != booty)
    {
        steps.push(Step::Steal);
    }
    let is_deciding = state
        .messages
        .iter()
        .any(|message| !message.is_with_network());
    if !world.lone && is_deciding {
        steps.push(Step::SignOut);
    }
    if state.budget.ticks > 0 {
        steps.extend(TICKS.map(|millis| Step::Tick { millis }));
    }
    steps
}

fn used(state: &State, client: usize, seq: u8) -> bool {
    state.used[usize::from(seq)] & (1 << client) != 0
}

fn note_use(state: &mut State, client: usize, seq: u8) {
    state.used[usize::from(seq)] |= 1 << client;
}

fn shown(state: &State, client: usize, seq: u8) -> bool {
    state.shown[usize::from(seq)] & (1 << client) != 0
}

pub(super) fn take(
    issuer: &Issuer,
    world: World,
    mut state: State,
    step: Step,
) -> Result<State, Violation> {
    match step {
        Step::Send { client, token } => {
            state.budget.sends -= 1;
            state.clients[client].wants = true;
            state.messages.push(Message {
                client: u8::try_from(client).unwrap(),
                token,
                arrived: 0,
                late: false,
                stage: Stage::Request,
            });
        }
        Step::Go { message } => {
            let message = state.messages.remove(message);
            go(issuer, world, &mut state, message)?;
        }
        Step::GoAndStay { message } => {
            state.budget.copies -= 1;
            let message = state.messages[message];
            go(issuer, world, &mut state, message)?;
        }
        Step::Lose { message } => {
            state.messages.remove(message);
        }
        Step::UseAccessToken { client } => {
            let seq = state.row.current.seq;
            note_use(&mut state, client, seq);
            state.row.confirmed = true;
        }
        Step::ShowAccessToken { client } => {
            let seq = usize::from(state.row.current.seq);
            state.shown[seq] |= 1 << client;
        }
        Step::Tell { seq } => {
            issuer.arrived(&mut state.row, seq);
            if state.row.current.seq == seq {
                state.used[usize::from(seq)] |= state.shown[usize::from(seq)];
            }
        }
        Step::Steal => {
            state.budget.thefts -= 1;
            let booty = state.clients[0].jar;
            state.clients[THIEF].jar = booty;
        }
        Step::SignOut => state.row.revoked = true,
        Step::Tick { millis } => {
            state.budget.ticks -= 1;
            state.pass(millis);
            issuer.wipe(&mut state.row);
        }
    }
    Ok(state.settled())
}

fn go(issuer: &Issuer, world: World, state: &mut State, message: Message) -> Result<(), Violation> {
    let client = usize::from(message.client);
    let device = state.clients[client].device;
    let was_revoked = state.row.revoked;
    let next = match message.stage {
        Stage::Request => decide(issuer, world, state, &message, 1)?,
        Stage::Rereading => decide(issuer, world, state, &message, READS)?,
        Stage::Rotating { reads, from, to } => {
            if issuer.swap(&mut state.row, &message, device, from, to) {
                note_use(state, client, from.seq);
                if issuer.fault == Fault::EdgeTellsItsOwn {
                    state.shown[usize::from(to.seq)] |= 1 << client;
                }
                Some(success(state, was_revoked, to)?)
            } else {
                lost(reads)
            }
        }
        Stage::HandingOut { reads, successor } => {
            if issuer.hand_out(&mut state.row, &message, successor) {
                Some(success(state, was_revoked, successor)?)
            } else {
                lost(reads)
            }
        }
        Stage::Ending if world.lone => return Err(SIGNED_OUT),
        Stage::Ending => {
            state.row.revoked = true;
            None
        }
        Stage::Success(token) => {
            let client = &mut state.clients[client];
            // Whatever comes last is in the jar.
            if client.jar != Some(token) {
                client.jar = Some(token);
                client.held = 0;
            }
            client.wants = false;
            None
        }
    };
    let Some(stage) = next else { return Ok(()) };
    if !matches!(stage, Stage::Success(_)) {
        state.messages.push(Message { stage, ..message });
    } else if !message.late {
        state.messages.push(Message {
            // All that an answer is known by.
            token: FIRST,
            arrived: 0,
            stage,
            ..message
        });
    }
    Ok(())
}

/// After a lost compare-and-swap: once more, or the answer to wait, which changes nothing at the client.
const fn lost(reads: u8) -> Option<Stage> {
    if reads < READS {
        Some(Stage::Rereading)
    } else {
        None
    }
}

fn success(state: &mut State, was_revoked: bool, token: Tok) -> Result<Stage, Violation> {
    if was_revoked {
        return Err(AFTER_THE_END);
    }
    let answered = &mut state.answered[usize::from(token.seq)];
    if answered.is_some_and(|fork| fork != token.fork) {
        return Err(TWO_SUCCESSORS);
    }
    *answered = Some(token.fork);
    Ok(Stage::Success(token))
}

/// Reading and deciding. Nothing follows from the answer to wait, nor from the one that a dead family gets, which a lone
/// client must never see: it signs out as surely as the end of the family.
fn decide(
    issuer: &Issuer,
    world: World,
    state: &State,
    message: &Message,
    reads: u8,
) -> Result<Option<Stage>, Violation> {
    let client = usize::from(message.client);
    let (row, device) = (&state.row, state.clients[client].device);
    let fresh = state.fresh(row.current.seq + 1);
    let decision = issuer.decide(row, message, device, fresh, reads);
    let others = state.used.get(usize::from(message.token.seq) + 1);
    let another_is_active = others.is_some_and(|who| who & !(1 << client) != 0);
    if another_is_active
        && reads == 1
        && !row.revoked
        && message.token != row.current
        && issuer.grace_is_over(row, message.arrived)
        && decision != Decision::End
    {
        return Err(UNNOTICED);
    }
    Ok(match decision {
        Decision::Rotate(to) => Some(Stage::Rotating {
            reads,
            from: row.current,
            to,
        }),
        Decision::HandOut(successor) => Some(Stage::HandingOut { reads, successor }),
        Decision::End => Some(Stage::Ending),
        Decision::Refuse if world.lone => return Err(SIGNED_OUT),
        Decision::Wait | Decision::Refuse => None,
    })
}
