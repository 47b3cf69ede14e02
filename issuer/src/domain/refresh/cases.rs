//! The table of what a genuine token gets, held against every combination of what can be true of it.

use edgeward_core::time::UnixTime;

use super::{
    judge::{Changes, Presented, Reuse, Verdict, confirms, judge},
    rotation::{HandOut, Rotation},
    token::{Genuine, RefreshToken, genuine},
};
use crate::{
    config::{Config, OnChange, Refresh},
    custody::MacKey,
    domain::{
        accounts::UserId,
        moment::Moment,
        secrets::Known,
        session::{AddressRange, DeviceMark, Digest, Family, RevocationReason, Sid},
    },
};

const KEY: MacKey = MacKey::from_bytes([3; 32]);

/// The moment of the rotation to number 5.
const ROTATED: i64 = 1_795_000_000_000;

fn time(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(ROTATED / 1000 + seconds)
}

fn after(millis: i64) -> Moment {
    Moment::from_millis(ROTATED + millis)
}

fn sid() -> Sid {
    Sid::from_random(time(0), [9; 10])
}

fn token(seq: u64) -> RefreshToken {
    RefreshToken::make(&KEY, sid(), seq, [u8::try_from(seq).unwrap(); 32])
}

fn address() -> AddressRange {
    AddressRange::of("192.0.2.7".parse().unwrap())
}

fn device(cookie: &str) -> DeviceMark {
    DeviceMark {
        cookie: Some(Digest::of(cookie)),
        program: Digest::of("Firefox on Linux"),
    }
}

fn rules() -> Refresh {
    Config::defaults("unused".as_ref()).refresh
}

/// A family as its row is before any rotation to number 5.
fn family_of_four() -> Family {
    Family {
        sid: sid(),
        user: UserId::from_random(time(0), [1; 10]),
        client: "edgeward-web".to_owned(),
        seq: 4,
        current: token(4).digest(),
        previous: Some(token(3).digest()),
        sealed_next: None,
        rotated_at: after(-600_000),
        handed_out_at: after(-600_000),
        confirmed: true,
        idle_expires_at: time(100_000),
        absolute_expires_at: time(200_000),
        auth_time: time(-1000),
        amr: vec!["pwd".to_owned()],
        acr: "aal1".to_owned(),
        device: device("ours"),
        device_name: String::new(),
        address: Some(address()),
        created_at: time(-1000),
        last_used_at: time(-600),
        revoked_at: None,
        step_up_demanded_at: None,
    }
}

/// The same after token 4 was used and made token 5.
fn family() -> Family {
    let before = family_of_four();
    let (text, mark, address) = (token(4), device("ours"), address());
    let presented = presented(&text, &mark, &address, after(0));
    let (rotation, next) =
        Rotation::plan(&KEY, 1000, &before, presented.borrow(), [5; 32]).unwrap();
    assert_eq!(next.reveal(), token(5).reveal());
    Family {
        seq: rotation.seq + 1,
        current: rotation.next,
        previous: Some(rotation.current),
        sealed_next: Some(rotation.sealed_next),
        rotated_at: rotation.at,
        handed_out_at: rotation.at,
        confirmed: false,
        ..before
    }
}

/// A token in a request, with what [`Presented`] borrows.
struct Shown<'a> {
    text: &'a RefreshToken,
    token: Genuine,
    device: &'a DeviceMark,
    address: &'a AddressRange,
    at: Moment,
}

impl Shown<'_> {
    fn borrow(&self) -> Presented<'_> {
        Presented {
            text: self.text.reveal(),
            token: &self.token,
            device: self.device,
            address: self.address,
            at: self.at,
        }
    }
}

fn presented<'a>(
    text: &'a RefreshToken,
    device: &'a DeviceMark,
    address: &'a AddressRange,
    at: Moment,
) -> Shown<'a> {
    Shown {
        text,
        token: genuine(&Known::only(KEY), text.reveal()).unwrap(),
        device,
        address,
        at,
    }
}

/// What the protocol says, line by line: mode, token, family, generation, age, confirmed, device, and the answer. Every
/// combination must be met by exactly one line.
const TABLE: &str = "
    *       forged   *      *       *        *    *      not-genuine
    *       genuine  ended  *       *        *    *      dead
    *       foreign  ended  *       *        *    *      dead
    *       genuine  live   newer   *        *    *      dead
    *       genuine  live   current *        *    *      rotate
    *       genuine  live   older   *        *    *      reuse-older
    *       foreign  live   newer   *        *    *      dead
    *       foreign  live   current *        *    *      dead
    *       foreign  live   parent  *        *    *      reuse-older
    *       foreign  live   older   *        *    *      reuse-older
    usual   genuine  live   parent  at-once  *    *      in-progress
    usual   genuine  live   parent  grace    *    same   same-successor
    usual   genuine  live   parent  grace    *    other  reuse-other-device
    usual   genuine  live   parent  late     no   same   same-successor
    usual   genuine  live   parent  late     yes  same   reuse-late
    usual   genuine  live   parent  late     *    other  reuse-other-device
    usual   genuine  live   parent  ahead    *    same   same-successor
    usual   genuine  live   parent  ahead    *    other  reuse-other-device
    strict  genuine  live   parent  at-once  *    *      in-progress
    strict  genuine  live   parent  ahead    *    *      in-progress
    strict  genuine  live   parent  grace    *    *      reuse-late
    strict  genuine  live   parent  late     *    *      reuse-late
";

/// Milliseconds from the rotation to the request. `ahead`: a clock that was set back.
const AGES: [(&str, i64); 11] = [
    ("ahead", -3_600_000),
    ("ahead", -1001),
    ("at-once", -1000),
    ("at-once", 0),
    ("at-once", 1000),
    ("grace", 1001),
    ("grace", 2000),
    ("grace", 30_000),
    ("late", 30_001),
    ("late", 3_600_000),
    ("late", 86_400_000),
];

const GENERATIONS: [(&str, u64); 6] = [
    ("newer", 6),
    ("current", 5),
    ("parent", 4),
    ("older", 3),
    ("older", 1),
    ("older", 0),
];

fn expected(combination: [&str; 7]) -> &'static str {
    let lines: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|line: &Vec<&str>| !line.is_empty())
        .collect();
    let fits = |line: &&Vec<&'static str>| {
        combination
            .iter()
            .zip(line.iter())
            .all(|(is, says)| *says == "*" || is == says)
    };
    let met: Vec<_> = lines.iter().filter(fits).collect();
    assert_eq!(met.len(), 1, "{combination:?}: {met:?}");
    met[0][7]
}

/// What really happens, in the words of the table.
fn found(family: &Family, text: &RefreshToken, shown: Shown<'_>, rules: &Refresh) -> &'static str {
    if genuine(&Known::only(KEY), text.reveal()).is_none() {
        return "not-genuine";
    }
    match judge(family, shown.borrow(), rules) {
        Verdict::Rotate => "rotate",
        Verdict::InProgress => "in-progress",
        Verdict::HandOut => {
            let (hand_out, successor) = HandOut::plan(family, shown.borrow()).unwrap();
            assert_eq!(successor.reveal(), token(5).reveal());
            assert_eq!((hand_out.sid, hand_out.seq), (sid(), 5));
            "same-successor"
        }
        Verdict::Reused(Reuse::ParentLate) => "reuse-late",
        Verdict::Reused(Reuse::ParentOtherDevice) => "reuse-other-device",
        Verdict::Reused(Reuse::Older) => "reuse-older",
        Verdict::Dead => "dead",
    }
}

#[test]
fn every_combination_gets_what_the_table_says() {
    let mut rows = 0;
    for mode in ["usual", "strict"] {
        for kind in ["genuine", "forged", "foreign"] {
            for state in ["live", "ended"] {
                for (generation, seq) in GENERATIONS {
                    for (age, millis) in AGES {
                        for confirmed in ["no", "yes"] {
                            for whose in ["same", "other"] {
                                rows += 1;
                                row(
                                    [mode, kind, state, generation, age, confirmed, whose],
                                    seq,
                                    millis,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(rows, 2 * 3 * 2 * 6 * 11 * 2 * 2);
    println!("{rows} combinations");
}

fn row(combination: [&str; 7], seq: u64, millis: i64) {
    let [mode, kind, state, _, _, confirmed, whose] = combination;
    let family = Family {
        confirmed: confirmed == "yes",
        revoked_at: (state == "ended").then(|| time(-1)),
        ..family()
    };
    let rules = Refresh {
        strict: mode == "strict",
        ..rules()
    };
    let text = match kind {
        "genuine" => token(seq),
        "foreign" => RefreshToken::make(&KEY, sid(), seq, [77; 32]),
        _ => RefreshToken::make(&MacKey::from_bytes([4; 32]), sid(), seq, [77; 32]),
    };
    let (mark, address) = (
        device(if whose == "same" { "ours" } else { "theirs" }),
        address(),
    );
    let shown = Shown {
        text: &text,
        token: genuine(&Known::only(KEY), text.reveal()).unwrap_or(Genuine {
            sid: sid(),
            seq,
            digest: text.digest(),
        }),
        device: &mark,
        address: &address,
        at: after(millis),
    };
    let found = found(&family, &text, shown, &rules);
    assert_eq!(
        found,
        expected(combination),
        "{combination:?} {seq} {millis}"
    );
}

#[test]
fn the_ends_of_a_family_are_not_prolonged_by_any_token() {
    let capped = Family {
        absolute_expires_at: time(50),
        ..family()
    };
    let (mark, address) = (device("ours"), address());
    for (family, seq, millis, expected) in [
        (family(), 5, 99_999_999, Verdict::Rotate),
        (family(), 5, 100_000_000, Verdict::Dead),
        (family(), 4, 100_000_000, Verdict::Dead),
        (capped.clone(), 5, 49_999, Verdict::Rotate),
        (capped.clone(), 5, 50_000, Verdict::Dead),
        (capped, 4, 50_000, Verdict::Dead),
    ] {
        let text = token(seq);
        let shown = presented(&text, &mark, &address, after(millis));
        assert_eq!(judge(&family, shown.borrow(), &rules()), expected);
    }
}

#[test]
fn the_grace_runs_from_the_last_time_an_unconfirmed_successor_was_handed_out() {
    let family = Family {
        confirmed: true,
        handed_out_at: after(3_600_000),
        ..family()
    };
    let (text, mark, address) = (token(4), device("ours"), address());
    for (millis, expected) in [
        (3_600_000, Verdict::HandOut),
        (3_630_000, Verdict::HandOut),
        (3_630_001, Verdict::Reused(Reuse::ParentLate)),
    ] {
        let shown = presented(&text, &mark, &address, after(millis));
        assert_eq!(judge(&family, shown.borrow(), &rules()), expected);
    }
}

#[test]
fn the_windows_are_the_configured_ones() {
    let rules = Refresh {
        conflict_seconds: 5,
        grace_seconds: 120,
        ..rules()
    };
    let family = Family {
        confirmed: true,
        ..family()
    };
    let (text, mark, address) = (token(4), device("ours"), address());
    for (millis, expected) in [
        (5000, Verdict::InProgress),
        (5001, Verdict::HandOut),
        (120_000, Verdict::HandOut),
        (120_001, Verdict::Reused(Reuse::ParentLate)),
    ] {
        let shown = presented(&text, &mark, &address, after(millis));
        assert_eq!(judge(&family, shown.borrow(), &rules), expected);
    }
}

#[test]
fn a_rotation_that_kept_no_successor_is_as_it_was_then() {
    let family = Family {
        sealed_next: None,
        ..family()
    };
    let (text, mark, address) = (token(4), device("ours"), address());
    let shown = presented(&text, &mark, &address, after(2000));
    let late = Verdict::Reused(Reuse::ParentLate);
    assert_eq!(judge(&family, shown.borrow(), &rules()), late);
}

#[test]
fn a_sealed_successor_that_is_not_this_familys_is_refused() {
    let other = Family {
        current: token(6).digest(),
        ..family()
    };
    let (text, mark, address) = (token(4), device("ours"), address());
    let shown = presented(&text, &mark, &address, after(2000));
    assert!(HandOut::plan(&other, shown.borrow()).is_err());
    let elsewhere = Family { seq: 6, ..family() };
    assert!(HandOut::plan(&elsewhere, shown.borrow()).is_err());
}

#[test]
fn only_the_number_of_the_current_token_confirms_it_and_only_once() {
    let first = Family {
        seq: 0,
        previous: None,
        ..family()
    };
    let confirmed = Family {
        confirmed: true,
        ..family()
    };
    for (family, seq, expected) in [
        (family(), 5, true),
        (family(), 4, false),
        (family(), 6, false),
        (confirmed, 5, false),
        (first, 0, false),
    ] {
        assert_eq!(confirms(&family, seq), expected, "{seq}");
    }
}

#[test]
fn a_change_is_named_and_ends_the_family_only_if_configured() {
    let elsewhere = AddressRange::of("198.51.100.7".parse().unwrap());
    let (ours, theirs, address) = (device("ours"), device("theirs"), address());
    let text = token(5);
    let rows = [
        (&ours, &address, None, [None; 4]),
        (
            &theirs,
            &address,
            Some("device"),
            [None, Some("device-changed"), None, Some("device-changed")],
        ),
        (
            &ours,
            &elsewhere,
            Some("address"),
            [None, None, Some("address-changed"), Some("address-changed")],
        ),
        (
            &theirs,
            &elsewhere,
            Some("device, address"),
            [
                None,
                Some("device-changed"),
                Some("address-changed"),
                Some("device-changed"),
            ],
        ),
    ];
    let policies = [
        (OnChange::Note, OnChange::Note),
        (OnChange::Revoke, OnChange::Note),
        (OnChange::Note, OnChange::Revoke),
        (OnChange::Revoke, OnChange::Revoke),
    ];
    for (device, address, name, ends) in rows {
        for ((on_device_change, on_address_change), ends) in policies.into_iter().zip(ends) {
            let rules = Refresh {
                on_device_change,
                on_address_change,
                ..rules()
            };
            let shown = presented(&text, device, address, after(600_000));
            let changes = Changes::of(&family(), shown.borrow(), &rules);
            assert_eq!(changes.name(), name);
            assert_eq!(changes.ends.map(RevocationReason::name), ends);
        }
    }
}

#[test]
fn a_change_demands_a_step_up_only_if_configured_and_an_end_goes_before_it() {
    let elsewhere = AddressRange::of("198.51.100.7".parse().unwrap());
    let (ours, theirs, here, text) = (device("ours"), device("theirs"), address(), token(5));
    let (note, step_up, revoke) = (OnChange::Note, OnChange::StepUp, OnChange::Revoke);
    for (policies, device, address, expected) in [
        ([step_up, step_up], &ours, &here, (false, false)),
        ([step_up, note], &theirs, &here, (true, false)),
        ([step_up, note], &ours, &elsewhere, (false, false)),
        ([note, step_up], &theirs, &here, (false, false)),
        ([note, step_up], &ours, &elsewhere, (true, false)),
        ([step_up, step_up], &theirs, &elsewhere, (true, false)),
        ([note, note], &theirs, &elsewhere, (false, false)),
        ([step_up, revoke], &theirs, &elsewhere, (true, true)),
        ([revoke, step_up], &theirs, &here, (false, true)),
    ] {
        let [on_device_change, on_address_change] = policies;
        let rules = Refresh {
            on_device_change,
            on_address_change,
            ..rules()
        };
        let shown = presented(&text, device, address, after(600_000));
        let changes = Changes::of(&family(), shown.borrow(), &rules);
        let found = (changes.steps_up, changes.ends.is_some());
        assert_eq!(found, expected, "{policies:?}");
    }
}
