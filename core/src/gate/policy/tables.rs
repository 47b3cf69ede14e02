//! The tables of a policy, and the keys that may stand in each. `docs/gate.schema.json` says the same to editors; a test
//! holds the two together.

pub(super) const POLICY: &[&str] = &["version", "gate", "route", "test"];

pub(super) const GATE: &[&str] = &[
    "signed_in_home",
    "missing_role",
    "step_up_page",
    "revocation",
    "revocation_within_seconds",
    "locales",
    "origins",
    "cors",
];

pub(super) const ROUTE: &[&str] = &[
    "path",
    "allow",
    "methods",
    "host",
    "roles",
    "scopes",
    "machine",
    "revocation",
    "step_up",
    "redirect",
    "cors",
    "check_origin",
    "cache",
    "bind",
    "csrf",
];

pub(super) const STEP_UP: &[&str] = &["max_age_seconds", "amr"];

pub(super) const CORS: &[&str] = &[
    "origins",
    "headers",
    "expose",
    "max_age_seconds",
    "credentials",
];

pub(super) const TEST: &[&str] = &["request", "as", "expect", "navigation", "host"];

/// Every table by its name in the schema.
pub const TABLES: [(&str, &[&str]); 6] = [
    ("policy", POLICY),
    ("gate", GATE),
    ("route", ROUTE),
    ("step_up", STEP_UP),
    ("cors", CORS),
    ("test", TEST),
];
