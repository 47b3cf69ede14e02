//! A site of several issuers that serve from one PostgreSQL, as an operator starts them.

use std::{collections::BTreeMap, process::Command};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    folder::Folder,
    postgres::{Database, server},
    program::{
        Ran, edgeward, run,
        served::{SERVE, Served},
    },
};

pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// Simultaneous refreshes of a round.
const AT_ONCE: usize = 50;

/// One data folder, as processes that share their secrets have it, and a database of its own.
pub(crate) struct Site {
    pub(crate) folder: Folder,
    pub(crate) database: Database,
    /// Settings of this site, as variables.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self {
            folder: Folder::new(),
            database: server().database().await,
            settings: Vec::new(),
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = edgeward(self.folder.path());
        command
            .args(arguments)
            .envs(self.settings.clone())
            .env("EDGEWARD__STORE__URL", self.database.url().reveal())
            // The cost of hashing is not what is tried here.
            .env("EDGEWARD__PASSWORDS__ARGON2__MEMORY_KIB", "64");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), PASSWORD.as_bytes())
    }

    pub(crate) fn add_ada(&self) -> Ran {
        self.run(&[
            "user",
            "add",
            "--email",
            "ada@example.test",
            "--password-stdin",
        ])
    }

    pub(crate) fn serve(&self) -> Served {
        Served::start(self.command(&SERVE))
    }

    /// How often the one session was rotated, by its row and by the log.
    pub(crate) async fn rotations(&self) -> (i64, i64) {
        let mut sql = self.database.sql().await;
        sqlx::query_as(
            "SELECT (SELECT seq FROM families), (SELECT count(*) FROM audit_log WHERE action = 'session.refresh')",
        )
        .fetch_one(&mut sql)
        .await
        .unwrap()
    }
}

/// Which of these messages the log of an issuer has, in order, by their beginnings.
pub(crate) fn told<'m>(issuer: &Served, messages: &[&'m str]) -> Vec<&'m str> {
    let which = |line: &Value| {
        let text = line["message"].as_str()?;
        messages.iter().find(|it| text.starts_with(**it)).copied()
    };
    issuer.log().iter().filter_map(which).collect()
}

/// Signs Ada in and answers her refresh token.
pub(crate) async fn log_in(client: &Client, issuer: &Served) -> String {
    let credentials =
        json!({ "email": "ada@example.test", "password": PASSWORD, "tokenMode": "body" });
    let url = format!("{}/auth/login", issuer.origin);
    let answer = client.post(url).json(&credentials).send().await.unwrap();
    let signed_in: Value = answer.json().await.unwrap();
    signed_in["refreshToken"].as_str().unwrap().to_owned()
}

/// Sends one token many times at once, to all issuers in turn, while `meanwhile` happens. Exactly one of them gets a
/// successor, which is answered; the others are told to wait, and nothing else is said.
pub(crate) async fn refresh_at_once(
    client: &Client,
    issuers: &[Served],
    token: &str,
    meanwhile: impl FnOnce(),
) -> String {
    let mut running = JoinSet::new();
    for index in 0..AT_ONCE {
        let url = format!("{}/auth/refresh", issuers[index % issuers.len()].origin);
        let ask = client.post(url).json(&json!({ "refreshToken": token }));
        running.spawn(async move {
            let answer = ask.send().await.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap();
            (status, body["refreshToken"].as_str().map(str::to_owned))
        });
    }
    tokio::task::yield_now().await;
    meanwhile();
    let mut successors: BTreeMap<String, u32> = BTreeMap::new();
    for (status, successor) in running.join_all().await {
        match (status, successor) {
            (StatusCode::OK, Some(successor)) => *successors.entry(successor).or_default() += 1,
            (StatusCode::CONFLICT, None) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(successors.len(), 1);
    successors.into_keys().next().unwrap()
}
