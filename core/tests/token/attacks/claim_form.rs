//! Attacks through claims of the wrong form.

use edgeward_core::token::Audiences;

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(
            "no iss",
            with_claims(claims().without("iss")),
            "issuer-missing",
        ),
        row(
            "iss a number",
            with_claims(claims().with("iss", "1")),
            "issuer-malformed",
        ),
        row(
            "iss an array with the right one",
            with_claims(claims().with("iss", &format!("[\"{ISSUER}\"]"))),
            "issuer-malformed",
        ),
        row(
            "no aud",
            with_claims(claims().without("aud")),
            "audience-missing",
        ),
        row(
            "no aud, unchecked",
            with_claims(claims().without("aud")),
            OK,
        )
        .expecting(|expect| expect.audiences = Audiences::Unchecked),
        row(
            "aud malformed, unchecked",
            with_claims(claims().with("aud", "1")),
            "audience-malformed",
        )
        .expecting(|expect| expect.audiences = Audiences::Unchecked),
        row(
            "no exp",
            with_claims(claims().without("exp")),
            "exp-missing",
        ),
        row(
            "no nbf and no iat",
            with_claims(claims().without("nbf").without("iat")),
            OK,
        ),
        row(
            "scope an array",
            with_claims(claims().with("scope", "[\"read\"]")),
            "scope-malformed",
        ),
        row(
            "scope null",
            with_claims(claims().with("scope", "null")),
            "scope-malformed",
        ),
        row(
            "seq a string",
            with_claims(claims().with("seq", "\"1\"")),
            "seq-malformed",
        ),
        row(
            "seq negative",
            with_claims(claims().with("seq", "-1")),
            "seq-malformed",
        ),
        row(
            "seq a fraction",
            with_claims(claims().with("seq", "1.5")),
            "seq-malformed",
        ),
    ];
    for aud in [
        "123",
        "null",
        "[]",
        "{\"api\":1}",
        "true",
        "[[\"https://app.example\"]]",
        "[\"https://app.example\",{}]",
        "[null]",
    ] {
        rows.push(row(
            format!("aud {aud}"),
            with_claims(claims().with("aud", aud)),
            "audience-malformed",
        ));
    }
    for time in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            "null",
            "false",
            "\"never\"",
            "\"1700000600\"",
            "[1700000600]",
            "{}",
        ] {
            rows.push(row(
                format!("{time} {value}"),
                with_claims(claims().with(time, value)),
                "time-malformed",
            ));
        }
        for value in [
            "-1",
            "-0.5",
            "-1e300",
            "253402300800",
            "253402300799.5",
            "1e18",
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775807",
            "-9223372036854775808",
            "1e300",
        ] {
            rows.push(row(
                format!("{time} {value}"),
                with_claims(claims().with(time, value)),
                "time-out-of-range",
            ));
        }
    }
    for roles in [
        "\"admin\"",
        "null",
        "{}",
        "[1]",
        "[\"a\",[\"b\"]]",
        "[null]",
    ] {
        rows.push(row(
            format!("roles {roles}"),
            with_claims(claims().with("roles", roles)),
            "roles-malformed",
        ));
        rows.push(row(
            format!("amr {roles}"),
            with_claims(claims().with("amr", roles)),
            "amr-malformed",
        ));
    }
    for name in ["sub", "jti", "sid", "client_id", "acr", "name", "email"] {
        for value in ["1", "null", "{}", "[\"u1\"]"] {
            rows.push(row(
                format!("{name} {value}"),
                with_claims(claims().with(name, value)),
                "claim-malformed",
            ));
        }
    }
    rows
}
