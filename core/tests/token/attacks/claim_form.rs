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
    ];
    for iss in [
        "1",
        "null",
        "true",
        "{}",
        "[]",
        "[\"https://id.example\"]",
        "{\"0\":\"https://id.example\"}",
    ] {
        rows.push(row(
            format!("iss {iss}"),
            with_claims(claims().with("iss", iss)),
            "issuer-malformed",
        ));
    }
    for aud in [
        "123",
        "0",
        "1.5",
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "{\"api\":1}",
        "{\"https://app.example\":true}",
        "[[\"https://app.example\"]]",
        "[\"https://app.example\",{}]",
        "[\"https://app.example\",null]",
        "[\"https://app.example\",1]",
        "[true]",
        "[null]",
        "[[]]",
    ] {
        rows.push(row(
            format!("aud {aud}"),
            with_claims(claims().with("aud", aud)),
            "audience-malformed",
        ));
    }
    for scope in ["[\"read\"]", "null", "1", "true", "{}"] {
        rows.push(row(
            format!("scope {scope}"),
            with_claims(claims().with("scope", scope)),
            "scope-malformed",
        ));
    }
    for seq in [
        "\"1\"",
        "-1",
        "1.5",
        "1.0",
        "1e3",
        "null",
        "true",
        "[1]",
        "18446744073709551616",
    ] {
        rows.push(row(
            format!("seq {seq}"),
            with_claims(claims().with("seq", seq)),
            "seq-malformed",
        ));
    }
    for time in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            "null",
            "false",
            "true",
            "\"\"",
            "\"never\"",
            "\"Infinity\"",
            "\"1700000600\"",
            "\"2100-01-01T00:00:00Z\"",
            "[1700000600]",
            "[]",
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
            "-1700000600",
            "-0.5",
            "-1e-300",
            "-1e300",
            "253402300800",
            "253402300799.5",
            "253402300799.0001",
            "2534023008e2",
            "1e18",
            "1700000600000000000",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "9223372036854775807",
            "-9223372036854775808",
            "1e300",
            "123456789012345678901234567890",
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
        "[\"admin\",null]",
        "[null]",
        "1",
        "true",
        "{\"admin\":true}",
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
        for value in ["1", "null", "true", "{}", "[]", "[\"u1\"]"] {
            rows.push(row(
                format!("{name} {value}"),
                with_claims(claims().with(name, value)),
                "claim-malformed",
            ));
        }
    }
    rows
}
