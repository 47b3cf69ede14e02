//! The commands of the operator on a server, and the way of a site to one.

use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::{
    program::{
        run,
        served::{SERVE, Served},
    },
    site::{PASSWORD, Site, log_in},
};

#[tokio::test]
async fn the_commands_of_the_operator_work_on_a_server() {
    let site = Site::new().await;
    let status = site.run(&["migrate", "status"]);
    assert_eq!(
        status.out.matches("pending").count(),
        status.out.lines().count()
    );
    assert_eq!(site.run(&["migrate", "up"]).code, Some(0));
    assert_eq!(site.run(&["migrate", "up"]).out, "nothing to do\n");
    assert_eq!(site.add_ada().code, Some(0));
    let again = site.add_ada();
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("another account"), "{again:?}");
    assert_eq!(site.run(&["edge", "enroll", "eu-1"]).code, Some(0));
    assert!(site.run(&["edge", "list"]).out.contains("enrolled"));
    let asks = site.run(&["migrate", "down"]);
    assert_eq!(asks.code, Some(1));
    assert!(asks.out.contains("dump the database"), "{asks:?}");
    assert_eq!(
        site.run(&["migrate", "down", "--to", "0", "--yes"]).code,
        Some(0)
    );
    let status = site.run(&["migrate", "status"]);
    assert_eq!(
        status.out.matches("pending").count(),
        status.out.lines().count()
    );
    assert!(!site.folder.path().join("data/edgeward.db").exists());
}

#[tokio::test]
async fn a_site_moves_from_its_file_to_a_server_and_nobody_is_signed_out() {
    let site = Site::new().await;
    let on_file = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env_remove("EDGEWARD__STORE__URL");
        command
    };
    let add = [
        "user",
        "add",
        "--email",
        "ada@example.test",
        "--password-stdin",
    ];
    assert_eq!(run(&mut on_file(&add), PASSWORD.as_bytes()).code, Some(0));
    assert_eq!(
        run(&mut on_file(&["edge", "enroll", "eu-1"]), b"").code,
        Some(0)
    );
    let issuer = Served::start(on_file(&SERVE));
    let client = Client::new();
    let token = log_in(&client, &issuer).await;
    drop(issuer);

    let file = site.folder.path().join("data/edgeward.db");
    let copy = ["migrate", "copy", file.to_str().unwrap()];
    let copied = site.run(&copy);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    let entries = |line: &str| {
        Some(
            line.strip_prefix("audit_log")?
                .split_whitespace()
                .next()?
                .to_owned(),
        )
    };
    let entries = copied.out.lines().find_map(entries).unwrap();
    for says in [
        "users                1 rows",
        &format!("the audit log is whole: {entries} entries\n"),
    ] {
        assert!(copied.out.contains(says), "{says}: {copied:?}");
    }
    assert!(entries.parse::<u32>().unwrap() >= 4, "{copied:?}");
    let again = site.run(&copy);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.err.contains("is not empty"), "{again:?}");
    let nowhere = run(&mut on_file(&copy), b"");
    assert!(nowhere.err.contains("store.url"), "{nowhere:?}");

    let issuer = site.serve();
    let answer = client
        .post(format!("{}/auth/refresh", issuer.origin))
        .json(&json!({ "refreshToken": token }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    log_in(&client, &issuer).await;
    assert!(site.run(&["edge", "list"]).out.contains("eu-1"));
}
