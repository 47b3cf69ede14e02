//! The tables of a policy, and the keys that may stand in each. `docs/gate.schema.json` says the same to editors; a test
//! holds the two together.

pub(super) const POLICY: &[&str] = &["version", "gate", "limit", "route", "test"];

pub(super) const GATE: &[&str] = &[
    "signed_in_home",
    "missing_role",
    "step_up_page",
    "revocation",
    "revocation_within_seconds",
    "locales",
    "admin_addresses",
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
    "limit",
    "addresses",
    "csrf",
];

pub(super) const LIMIT: &[&str] = &["requests", "within_seconds", "by"];

pub(super) const STEP_UP: &[&str] = &["max_age_seconds", "amr"];

pub(super) const CORS: &[&str] = &[
    "origins",
    "headers",
    "expose",
    "max_age_seconds",
    "credentials",
];

pub(super) const TEST: &[&str] = &["request", "as", "expect", "navigation", "host", "from"];

/// Every table by its name in the schema.
pub const TABLES: [(&str, &[&str]); 7] = [
    ("policy", POLICY),
    ("gate", GATE),
    ("limit", LIMIT),
    ("route", ROUTE),
    ("step_up", STEP_UP),
    ("cors", CORS),
    ("test", TEST),
];
