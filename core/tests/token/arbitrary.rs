//! No input stops the verifier: arbitrary text, arbitrary JSON, arbitrary times, also properly signed.

use edgeward_core::keys::{Jwk, KeySet};
use edgeward_core::time::UnixTime;
use edgeward_core::token::{ParsedToken, verify};
use proptest::prelude::*;

use crate::forge::*;

/// JSON as text, deeper and wider than is accepted, with names that matter.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<u64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| value.to_string()),
        any::<String>().prop_map(|value| serde_json::to_string(&value).unwrap()),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "iss",
            "aud",
            "exp",
            "nbf",
            "iat",
            "sub",
            "roles",
            "amr",
            "scope",
            "seq",
            "alg",
            "kid",
            "typ",
            "crit",
            "keys",
            "kty",
            "crv",
            "x",
            "use",
            "__proto__",
        ])
        .prop_map(ToOwned::to_owned),
        "[a-z]{1,3}",
    ];
    leaf.prop_recursive(10, 200, 70, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..70)
                .prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((name.clone(), inner), 0..70).prop_map(|members| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// A time near the present, near an end of the accepted range, or anywhere.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 1_699_999_900..1_700_000_100i64,
        1 => -2..3i64,
        1 => 253_402_300_797..253_402_300_802i64,
        1 => any::<i64>(),
    ]
}

proptest! {
    #[test]
    fn arbitrary_text_is_refused(text in any::<String>()) {
        prop_assert!(verify(&text, &keys(), &expect(), NOW).is_err());
        prop_assert!(ParsedToken::parse(&text).is_err());
    }

    #[test]
    fn arbitrary_segments_are_refused(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = format!("{}.{}.{}", base64url(header), base64url(payload), base64url(signature));
        prop_assert!(verify(&token, &keys(), &expect(), NOW).is_err());
    }

    #[test]
    fn arbitrary_bytes_under_a_good_signature_are_refused(payload in any::<Vec<u8>>()) {
        prop_assert!(verify(&forge(header().text(), payload), &keys(), &expect(), NOW).is_err());
    }

    #[test]
    fn arbitrary_json_under_a_good_signature_is_refused(header_json in json(), payload in json()) {
        prop_assert!(verify(&forge(header_json, claims().text()), &keys(), &expect(), NOW).is_err());
        prop_assert!(verify(&forge(header().text(), payload), &keys(), &expect(), NOW).is_err());
    }

    #[test]
    fn arbitrary_claims_beside_good_ones_stop_nothing(name in "[a-z]{3,4}", value in json()) {
        let _ = verify(&with_claims(claims().with(&name, &value)), &keys(), &expect(), NOW);
    }

    #[test]
    fn times_mean_what_rfc_7519_says(
        exp in time(), nbf in time(), iat in time(), now in time(), leeway in prop_oneof![-5..70i64, any::<i64>()],
    ) {
        let token = with_claims(
            claims().with("exp", &exp.to_string()).with("nbf", &nbf.to_string()).with("iat", &iat.to_string()),
        );
        let mut expect = expect();
        expect.leeway_seconds = leeway;
        let outcome = verify(&token, &keys(), &expect, UnixTime::from_seconds(now)).map(|_| ());
        // In numbers that cannot overflow.
        let [exp, nbf, iat, now, leeway] = [exp, nbf, iat, now, leeway.max(0)].map(i128::from);
        let in_range = |time: i128| (0..=253_402_300_799).contains(&time);
        let good = in_range(exp) && in_range(nbf) && in_range(iat)
            && now < exp + leeway && nbf <= now + leeway && iat <= now + leeway;
        prop_assert_eq!(outcome.is_ok(), good, "{:?}", outcome);
    }

    #[test]
    fn fractions_stop_nothing(exp in any::<f64>(), nbf in any::<f64>(), iat in any::<f64>(), auth_time in any::<f64>()) {
        let times = claims().with("exp", &exp.to_string()).with("nbf", &nbf.to_string());
        let times = times.with("iat", &iat.to_string()).with("auth_time", &auth_time.to_string());
        let _ = verify(&with_claims(times), &keys(), &expect(), NOW);
    }

    #[test]
    fn arbitrary_key_sets_stop_nothing(bytes in any::<Vec<u8>>(), json in json(), text in any::<String>()) {
        let _ = KeySet::parse(&bytes);
        let _ = KeySet::parse(format!("{{\"keys\":[{json}]}}").as_bytes());
        let _ = Jwk::parse(json.as_bytes());
        let _ = KeySet::from_spki_pem(&text);
        let _ = KeySet::from_spki_pem(&format!("-----BEGIN PUBLIC KEY-----{text}-----END PUBLIC KEY-----"));
    }
}
