//! Which field of which operation meets a poison how.

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

/// Texts that have undone others. What is said of a field is in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Poison {
    /// It ends a text in C, and PostgreSQL takes none with it.
    Zero,
    Sql,
    /// Lines of a header.
    Header,
    /// It turns the direction of writing.
    Turn,
    /// No UTF-8. In a form it is read as the letter that stands for what cannot be read; JSON has no such text.
    Broken,
}

impl Poison {
    pub(super) const ALL: [Self; 5] = [
        Self::Zero,
        Self::Sql,
        Self::Header,
        Self::Turn,
        Self::Broken,
    ];
}

/// What becomes of a request with a poisoned field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    /// This is answered, and nothing changes.
    Refused(u16, &'static str),
    /// What a good one is answered, although nothing is done: nobody learns what there is.
    Silent,
    /// It is a text like another: all is done, and it stands in this column as it was sent.
    Text(&'static str, &'static str),
    /// It is a password like another: all is done, and it is good where the one without poison is not.
    Password,
    /// All is done, and it is kept nowhere.
    Unkept,
    /// All is done, it is kept nowhere, and the browser is led to this place.
    Led(&'static str),
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) then: [Then; 5],
}

pub(super) struct Operation {
    pub(super) path: &'static str,
    pub(super) format: Format,
    /// Whether it is there where mail is configured, and nowhere else.
    pub(super) with_mail: bool,
    pub(super) fields: &'static [Field],
}

use Then::{Led, Password, Refused, Silent, Text, Unkept};

const MALFORMED: Then = Refused(400, "MALFORMED_BODY");
const UNFIT: Then = Refused(422, "VALIDATION_FAILED");
const WRONG: Then = Refused(401, "INVALID_CREDENTIALS");
const DEAD_LINK: Then = Refused(410, "LINK_INVALID");
const FORGED: Then = Refused(403, "CSRF_INVALID");

const fn all(name: &'static str, then: Then) -> Field {
    Field {
        name,
        then: [then; 5],
    }
}

/// A field of which only one poison is a fit text: a name with an apostrophe in it is somebody's.
const fn fit_if_sql(name: &'static str, unfit: Then, fit: Then) -> Field {
    Field {
        name,
        then: [unfit, fit, unfit, unfit, unfit],
    }
}

const fn json(path: &'static str, with_mail: bool, fields: &'static [Field]) -> Operation {
    Operation {
        path,
        format: Format::Json,
        with_mail,
        fields,
    }
}

const fn form(path: &'static str, with_mail: bool, fields: &'static [Field]) -> Operation {
    Operation {
        path,
        format: Format::Form,
        with_mail,
        fields,
    }
}

/// Where a form leads on to: home where the place is none, and where it can be read as one, there.
const fn return_to(home: &'static str) -> Field {
    Field {
        name: "returnTo",
        then: [
            Led(home),
            // A path has no semicolon.
            Led(home),
            Led(home),
            Led("/account%E2%80%AEn33dle"),
            Led("/account%EF%BF%BDn33dle"),
        ],
    }
}

const CSRF: Field = all("csrf_token", FORGED);
const NEW_ADDRESS: Field = fit_if_sql("email", UNFIT, Text("users", "email"));
const FIRST_NAME: Field = Field {
    name: "firstName",
    then: [
        UNFIT,
        Text("users", "first_name"),
        UNFIT,
        UNFIT,
        Text("users", "first_name"),
    ],
};
const LAST_NAME: Field = Field {
    name: "lastName",
    then: [
        UNFIT,
        Text("users", "last_name"),
        UNFIT,
        UNFIT,
        Text("users", "last_name"),
    ],
};
/// A link is asked for in the name of an address; who has it is found out when the mail is written.
const FORGOTTEN: Field = fit_if_sql("email", Silent, Text("outbox", "recipient"));

/// Every operation that takes a body.
pub(super) const OPERATIONS: [Operation; 23] = [
    json(
        "/auth/register",
        false,
        &[
            NEW_ADDRESS,
            all("password", Password),
            FIRST_NAME,
            LAST_NAME,
            all("tokenMode", MALFORMED),
            all("captchaToken", Unkept),
        ],
    ),
    json(
        "/auth/login",
        false,
        &[
            all("email", WRONG),
            all("password", WRONG),
            all("tokenMode", MALFORMED),
            all("audience", UNFIT),
            all("captchaToken", Unkept),
        ],
    ),
    json(
        "/auth/refresh",
        false,
        &[
            all("refreshToken", Refused(401, "INVALID_REFRESH_TOKEN")),
            all("tokenMode", MALFORMED),
            all("audience", UNFIT),
        ],
    ),
    json("/auth/logout", false, &[all("refreshToken", Silent)]),
    json(
        "/auth/logout-all",
        false,
        &[all("exceptCurrent", MALFORMED)],
    ),
    json(
        "/auth/password",
        false,
        &[all("currentPassword", WRONG), all("newPassword", Password)],
    ),
    json("/auth/password/forgot", true, &[FORGOTTEN]),
    json(
        "/auth/password/reset",
        true,
        &[all("token", DEAD_LINK), all("newPassword", Password)],
    ),
    json(
        "/auth/register/confirm",
        true,
        &[all("token", DEAD_LINK), all("password", WRONG)],
    ),
    json("/auth/step-up", false, &[all("password", WRONG)]),
    // The text is the one role of the list.
    json(
        "/auth/admin/users/{id}/roles",
        false,
        &[all("roles", UNFIT)],
    ),
    form(
        "/auth/register",
        false,
        &[
            CSRF,
            NEW_ADDRESS,
            all("password", Password),
            FIRST_NAME,
            LAST_NAME,
            return_to("/login"),
        ],
    ),
    form(
        "/auth/login",
        false,
        &[
            CSRF,
            all("email", WRONG),
            all("password", WRONG),
            return_to("/login"),
        ],
    ),
    form("/auth/logout", false, &[CSRF, return_to("/")]),
    form(
        "/auth/logout-all",
        false,
        &[CSRF, all("exceptCurrent", Unkept)],
    ),
    form(
        "/auth/password",
        false,
        &[
            CSRF,
            all("currentPassword", WRONG),
            all("newPassword", Password),
        ],
    ),
    form("/auth/password/forgot", true, &[CSRF, FORGOTTEN]),
    form(
        "/auth/password/reset",
        true,
        &[CSRF, all("token", DEAD_LINK), all("newPassword", Password)],
    ),
    form(
        "/auth/register/confirm",
        true,
        &[CSRF, all("token", DEAD_LINK), all("password", WRONG)],
    ),
    form(
        "/auth/step-up",
        false,
        &[CSRF, all("password", WRONG), return_to("/login")],
    ),
    // What somebody wanted to have ended has ended.
    form("/account/sessions/end", false, &[CSRF, all("id", Silent)]),
    form(
        "/auth/console/users/{id}/roles",
        false,
        &[
            CSRF,
            all("roles", UNFIT),
            all("version", Refused(412, "STALE_VERSION")),
            all("person", Unkept),
        ],
    ),
    // Where mail is configured, the same makes a registration and no account.
    json(
        "/auth/register",
        true,
        &[
            fit_if_sql("email", UNFIT, Text("registrations", "email")),
            all("password", Unkept),
            fit_if_sql("firstName", UNFIT, Text("registrations", "first_name")),
            fit_if_sql("lastName", UNFIT, Text("registrations", "last_name")),
            all("tokenMode", MALFORMED),
            all("captchaToken", Unkept),
        ],
    ),
];
