//! A route that wants a recent sign-in, in each dialect.

use edgeward_issuer::config::Dialect;

use crate::{DIALECTS, Told, Verdicts};

/// Beyond what `/money` takes for recent, and before the end of the token.
const TOO_LONG_SECONDS: i64 = 301;

/// RFC 9470, section 3.
const CHALLENGE: &str = "Bearer error=\"insufficient_user_authentication\", \
     error_description=\"A more recent or stronger sign-in is required\", max_age=\"300\"";

const PLACE: &str = "/account/step-up?returnTo=%2Fmoney%3Fy%3D1";

/// What the client reads.
fn shown(told: &Told) -> (u16, Option<&str>, Option<&str>) {
    let challenge = told.header("www-authenticate");
    (told.status, told.header("location"), challenge)
}

#[tokio::test]
async fn a_program_is_challenged_and_a_person_led_to_the_page() {
    for dialect in DIALECTS {
        let mut verdicts = Verdicts::given_in(dialect).await;
        let cookie = verdicts.cookie();
        let recent = verdicts
            .about(dialect, "GET", "/money?y=1", &[&cookie])
            .await;
        assert_eq!(recent.status, 200, "{dialect:?}");
        // A new token says as well when the person signed in.
        verdicts.desk.wait(TOO_LONG_SECONDS).await;
        verdicts.ada.refresh().await.expect(200);
        let cookie = verdicts.cookie();
        let program = [&*cookie];
        let person = [
            &*cookie,
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document",
        ];
        let told = verdicts.about(dialect, "GET", "/money?y=1", &program).await;
        let led = verdicts.about(dialect, "GET", "/money?y=1", &person).await;
        // `auth_request` shows the client nothing of this and knows no redirect; the client is answered in its place.
        let (challenge, status) = match dialect {
            Dialect::Nginx => (None, 401),
            Dialect::Traefik | Dialect::Envoy => (Some(CHALLENGE), 303),
        };
        assert_eq!(shown(&told), (401, None, challenge), "{dialect:?}");
        assert_eq!(shown(&led), (status, Some(PLACE), None), "{dialect:?}");
        if dialect == Dialect::Nginx {
            let lines = [
                "Host: v",
                "X-Original-Method: GET",
                "X-Original-Host: app.example",
                "X-Original-URI: /money?y=1",
            ];
            let in_place = |more: &[&'static str]| [&lines[..], &[&cookie], more].concat();
            let told = in_place(&[]);
            let told = verdicts.ask("GET /forward-auth/answer", &told).await;
            assert_eq!(shown(&told), (401, None, Some(CHALLENGE)));
            assert_eq!(told.code(), "STEP_UP_REQUIRED");
            let led = in_place(&["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]);
            let led = verdicts.ask("GET /forward-auth/answer", &led).await;
            assert_eq!(shown(&led), (303, Some(PLACE), None));
        }
    }
}
