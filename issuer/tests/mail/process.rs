//! `edgeward serve` sends by itself, and what it could not send before it was killed is sent by the next one.

use std::fs;

use serde_json::json;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    folder::Folder,
    mailbox::Mailbox,
    program::{
        edgeward,
        served::{SERVE, Served},
    },
};

fn serve(folder: &Folder) -> Served {
    let mut command = edgeward(folder.path());
    command.args(["--config", "edgeward.toml"]).args(SERVE);
    Served::start(command)
}

async fn register(served: &Served, email: &str) {
    let body = json!({ "email": email, "password": "Correct-Horse-7" });
    let url = served.url("/auth/register");
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
    let served = serve(&folder);
    register(&served, "ada@example.test").await;
    mailbox.wait();
    assert_eq!(mailbox.mails()[0].recipient(), "ada@example.test");
    // The server has the mail before the process has its word and writes it down; what is not written down is sent again.
    let options = SqliteConnectOptions::new().filename(folder.path().join("data/edgeward.db"));
    let mut sql = options.connect().await.unwrap();
    until_delivered(&mut sql).await;

    mailbox.stop();
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
    let served = serve(&folder);
    mailbox.wait();
    let mails = mailbox.mails();
    assert_eq!((mails.len(), mails[1].recipient()), (2, "bob@example.test"));
    served.kill();
}
