//! Claims of the right form that are not acceptable here and now.

use edgeward_core::token::Audiences;

use super::{OK, Row, row};
use crate::forge::*;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        row(
            "aud among others",
            with_claims(claims().with("aud", &format!("[\"x\",\"{AUDIENCE}\"]"))),
            OK,
        ),
        row(
            "aud of somebody else",
            with_claims(claims().with("aud", "[\"x\",\"y\"]")),
            "audience-mismatch",
        ),
        row(
            "aud in other letters",
            with_claims(claims().with("aud", "\"https://APP.example\"")),
            "audience-mismatch",
        ),
        row(
            "aud with more behind",
            with_claims(claims().with("aud", &format!("\"{AUDIENCE}.evil\""))),
            "audience-mismatch",
        ),
        row("aud, but none is accepted", good(), "audience-mismatch")
            .expecting(|expect| expect.audiences = Audiences::OneOf(vec![])),
        row("the second accepted audience", good(), OK).expecting(|expect| {
            expect.audiences = Audiences::OneOf(vec!["x".into(), AUDIENCE.into()])
        }),
        row(
            "the same aud twice",
            with_claims(claims().with("aud", &format!("[\"{AUDIENCE}\",\"{AUDIENCE}\"]"))),
            OK,
        ),
        row(
            "aud written with escapes",
            with_claims(claims().with("aud", r#""https:\/\/app.ex\u0061mple""#)),
            OK,
        ),
        // Times are relative to NOW = 1700000000 and the leeway of 60.
        row(
            "expires in a second, less the leeway",
            with_claims(claims().with("exp", "1699999941")),
            OK,
        ),
        row(
            "expires now, less the leeway",
            with_claims(claims().with("exp", "1699999940")),
            "expired",
        ),
        row(
            "expires in the fraction of a second",
            with_claims(claims().with("exp", "1699999940.9")),
            "expired",
        ),
        row(
            "exp a fraction",
            with_claims(claims().with("exp", "1700000600.25")),
            OK,
        ),
        row(
            "exp in exponents",
            with_claims(claims().with("exp", "1.7000006e9")),
            OK,
        ),
        row(
            "exp in milliseconds",
            with_claims(claims().with("exp", "1700000600000")),
            "time-out-of-range",
        ),
        row(
            "exp long past",
            with_claims(claims().with("exp", "1699990000")),
            "expired",
        ),
        row("exp 0", with_claims(claims().with("exp", "0")), "expired"),
        row(
            "exp -0.0",
            with_claims(claims().with("exp", "-0.0")),
            "expired",
        ),
        row(
            "exp in the last second of 9999",
            with_claims(claims().with("exp", "253402300799")),
            OK,
        ),
        row(
            "no leeway, expires now",
            with_claims(claims().with("exp", "1700000000")),
            "expired",
        )
        .expecting(|expect| expect.leeway_seconds = 0),
        row(
            "a negative leeway is none",
            with_claims(claims().with("exp", "1700000001")),
            OK,
        )
        .expecting(|expect| expect.leeway_seconds = -600),
        row("an endless leeway does not wrap", good(), OK)
            .expecting(|expect| expect.leeway_seconds = i64::MAX),
        row(
            "nbf at the leeway",
            with_claims(claims().with("nbf", "1700000060")),
            OK,
        ),
        row(
            "nbf beyond the leeway",
            with_claims(claims().with("nbf", "1700000061")),
            "not-yet-valid",
        ),
        row(
            "nbf a fraction beyond",
            with_claims(claims().with("nbf", "1700000060.1")),
            "not-yet-valid",
        ),
        row(
            "iat at the leeway",
            with_claims(claims().with("iat", "1700000060")),
            OK,
        ),
        row(
            "iat beyond the leeway",
            with_claims(claims().with("iat", "1700000061")),
            "issued-in-the-future",
        ),
    ];
    for aud in [
        "",
        " ",
        "*",
        "https://app.example/",
        "https://app.exampl",
        "https://app.example\\u0000",
        "https://app.example https://other.example",
        "[\\\"https://app.example\\\"]",
        "https://аpp.example",
    ] {
        rows.push(row(
            format!("aud {aud:?}"),
            with_claims(claims().with("aud", &format!("\"{aud}\""))),
            "audience-mismatch",
        ));
        rows.push(row(
            format!("aud [{aud:?}]"),
            with_claims(claims().with("aud", &format!("[\"{aud}\"]"))),
            "audience-mismatch",
        ));
    }
    for iss in [
        "https://id.example/",
        "https://id.exampl",
        "https://ID.example",
        "https://id.example\\u0000",
        "",
        "https://id.example.evil",
        "http://id.example",
        "id.example",
        " https://id.example",
        "https://id.example:443",
        "https://id.example@evil.example",
        "https://іd.example",
        "null",
    ] {
        rows.push(row(
            format!("iss {iss:?}"),
            with_claims(claims().with("iss", &format!("\"{iss}\""))),
            "issuer-mismatch",
        ));
    }
    rows
}
