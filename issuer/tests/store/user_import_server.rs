//! People of a table on a PostgreSQL server, taken over into a file and into a database on a server.

use std::fs;

use edgeward_issuer::store::{Store, audit::ChainVerdict};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::{
    desk::{Desk, PASSWORD},
    legacy::{BCRYPT, check, command, files, summary},
    postgres::{Database, server},
    program::run,
};

/// Salt and hash as bytes, moments with an offset, truth values, a schema of its own and a key of UUIDs.
const MAPPING: &str = r#"
schema = "Old Site"
table = "People"
key = "id"
[columns]
email = "e-mail"
full_name = "display name"
password = "hash"
salt = "salt"
iterations = "rounds"
roles = "roles"
verified = "verified"
disabled = "deleted_at"
created_at = "created"
[formats]
disabled = "moment"
[password]
format = "pbkdf2"
digest = "sha256"
hash_encoding = "hex"
salt_encoding = "hex"
[roles]
separator = " "
[roles.names]
Administrators = "admin"
"#;

const ROWS: &str = r#"
CREATE SCHEMA "Old Site";
CREATE TABLE "Old Site"."People" (
    id uuid PRIMARY KEY, "e-mail" varchar(200), "display name" text, hash bytea, salt bytea, rounds int, roles text,
    verified boolean, deleted_at timestamptz, created timestamptz NOT NULL
);
INSERT INTO "Old Site"."People"
SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, mail, 'Ada Lovelace',
    '\x119a743f1b9bd01eb31fd51509ffec18b3fd4a3c6a918672661e5293ea9aef0a', 'saltsaltsaltsalt'::bytea, 1000, role,
    verified, deleted, '2020-01-01 01:00:00.5+01'
FROM (VALUES
    (1, 'ada@example.test', 'Administrators', true, NULL),
    (2, 'ADA@example.test', '', true, NULL),
    (3, 'open@example.test', '', NULL, NULL),
    (4, 'gone@example.test', '', true, now()),
    (5, 'root@example.test', 'Administrators Root', true, NULL)
) AS rows (n, mail, role, verified, deleted);
ALTER DATABASE @NAME@ SET DateStyle = 'German';
ALTER DATABASE @NAME@ SET TimeZone = 'Asia/Tokyo';
ALTER DATABASE @NAME@ SET bytea_output = 'escape';
"#;

const TOLD: &str = "id 00000000-0000-0000-0000-000000000002: has the same address as id 00000000-0000-0000-0000-000000000001, but for upper and lower case or blanks
id 00000000-0000-0000-0000-000000000005: a role is not in roles.names of the mapping
";

async fn old_site() -> (Database, String) {
    let database = server().database().await;
    let url = database.url_as("edgeward:s3cret").reveal().to_owned();
    let (_, name) = url.rsplit_once('/').unwrap();
    let rows = AssertSqlSafe(ROWS.replace("@NAME@", name));
    sqlx::raw_sql(rows)
        .execute(&mut database.sql().await)
        .await
        .unwrap();
    (database, url)
}

#[tokio::test]
async fn people_of_a_server_sign_in() {
    let desk = Desk::open().await;
    let files = files(MAPPING);
    let (_old, url) = old_site().await;
    let mut by_variable = command(&desk, &files, &["--source-env", "OLD_SITE", "--dry-run"]);
    let ran = run(by_variable.env("OLD_SITE", &url), b"");
    let told = format!("{TOLD}{}", summary("to import", [1, 0, 1, 1, 2]));
    check(&ran, 1, &told, "");
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 0);

    fs::write(files.path().join("address"), format!("{url}\n")).unwrap();
    for counts in [[1, 0, 1, 1, 2], [0, 1, 1, 1, 2]] {
        let ran = run(
            &mut command(&desk, &files, &["--source-file", "address"]),
            b"",
        );
        check(
            &ran,
            1,
            &format!("{TOLD}{}", summary("imported", counts)),
            "",
        );
    }
    let made = "SELECT created_at FROM users";
    assert_eq!(desk.number(made).await, 1_577_836_800);
    let me = desk.browser().log_in("ada@example.test").await.json();
    assert_eq!(me["user"]["roles"], json!(["admin"]));
    let upgraded = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(desk.number(upgraded).await, 1);
}

#[tokio::test]
async fn an_address_with_a_password_is_no_argument_and_is_never_told() {
    let desk = Desk::open().await;
    let files = files(MAPPING);
    let (_old, url) = old_site().await;
    let ran = run(&mut command(&desk, &files, &[&url]), b"");
    check(&ran, 2, "", "SOURCE holds a password");
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
    let elsewhere = format!("{url}_not_there");
    let mut away = command(&desk, &files, &["--source-env", "OLD_SITE"]);
    let ran = run(away.env("OLD_SITE", elsewhere), b"");
    check(&ran, 2, "", "does not exist");
    assert!(!ran.err.contains("s3cret"), "{ran:?}");
    for (args, complaint) in [
        (
            &["--source-env", "OLD_SITE"][..],
            "there is no such variable",
        ),
        (&["--source-file", "nowhere"], "nowhere: No such file"),
        (&[], "required arguments"),
        (
            &["people.db", "--source-env", "OLD_SITE"],
            "cannot be used with",
        ),
        (&["nowhere.db"], "nowhere.db: No such file"),
    ] {
        check(
            &run(&mut command(&desk, &files, args), b""),
            2,
            "",
            complaint,
        );
    }
}

#[tokio::test]
async fn names_on_a_server_are_names_and_nothing_else() {
    let desk = Desk::open().await;
    let (_old, url) = old_site().await;
    let url = url.replace(":s3cret", "");
    for (from, to, complaint) in [
        (
            "\"People\"",
            "'''People\" WHERE 1=1; DROP SCHEMA \"Old Site\" CASCADE; --'''",
            "table: there is no such table",
        ),
        ("\"People\"", "\"people\"", "table: there is no such table"),
        (
            "\"e-mail\"",
            "'''e-mail\" || pg_sleep(9) || \"'''",
            "columns.email: there is no such column",
        ),
        (
            "\"e-mail\"",
            "\"email\"",
            "columns.email: there is no such column; did you mean e-mail?",
        ),
        (
            "key = \"id\"",
            "key = \"display name\"",
            "key: must tell the rows apart",
        ),
    ] {
        let files = files(&MAPPING.replace(from, to));
        check(
            &run(&mut command(&desk, &files, &[&url]), b""),
            2,
            "",
            complaint,
        );
    }
    let files = files(MAPPING);
    let ran = run(&mut command(&desk, &files, &[&url]), b"");
    check(
        &ran,
        1,
        &format!("{TOLD}{}", summary("imported", [1, 0, 1, 1, 2])),
        "",
    );
}

#[tokio::test]
async fn batches_are_written_to_a_server_too() {
    let desk = Desk::open().await;
    let files = files(
        "table = \"people\"\nkey = \"id\"\n[columns]\nemail = \"mail\"\npassword = \"hash\"\n",
    );
    let database = server().database().await;
    let mut sql = database.sql().await;
    let rows = format!(
        "CREATE SCHEMA old;
         CREATE TABLE old.people AS
         SELECT n AS id, 'p' || n || '@example.test' AS mail, '{BCRYPT}' AS hash FROM generate_series(1, 450) AS n;"
    );
    sqlx::raw_sql(AssertSqlSafe(rows))
        .execute(&mut sql)
        .await
        .unwrap();
    let mapping = fs::read_to_string(files.path().join("mapping.toml")).unwrap();
    fs::write(
        files.path().join("mapping.toml"),
        format!("schema = \"old\"\n{mapping}"),
    )
    .unwrap();
    let into = database.url().reveal().to_owned();
    for (imported, known) in [(450, 0), (0, 450)] {
        let mut ask = command(&desk, &files, &[&into]);
        let ran = run(ask.env("EDGEWARD__STORE__URL", &into), b"");
        check(
            &ran,
            0,
            &summary("imported", [imported, known, 0, 0, 0]),
            "",
        );
    }
    let batches: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'account.import'")
            .fetch_one(&mut sql)
            .await
            .unwrap();
    assert_eq!(batches, 3);
    let url = database.url();
    let served = Desk::open_with(|config| {
        config.store.database = edgeward_issuer::config::Database::Server(url.clone());
    })
    .await;
    let ask = json!({ "email": "p450@example.test", "password": PASSWORD });
    served
        .browser()
        .post("/auth/login")
        .json(&ask)
        .send()
        .await
        .expect(200);
    let store = Store::connect(&url, 2).await.unwrap();
    let verdict = store.verify_audit_chain().await.unwrap();
    assert!(matches!(verdict, ChainVerdict::Whole(_)), "{verdict:?}");
}
