//! The attacks and the corpus of signatures, by the Worker on workerd: it says of each token what core says natively, and its log
//! has the very reason.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use edgeward_tests::lone_edge::Guarded;
use edgeward_tests::{KeyServer, LoneEdge, corpora};
use serde_json::{Value, json};
use xtask::stack::Environment;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://app.example";
const POLICY: &str = "version = 1\n[[route]]\npath = \"/\"\nallow = \"public\"\n";
/// What is longer is refused for the length of the headers, before anybody looks for a token in them. The edge reads 32 KiB of those that
/// decide; the others, which are the time and what stands before the token, need less than this leaves.
const LONGEST_IN_A_HEADER: usize = 32 * 1024 - 64;

/// A cold edge that has what the corpora expect, and their time.
struct Judge {
    edge: LoneEdge,
    keys: KeyServer,
    /// What each request should have in the log, by its id.
    expected: BTreeMap<String, (String, String)>,
    wrong: Vec<String>,
    asked: usize,
}

impl Judge {
    async fn at(now: i64) -> Self {
        let keys = KeyServer::with(&[]);
        let guarded = Guarded {
            environment: Environment::Production,
            policy: POLICY,
            app: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            bindings: &[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE)],
            limiters: &[],
        };
        let edge = LoneEdge::in_front_of(guarded, &keys, None).await;
        edge.wait(now - edge.now());
        Self {
            edge,
            keys,
            expected: BTreeMap::new(),
            wrong: Vec::new(),
            asked: 0,
        }
    }

    /// From now on a cold edge, whose issuer has this set.
    async fn with_keys(mut self, set: &Value) -> Self {
        self.keys.shows(set);
        self.edge = self.edge.starts_cold().await;
        self
    }

    /// Asks about a token, of which `code` and `reason` should be said, both `ok` for a good one.
    fn ask(&mut self, about: &str, token: &str, code: &str, reason: &str) {
        self.asked += 1;
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let answer = self
            .edge
            .gets_by_hand("GET /auth/verify-token", &headers, "")
            .unwrap_or_else(|| panic!("{about}: no answer"));
        let status = match code {
            "ok" => 204,
            "KEYS_UNAVAILABLE" => 503,
            _ => 401,
        };
        let said = match answer.status {
            204 => "ok".to_owned(),
            _ => answer.text("/code"),
        };
        if (answer.status, said.as_str()) != (status, code) {
            let status = answer.status;
            self.wrong
                .push(format!("{about}: {status} {said} and not {code} {reason}"));
        } else if code != "ok" {
            let id = answer.header("x-request-id").unwrap_or_default().to_owned();
            self.expected
                .insert(id, (about.to_owned(), reason.to_owned()));
        }
    }

    /// Compares the log of this isolate with what should be in it.
    fn read_log(&mut self) {
        let mut logged = BTreeMap::new();
        for line in self.edge.log().lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if text(&line, "event") == "refused" {
                let of = |member| text(&line, member).to_owned();
                logged.insert(of("requestId"), of("reason"));
            }
        }
        for (id, (about, reason)) in std::mem::take(&mut self.expected) {
            let logged = logged.get(&id).map_or("nothing", String::as_str);
            if logged.trim_start_matches("token-refused: ") != reason {
                self.wrong
                    .push(format!("{about}: {logged} in the log and not {reason}"));
            }
        }
    }

    fn end(self, least: usize) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert!(
            self.asked >= least,
            "{} tokens were asked about",
            self.asked
        );
    }
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether a request can bring it as a bearer token (RFC 9110, section 11.2); what cannot come never reaches a verifier.
fn can_come(token: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let body = token.trim_end_matches('=');
    token.len() <= LONGEST_IN_A_HEADER && !body.is_empty() && body.bytes().all(is_plain)
}

/// Whether the Worker judges by these expectations, too.
fn is_what_an_edge_expects(options: &Value) -> bool {
    let others = json!({
        "issuer": ISSUER, "audience": [AUDIENCE], "typ": "at+jwt", "leewaySeconds": 60, "keyId": "required",
    });
    let mut others = others.as_object().into_iter().flatten();
    others.all(|(name, value)| options.get(name) == Some(value))
}

#[tokio::test]
async fn every_attack_meets_the_rule_that_stops_it_in_the_worker() {
    let corpus = corpora::attacks();
    let mut judge = Judge::at(corpus["now"].as_i64().expect("a time")).await;
    let mut by_keys: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for row in list(&corpus, "rows") {
        if is_what_an_edge_expects(&row["options"]) && can_come(text(row, "token")) {
            let keys = row["options"]["jwks"].to_string();
            by_keys.entry(keys).or_default().push(row);
        }
    }
    for (keys, rows) in by_keys {
        let keys = serde_json::from_str(&keys).expect("a set");
        judge = judge.with_keys(&keys).await;
        for row in rows {
            let (about, token) = (text(row, "about"), text(row, "token"));
            let (code, reason) = text(row, "said").split_once(' ').expect("code and reason");
            judge.ask(about, token, code, reason);
            if code == "ok" {
                judge.ask(about, token, code, reason);
            }
        }
        judge.read_log();
    }
    judge.end(1_000);
}

#[tokio::test]
async fn every_signature_of_the_corpus_meets_its_verdict_in_the_worker() {
    let corpus = corpora::signatures();
    let mut judge = Judge::at(corpus["now"].as_i64().expect("a time")).await;
    for group in list(&corpus, "groups") {
        judge = judge.with_keys(&json!({ "keys": [group["jwk"]] })).await;
        let of_key = text(group, "about");
        let refused = group["refused"].as_str();
        // Under a key that nobody has used, and under one that core has prepared for being used often.
        for warm in [&[], list(group, "warm")] {
            for token in warm.iter().filter_map(Value::as_str) {
                judge.ask(of_key, token, "ok", "ok");
            }
            for row in list(group, "rows") {
                let about = format!("{of_key}: {}", text(row, "about"));
                let (code, reason) = match (refused, text(row, "said")) {
                    (Some(_), _) => ("KEYS_UNAVAILABLE", "no-keys"),
                    (None, "ok") => ("ok", "ok"),
                    (None, "expired") => ("TOKEN_EXPIRED", "expired"),
                    (None, reason) => ("INVALID_TOKEN", reason),
                };
                judge.ask(&about, text(row, "token"), code, reason);
            }
        }
        judge.read_log();
        if let Some(rule) = refused {
            let told = judge.edge.log().contains(&format!("\"reason\":\"{rule}\""));
            assert!(told, "{of_key}: {rule} is not in the log");
        }
    }
    judge.end(600);
}
