//! The issuer of the model: the real functions between a row of the model and the tokens that are really made, sealed
//! and judged. Only the database is imitated, by [`swap`](Issuer::swap) and its like, statement by statement.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use edgeward_core::time::UnixTime;

use super::state::{Message, Row, Tok};
use crate::{
    config::{Config, Refresh},
    custody::{MacKey, Sealed},
    domain::{
        accounts::UserId,
        moment::Moment,
        refresh::{
            judge::{Presented, Verdict, judge, judge_again},
            rotation::{HandOut, Rotation},
            token::{Genuine, RefreshToken, genuine},
        },
        secrets::Known,
        session::{AddressRange, DeviceMark, Digest, Family, Sid},
    },
};

const KEY: MacKey = MacKey::from_bytes([3; 32]);

/// The moment at which every age of the model is counted back.
const NOW: i64 = 1_795_000_000_000;

/// A mistake that somebody might make, to see that the checker would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The swap asks for the family only, not for the number and the token that were read.
    NoWhere,
    /// The sealed successor is thrown away after the grace, whether or not anybody got it.
    EarlyWipe,
    /// A request that came before the last rotation is believed to hold the current token, whatever its number is.
    OrderByTime,
    /// The grace runs from the rotation, however much later the successor was handed out.
    GraceFromRotation,
    /// Who lost an answer is refused as if the session had ended, and the session goes on.
    LostIsDead,
    /// An edge that refreshed for a browser tells that the access token arrived, as soon as it has it itself.
    EdgeTellsItsOwn,
    /// What an edge tells counts for the row as it is, whatever number it tells of.
    ArrivalOfAny,
    /// The swap forgets that a family may have been ended since it was read.
    SwapOfEnded,
    /// So does the statement that hands a successor out.
    HandOutOfEnded,
    /// A reused token is refused, and the family goes on.
    ReuseIsRefused,
}

/// What the judge and the plans say of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Rotate(Tok),
    HandOut(Tok),
    Wait,
    End,
    Refuse,
}

pub(super) struct Issuer {
    rules: Refresh,
    pub(super) fault: Fault,
    sid: Sid,
    address: AddressRange,
    tokens: BTreeMap<Tok, (RefreshToken, Genuine)>,
    by_digest: HashMap<Digest, Tok>,
    sealed: RefCell<HashMap<(Tok, Tok), Sealed>>,
    /// Equal questions are asked very often, and the cryptography is slow.
    decided: RefCell<HashMap<Question, Decision>>,
}

/// The row, the token, its arrival, the device, the successor to be made, and how often the row was read.
type Question = (Row, Tok, u32, u8, Tok, u8);

fn at(age: u32) -> Moment {
    Moment::from_millis(NOW - i64::from(age))
}

/// The age of a moment of the model.
fn age(moment: Moment) -> u32 {
    u32::try_from(NOW - moment.millis()).unwrap()
}

fn mark(device: u8) -> DeviceMark {
    DeviceMark {
        cookie: None,
        program: Digest::of(&device.to_string()),
    }
}

fn random(token: Tok) -> [u8; 32] {
    [token.seq * 16 + token.fork; 32]
}

impl Issuer {
    pub(super) fn new(fault: Fault) -> Self {
        let sid = Sid::from_random(UnixTime::from_seconds(0), [9; 10]);
        let mut tokens = BTreeMap::new();
        for seq in 0..8 {
            for fork in 0..8 {
                let token = Tok { seq, fork };
                let text = RefreshToken::make(&KEY, sid, seq.into(), random(token));
                let seen = genuine(&Known::only(KEY), text.reveal()).unwrap();
                tokens.insert(token, (text, seen));
            }
        }
        Self {
            rules: Config::defaults("unused".as_ref()).refresh,
            fault,
            sid,
            address: AddressRange::of("192.0.2.7".parse().unwrap()),
            by_digest: tokens
                .iter()
                .map(|(token, (_, seen))| (seen.digest, *token))
                .collect(),
            tokens,
            sealed: RefCell::default(),
            decided: RefCell::default(),
        }
    }

    /// The row as the real functions read it.
    fn family(&self, row: &Row) -> Family {
        let digest = |token: Tok| self.tokens[&token].1.digest;
        let far = UnixTime::from_seconds(NOW);
        Family {
            sid: self.sid,
            user: UserId::from_random(UnixTime::from_seconds(0), [1; 10]),
            client: String::new(),
            seq: row.current.seq.into(),
            current: digest(row.current),
            previous: row.previous.map(digest),
            sealed_next: row.sealed.map(|pair| self.sealed.borrow()[&pair].clone()),
            rotated_at: at(row.rotated),
            handed_out_at: at(row.handed_out),
            confirmed: row.confirmed,
            idle_expires_at: far,
            absolute_expires_at: far,
            auth_time: UnixTime::from_seconds(0),
            amr: Vec::new(),
            acr: String::new(),
            device: mark(row.device),
            device_name: String::new(),
            address: None,
            created_at: UnixTime::from_seconds(0),
            last_used_at: UnixTime::from_seconds(0),
            revoked_at: row.revoked.then(|| UnixTime::from_seconds(1)),
            step_up_demanded_at: None,
        }
    }

    /// Read and decide. `fresh` is the token that a rotation would make.
    pub(super) fn decide(
        &self,
        row: &Row,
        message: &Message,
        device: u8,
        fresh: Tok,
        reads: u8,
    ) -> Decision {
        let question = (*row, message.token, message.arrived, device, fresh, reads);
        if let Some(known) = self.decided.borrow().get(&question) {
            return *known;
        }
        let decision = self.decide_anew(row, message, device, fresh, reads);
        self.decided.borrow_mut().insert(question, decision);
        decision
    }

    fn decide_anew(
        &self,
        row: &Row,
        message: &Message,
        device: u8,
        fresh: Tok,
        reads: u8,
    ) -> Decision {
        let family = self.family(row);
        let device = mark(device);
        let (text, token) = &self.tokens[&message.token];
        let presented = Presented {
            text: text.reveal(),
            token,
            device: &device,
            address: &self.address,
            at: at(message.arrived),
        };
        let by_time = self.fault == Fault::OrderByTime
            && !row.revoked
            && message.arrived / 1000 >= row.rotated / 1000;
        let verdict = if by_time {
            Verdict::Rotate
        } else if reads == 1 {
            judge(&family, presented, &self.rules)
        } else {
            judge_again(&family, presented, &self.rules)
        };
        match verdict {
            Verdict::Rotate => {
                let (rotation, next) =
                    Rotation::plan(&KEY, 1000, &family, presented, random(fresh)).unwrap();
                assert_eq!(self.by_digest[&rotation.next], fresh);
                assert_eq!(next.digest(), rotation.next);
                let mut sealed = self.sealed.borrow_mut();
                sealed
                    .entry((message.token, fresh))
                    .or_insert(rotation.sealed_next);
                Decision::Rotate(fresh)
            }
            Verdict::HandOut if self.fault == Fault::LostIsDead => Decision::Refuse,
            Verdict::HandOut => {
                let (_, successor) = HandOut::plan(&family, presented).unwrap();
                Decision::HandOut(self.by_digest[&successor.digest()])
            }
            Verdict::InProgress => Decision::Wait,
            Verdict::Reused(_) if self.fault == Fault::ReuseIsRefused => Decision::Refuse,
            Verdict::Reused(_) => Decision::End,
            Verdict::Dead => Decision::Refuse,
        }
    }

    /// `UPDATE families SET … WHERE sid = … AND seq = … AND current_digest = … AND revoked_at IS NULL`
    pub(super) fn swap(
        &self,
        row: &mut Row,
        message: &Message,
        device: u8,
        from: Tok,
        to: Tok,
    ) -> bool {
        let is_open = !row.revoked || self.fault == Fault::SwapOfEnded;
        let as_read = row.current == from && is_open;
        if !as_read && self.fault != Fault::NoWhere {
            return false;
        }
        *row = Row {
            previous: Some(row.current),
            current: to,
            sealed: Some((message.token, to)),
            rotated: message.arrived,
            handed_out: message.arrived,
            confirmed: false,
            device,
            revoked: row.revoked,
        };
        true
    }

    /// `UPDATE families SET handed_out_at_ms = … WHERE sid = … AND seq = … AND revoked_at IS NULL`
    pub(super) fn hand_out(&self, row: &mut Row, message: &Message, successor: Tok) -> bool {
        let is_open = !row.revoked || self.fault == Fault::HandOutOfEnded;
        if row.current.seq != successor.seq || !is_open {
            return false;
        }
        if !row.confirmed && self.fault != Fault::GraceFromRotation {
            row.handed_out = age(at(row.handed_out).max(at(message.arrived)));
        }
        true
    }

    /// `UPDATE families SET confirmed = 1 FROM … WHERE sid = … AND seq = … AND confirmed = 0 AND revoked_at IS NULL`
    pub(super) fn arrived(&self, row: &mut Row, seq: u8) {
        let is_asked = row.current.seq == seq || self.fault == Fault::ArrivalOfAny;
        row.confirmed |= is_asked && !row.revoked;
    }

    /// What the fault of throwing away does as time passes.
    pub(super) fn wipe(&self, row: &mut Row) {
        if self.fault == Fault::EarlyWipe
            && i64::from(row.rotated) > self.rules.grace_seconds * 1000
        {
            row.sealed = None;
        }
    }

    /// Whether the grace of the row's successor is over for a request that arrived so long ago.
    pub(super) fn grace_is_over(&self, row: &Row, arrived: u32) -> bool {
        let grace = self.rules.grace_seconds * 1000;
        i64::from(row.handed_out) - i64::from(arrived) > grace
    }
}
