//! The binary while it serves.

#![allow(dead_code, reason = "each suite uses its part of it")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// An issuer that serves until it is dropped.
pub(crate) struct Served {
    process: Child,
    origin: String,
    pub(crate) signing_key: String,
}

impl Served {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut told = Vec::new();
        let line = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("the issuer ended before it listened: {told:#?}");
            };
            told.push(line.clone());
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break line;
            }
        };
        // Somebody has to read on, or the process would wait for its log to be read.
        std::thread::spawn(move || while lines.next().is_some() {});
        Self {
            process,
            origin: format!("http://{}", line["address"].as_str().unwrap()),
            signing_key: line["signing_key"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.origin)).await;
        answer.unwrap().json().await.unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
