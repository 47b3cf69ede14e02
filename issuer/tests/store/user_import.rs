//! People of other systems: from a SQLite file and from CSV, told row by row, signing in with their old passwords.

use std::fs;

use serde_json::json;

use crate::{
    desk::{Desk, PASSWORD},
    legacy::{
        ARGON2, BCRYPT, DJANGO, DJANGO_MAPPING, check, files, import, make_sqlite, summary, users,
    },
};

/// Django's table of users, with a row for each of its hashers and some that nobody can sign in with.
fn django() -> String {
    let row = |id: u32, email: &str, hash: &str, active: u8| {
        format!(
            "INSERT INTO auth_user VALUES ({id}, '{email}', 'Grace', 'Hopper', '{hash}', {active}, '2019-05-01 12:00:00.25');"
        )
    };
    [
        "CREATE TABLE auth_user (id INTEGER PRIMARY KEY, email TEXT, first_name TEXT, last_name TEXT, password TEXT, is_active BOOL, date_joined TEXT);".to_owned(),
        row(3, "Grace@Example.test", DJANGO, 1),
        row(7, "bcrypt@example.test", &format!("bcrypt${BCRYPT}"), 1),
        row(8, "argon2@example.test", &format!("argon2{ARGON2}"), 1),
        row(9, "gone@example.test", DJANGO, 0),
        row(10, "grace@example.test", BCRYPT, 1),
        row(11, "unusable@example.test", "!wO3k", 1),
        row(12, "no address", DJANGO, 1),
        row(13, "", DJANGO, 1),
    ]
    .concat()
}

const DJANGO_TOLD: &str =
    "id 10: has the same address as id 3, but for upper and lower case or blanks
id 11: a password hash that is none of bcrypt, Argon2 and PBKDF2 cannot be used
id 12: email must be an address such as ada@example.com
id 13: columns.email has no value
";

#[tokio::test]
async fn people_of_a_django_table_sign_in_and_their_hashes_are_replaced() {
    let desk = Desk::open().await;
    let files = files(DJANGO_MAPPING);
    make_sqlite(&files, &django()).await;
    let before = (users(&desk).await, desk.audit().await);

    let dry = import(&desk, &files, &["people.db", "--dry-run"]);
    let told = format!("{DJANGO_TOLD}{}", summary("to import", [3, 0, 1, 0, 4]));
    check(&dry, 1, &told, "");
    assert_eq!((users(&desk).await, desk.audit().await), before);

    let ran = import(&desk, &files, &["people.db"]);
    let told = format!("{DJANGO_TOLD}{}", summary("imported", [3, 0, 1, 0, 4]));
    check(&ran, 1, &told, "");
    let hashes = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=8,%'";
    assert_eq!(desk.number(hashes).await, 0);
    for email in [
        "grace@example.test",
        "bcrypt@example.test",
        "argon2@example.test",
    ] {
        let mut browser = desk.browser();
        let wrong = json!({ "email": email, "password": "Wrong-Horse-7" });
        let refused = browser.post("/auth/login").json(&wrong).send().await;
        refused.expect_problem(401, "INVALID_CREDENTIALS");
        let me = browser.log_in(email).await.json();
        assert_eq!(me["user"]["roles"], json!(["member"]));
        assert_eq!(me["user"]["firstName"], "Grace");
        // Once more, by the new hash.
        browser.log_in(email).await;
    }
    assert_eq!(desk.number(hashes).await, 3);
    let made =
        "SELECT count(*) FROM users WHERE created_at = 1556712000 AND updated_at > created_at";
    assert_eq!(desk.number(made).await, 3);
    for email in ["gone@example.test", "unusable@example.test"] {
        let ask = json!({ "email": email, "password": PASSWORD });
        let refused = desk.browser().post("/auth/login").json(&ask).send().await;
        refused.expect_problem(401, "INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn an_import_that_is_repeated_changes_nothing() {
    let desk = Desk::open().await;
    let files = files(DJANGO_MAPPING);
    make_sqlite(&files, &django()).await;
    import(&desk, &files, &["people.db"]);
    desk.browser().log_in("grace@example.test").await;
    let before = (users(&desk).await, desk.audit().await);
    let again = import(&desk, &files, &["people.db"]);
    let told = format!("{DJANGO_TOLD}{}", summary("imported", [0, 3, 1, 0, 4]));
    check(&again, 1, &told, "");
    let dry = import(&desk, &files, &["people.db", "--dry-run"]);
    let told = format!("{DJANGO_TOLD}{}", summary("to import", [0, 3, 1, 0, 4]));
    check(&dry, 1, &told, "");
    assert_eq!((users(&desk).await, desk.audit().await), before);
}

#[tokio::test]
async fn the_log_names_the_accounts_of_a_batch_and_nothing_personal() {
    let desk = Desk::open().await;
    let files = files(DJANGO_MAPPING);
    make_sqlite(&files, &django()).await;
    import(&desk, &files, &["people.db"]);
    let log = desk.audit().await;
    let entry = log
        .iter()
        .find(|entry| entry["action"] == "account.import")
        .unwrap();
    let details = entry["details"].as_object().unwrap();
    assert_eq!(entry["actor"], "operator");
    assert_eq!(details["accounts"], "3");
    assert_eq!(
        (&details["source"], &details["roles"]),
        (&json!("sqlite"), &json!("member"))
    );
    let named: Vec<&str> = details["users"].as_str().unwrap().split(' ').collect();
    let mut ids: Vec<String> = users(&desk)
        .await
        .into_iter()
        .map(|user| user[0].clone())
        .collect();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    ids.sort_unstable();
    assert_eq!(sorted, ids);
    assert!(!entry.to_string().contains("example.test"), "{entry}");
    let events = "SELECT count(*) FROM security_events WHERE type = 'accounts.imported'
        AND json_extract(metadata, '$.accounts') = '3' AND json_extract(metadata, '$.users') IS NULL";
    assert_eq!(desk.number(events).await, 1);
}

const CSV_MAPPING: &str = r#"
csv.separator = ";"
unverified = "leave-out"
[columns]
email = "Mail"
full_name = "Name"
password = "Hash"
roles = "Groups"
verified = "Confirmed"
created_at = "Since"
disabled = "Blocked"
[formats]
created_at = "milliseconds"
verified = "moment"
[roles]
fixed = "member, imported"
form = "json"
[roles.names]
ROLE_ADMIN = "admin"
"ROLE_USER" = ""
"#;

#[tokio::test]
async fn a_csv_file_is_read_as_spreadsheets_write_it() {
    let desk = Desk::open().await;
    let files = files(CSV_MAPPING);
    let line =
        |mail: &str, name: &str, groups: &str, confirmed: &str, since: &str, blocked: &str| {
            let groups = groups.replace('"', "\"\"");
            format!("{mail};\"{name}\";\"{groups}\";{BCRYPT};{confirmed};{since};{blocked}\r\n")
        };
    let csv = [
        "\u{feff}Mail;Name;Groups;Hash;Confirmed;Since;Blocked\r\n".to_owned(),
        line(
            "ada@example.test",
            "Ada King; Lovelace",
            r#"["ROLE_ADMIN","ROLE_USER"]"#,
            "2020-01-01",
            "1577836800999",
            "no",
        ),
        line(
            "unicode@example.test",
            "Zoë",
            "",
            "2020-01-01 00:00:00",
            "",
            "",
        ),
        line("open@example.test", "Un Verified", "[]", "", "", "0"),
        line(
            "zero@example.test",
            "Un Verified",
            "[]",
            "0000-00-00 00:00:00",
            "",
            "0",
        ),
        line(
            "blocked@example.test",
            "Blocked",
            "[]",
            "2020-01-01",
            "",
            "yes",
        ),
        line("maybe@example.test", "X", "[]", "2020-01-01", "", "perhaps"),
        line("pending@example.test", "X", "[]", "pending", "", ""),
        line("role@example.test", "X", r#"["ROLE_ROOT"]"#, "1", "", ""),
        line("list@example.test", "X", "ROLE_ADMIN", "1", "", ""),
        line("line@example.test", "two\nlines", "[]", "1", "", ""),
        line("later@example.test", "X", "[]", "1", "99999999999999", ""),
        line("seconds@example.test", "X", "[]", "1", "1577836800.5", ""),
        "short;line\r\n".to_owned(),
        line("last@example.test", "Last", "[]", "1", "0", ""),
    ]
    .concat();
    let mut bytes = csv.into_bytes();
    bytes.extend(b"latin@example.test;M\xfcller;[];x;1;;\r\n");
    fs::write(files.path().join("people.csv"), bytes).unwrap();
    let told = [
        "line 7: columns.disabled is no truth value, such as true, false, 1, 0",
        "line 8: columns.verified is neither empty nor a moment",
        "line 9: a role is not in roles.names of the mapping",
        "line 10: columns.roles is no JSON array of texts",
        "line 13: columns.created_at is no moment in the past of the form that the mapping says",
        "line 15: has more or fewer fields than the first line",
        "line 17: holds a value that is no UTF-8",
        "",
    ]
    .join("\n");
    let ran = import(&desk, &files, &["people.csv"]);
    let told = format!("{told}{}", summary("imported", [5, 0, 1, 2, 7]));
    check(&ran, 1, &told, "");
    let me = desk.browser().log_in("ada@example.test").await.json();
    assert_eq!(me["user"]["roles"], json!(["admin", "imported", "member"]));
    assert_eq!(me["user"]["firstName"], "Ada King;");
    assert_eq!(me["user"]["lastName"], "Lovelace");
    let me = desk.browser().log_in("unicode@example.test").await.json();
    assert_eq!(
        (&me["user"]["firstName"], &me["user"]["lastName"]),
        (&json!("Zoë"), &json!(""))
    );
    let made = "SELECT created_at FROM users WHERE email = 'ada@example.test'";
    assert_eq!(desk.number(made).await, 1_577_836_800);
}

#[tokio::test]
async fn salt_and_iterations_in_columns_of_their_own() {
    const MAPPING: &str = r#"
[columns]
email = "email"
password = "hash"
salt = "salt"
iterations = "rounds"
[password]
format = "pbkdf2"
digest = "sha256"
hash_encoding = "hex"
salt_encoding = "text"
"#;
    let desk = Desk::open().await;
    let files = files(MAPPING);
    let hash = "119a743f1b9bd01eb31fd51509ffec18b3fd4a3c6a918672661e5293ea9aef0a";
    let csv = format!(
        "email,hash,salt,rounds\nada@example.test,{hash},saltsaltsaltsalt,1000\nb@example.test,{hash},,1000\n\
         c@example.test,{hash},salt,many\nd@example.test,xyz,salt,1\ne@example.test,{hash},salt,9000000\n"
    );
    fs::write(files.path().join("people.csv"), csv).unwrap();
    let told = "line 3: columns.salt has no value
line 4: columns.iterations is not what the mapping says
line 5: columns.password is not what the mapping says
line 6: a PBKDF2 hash of more than 5,000,000 iterations cannot be used
";
    let ran = import(&desk, &files, &["people.csv"]);
    let told = format!("{told}{}", summary("imported", [1, 0, 0, 0, 4]));
    check(&ran, 1, &told, "");
    desk.browser().log_in("ada@example.test").await;
}

#[tokio::test]
async fn ten_thousand_rows_come_in_batches_and_go_on_where_they_were_cut_off() {
    let desk = Desk::open().await;
    let files = files(
        "table = \"people\"\nkey = \"id\"\n[columns]\nemail = \"email\"\npassword = \"hash\"\n",
    );
    let rows = format!(
        "CREATE TABLE people (id TEXT PRIMARY KEY, email TEXT, hash TEXT) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO people SELECT printf('%05d', i), 'p' || i || '@example.test', '{BCRYPT}' FROM n;"
    );
    make_sqlite(&files, &rows).await;
    // The seventh batch fails as a whole, and so does the run.
    desk.run(
        "CREATE TRIGGER full BEFORE INSERT ON users WHEN NEW.email = 'p1300@example.test'
        BEGIN SELECT RAISE(ABORT, 'no space'); END",
    )
    .await;
    let cut = import(&desk, &files, &["people.db"]);
    assert_eq!(cut.code, Some(2), "{cut:?}");
    assert!(
        cut.err.contains("no space") && !cut.err.contains("$2"),
        "{cut:?}"
    );
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 1200);
    desk.run("DROP TRIGGER full").await;
    let rest = import(&desk, &files, &["people.db"]);
    check(&rest, 0, &summary("imported", [8800, 1200, 0, 0, 0]), "");
    assert_eq!(desk.number("SELECT count(*) FROM users").await, 10_000);
    let batches = "SELECT count(*) FROM audit_log WHERE action = 'account.import'";
    assert_eq!(desk.number(batches).await, 50);
    desk.browser().log_in("p10000@example.test").await;
}

#[tokio::test]
async fn a_dry_run_makes_no_database() {
    let files = files(DJANGO_MAPPING);
    make_sqlite(&files, &django()).await;
    let mut command = crate::program::edgeward(files.path());
    command.args([
        "user",
        "import",
        "--mapping",
        "mapping.toml",
        "people.db",
        "--dry-run",
    ]);
    let ran = crate::program::run(&mut command, b"");
    let told = format!("{DJANGO_TOLD}{}", summary("to import", [3, 0, 1, 0, 4]));
    let database = files.path().join("data/edgeward.db");
    let none = format!("edgeward: there is no database at {}", database.display());
    check(&ran, 1, &told, &none);
    assert!(!files.path().join("data").exists());
    // A file that no issuer has used.
    fs::create_dir(files.path().join("data")).unwrap();
    fs::write(&database, "").unwrap();
    let ran = crate::program::run(&mut command, b"");
    check(&ran, 1, &told, "edgeward.db: there are no tables yet");
}

/// The mappings in the documentation, between its fences.
#[tokio::test]
async fn the_documented_mappings_are_read_and_the_first_one_fits_a_django_project() {
    const PAGE: &str = include_str!("../../../docs/IMPORT.md");
    let blocks = |language: &str| -> Vec<String> {
        let fence = format!("```{language}\n");
        let parts = PAGE.split(&fence).skip(1);
        parts
            .map(|part| part.split("```").next().unwrap().to_owned())
            .collect()
    };
    let (mappings, views) = (blocks("toml"), blocks("sql"));
    assert_eq!((mappings.len(), views.len()), (2, 1));
    for mapping in &mappings {
        let files = files(mapping);
        let path = files.path().join("mapping.toml");
        let read = edgeward_issuer::config::mapping::Mapping::load(&path);
        assert!(read.is_ok(), "{read:?}");
    }
    let desk = Desk::open().await;
    let files = files(&mappings[0]);
    let groups = "CREATE TABLE auth_group (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE auth_user_groups (user_id INTEGER, group_id INTEGER);
        INSERT INTO auth_group VALUES (1, 'Editors'), (2, 'Newsletter');
        INSERT INTO auth_user_groups VALUES (3, 1), (3, 2);";
    make_sqlite(&files, &format!("{}{groups}{}", django(), views[0])).await;
    let ran = import(&desk, &files, &["people.db"]);
    let told = format!("{DJANGO_TOLD}{}", summary("imported", [3, 0, 1, 0, 4]));
    check(&ran, 1, &told, "");
    let me = desk.browser().log_in("grace@example.test").await.json();
    assert_eq!(me["user"]["roles"], json!(["editor", "member"]));
}
