//! The settings that bound how often somebody may try: limits by address, session and name, and the lockout; and who may end
//! a lock, and from where.

use std::num::NonZeroU32;

use edgeward_core::cookie::Environment;

use super::{DAY, HOUR, MINUTE, Reader, flag, number, seconds, text};
use crate::{
    config::{Admin, Limits, Lockout, Networks, source::Raw},
    domain::accounts::Role,
};

pub(super) fn limits(reader: &mut Reader, default: &Limits, environment: Environment) -> Limits {
    let loopback = environment != Environment::Development;
    let mut most = |key, default| reader.take(key, default, count);
    let numbers = Limits {
        guesses_per_minute: most("limits.guesses_per_minute", default.guesses_per_minute),
        guesses_burst: most("limits.guesses_burst", default.guesses_burst),
        sign_ins: most("limits.sign_ins", default.sign_ins),
        reads_per_minute: most("limits.reads_per_minute", default.reads_per_minute),
        reads_burst: most("limits.reads_burst", default.reads_burst),
        // Within a minute it would be the limit of guesses again; after a day nobody knows what is counted.
        sign_ins_within_seconds: reader.take(
            "limits.sign_ins_within_seconds",
            default.sign_ins_within_seconds,
            number(MINUTE, DAY),
        ),
        ..default.clone()
    };
    Limits {
        enabled: reader.take("limits.enabled", default.enabled, flag),
        // Development is worked on from the own machine, by programs as well as by people.
        loopback: reader.take("limits.loopback", loopback, flag),
        name_wait_seconds: reader.take(
            "limits.name_wait_seconds",
            default.name_wait_seconds,
            seconds(1, HOUR),
        ),
        // Who is kept out by strangers for longer than a day would ask the operator.
        name_wait_longest_seconds: reader.take(
            "limits.name_wait_longest_seconds",
            default.name_wait_longest_seconds,
            seconds(1, DAY),
        ),
        ..numbers
    }
}

/// A number of requests. A million in a minute is no limit any more.
fn count(raw: &Raw) -> Result<NonZeroU32, String> {
    let count = number::<u32>(1, 1_000_000)(raw)?;
    Ok(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

pub(super) fn lockout(reader: &mut Reader, default: &Lockout) -> Lockout {
    Lockout {
        enabled: reader.take("lockout.enabled", default.enabled, flag),
        // Under 3 typing errors lock; NIST SP 800-63B allows 100 failures at most.
        failures: reader.take("lockout.failures", default.failures, number(3, 100)),
        seconds: reader.take("lockout.seconds", default.seconds, seconds(MINUTE, DAY)),
        // A range may be a whole office, or a provider's gateway.
        address_failures: reader.take(
            "lockout.address_failures",
            default.address_failures,
            number(5, 100_000),
        ),
        revoke_sessions: reader.take("lockout.revoke_sessions", default.revoke_sessions, flag),
    }
}

pub(super) fn admin(reader: &mut Reader, default: &Admin) -> Admin {
    Admin {
        role: reader.take("admin.role", default.role.clone(), |raw| {
            Role::parse(&text(raw)?).map_err(|unfit| unfit.to_string())
        }),
        // Shorter than a form takes to be filled in; after an hour nobody knows who sits there.
        max_age_seconds: reader.take(
            "admin.max_age_seconds",
            default.max_age_seconds,
            seconds(MINUTE, HOUR),
        ),
        addresses: reader.take("admin.addresses", default.addresses.clone(), Networks::read),
    }
}
