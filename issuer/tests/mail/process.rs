//! `edgeward serve` sends by itself, and what it could not send before it was killed is sent by the next one.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, Stdio},
};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{folder::Folder, mailbox::Mailbox, program::edgeward};

struct Served {
    process: Child,
    log: BufReader<ChildStderr>,
    origin: String,
}

impl Served {
    fn start(folder: &Folder) -> Self {
        let mut process = edgeward(folder.path())
            .args(["--config", "edgeward.toml"])
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut served = Self {
            log: BufReader::new(process.stderr.take().unwrap()),
            process,
            origin: String::new(),
        };
        let line = served.wait_for("listening");
        served.origin = format!("http://{}", line["address"].as_str().unwrap());
        served
    }

    /// Reads the log up to a message.
    fn wait_for(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "no {message}");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Without a warning.
    fn kill(self) {
        drop(self);
    }
}

impl Drop for Served {
    /// Also of a test that ends early.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn register(served: &Served, email: &str) {
    let body = json!({ "email": email, "password": "Correct-Horse-7" });
    let url = format!("{}/auth/register", served.origin);
    let answer = reqwest::Client::new().post(url).json(&body).send().await;
    assert_eq!(answer.unwrap().status(), 202);
}

/// Until no mail waits.
async fn until_delivered(sql: &mut SqliteConnection) {
    let waiting = "SELECT count(*) FROM outbox WHERE state = 'waiting'";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&mut *sql)
        .await
        .unwrap()
        > 0
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_mail_outlives_the_process_that_queued_it() {
    let mut mailbox = Mailbox::open();
    let folder = Folder::new();
    let settings = format!(
        "[mail]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"no-reply@example.test\"\n\
         [passwords.argon2]\nmemory_kib = 64\n",
        mailbox.settings().port
    );
    fs::write(folder.path().join("edgeward.toml"), settings).unwrap();
    let served = Served::start(&folder);
    register(&served, "ada@example.test").await;
    mailbox.wait();
    assert_eq!(mailbox.mails()[0].recipient(), "ada@example.test");
    // The server has the mail before the process has its word and writes it down; what is not written down is sent again.
    let options = SqliteConnectOptions::new().filename(folder.path().join("data/edgeward.db"));
    let mut sql = options.connect().await.unwrap();
    until_delivered(&mut sql).await;

    mailbox.stop();
    let mut served = served;
    register(&served, "bob@example.test").await;
    let line = served.wait_for("a mail could not be handed over");
    assert!(!line.to_string().contains('@'), "{line}");
    served.kill();
    mailbox.start();
    // The wait after a failure, or the lease if the process had no time to write the failure down.
    sqlx::query("UPDATE outbox SET due_at = due_at - 180")
        .execute(&mut sql)
        .await
        .unwrap();
    let served = Served::start(&folder);
    mailbox.wait();
    let mails = mailbox.mails();
    assert_eq!((mails.len(), mails[1].recipient()), (2, "bob@example.test"));
    served.kill();
}
