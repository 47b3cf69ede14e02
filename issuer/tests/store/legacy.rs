//! Tables of other systems, and the import of them by the program.

use std::{fs, process::Command};

use sqlx::{AssertSqlSafe, ConnectOptions, Row, sqlite::SqliteConnectOptions};

use crate::{
    desk::Desk,
    folder::Folder,
    program::{Ran, run},
};

/// All of these are of the desk's password. libxcrypt's bcrypt at its lowest cost.
pub(crate) const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuIhSHOYW62MYzOCiBO1FrAHfyr5D9TxS";
/// Python: `django.contrib.auth.hashers`, with 1000 iterations.
pub(crate) const DJANGO: &str =
    "pbkdf2_sha256$1000$saltsaltsaltsalt$EZp0Pxub0B6zH9UVCf/sGLP9SjxqkYZyZh5Sk+qa7wo=";
/// Python's argon2-cffi: Argon2i with little memory.
pub(crate) const ARGON2: &str =
    "$argon2i$v=19$m=16,t=2,p=1$C5PMw0NcaUFrN9E1N75I1w$8HP3Azi8BMfxy2Wx0uEhDzZQOT2/bwGuBEidiBCB7MA";

pub(crate) const DJANGO_MAPPING: &str = r#"
table = "auth_user"
key = "id"
[columns]
email = "email"
first_name = "first_name"
last_name = "last_name"
password = "password"
active = "is_active"
created_at = "date_joined"
[roles]
fixed = "member"
"#;

/// A folder with a mapping.
pub(crate) fn files(mapping: &str) -> Folder {
    let folder = Folder::new();
    fs::write(folder.path().join("mapping.toml"), mapping).unwrap();
    folder
}

/// A SQLite file `people.db` in it.
pub(crate) async fn make_sqlite(files: &Folder, statements: &str) {
    let options = SqliteConnectOptions::new()
        .filename(files.path().join("people.db"))
        .create_if_missing(true);
    let mut sql = options.connect().await.unwrap();
    let statements = AssertSqlSafe(statements.to_owned());
    sqlx::raw_sql(statements).execute(&mut sql).await.unwrap();
}

/// `edgeward user import` into a desk, from the folder of the mapping.
pub(crate) fn import(desk: &Desk, files: &Folder, args: &[&str]) -> Ran {
    run(&mut command(desk, files, args), b"")
}

pub(crate) fn command(desk: &Desk, files: &Folder, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgeward"));
    command
        .env_clear()
        .current_dir(files.path())
        .arg("--data")
        .arg(desk.data())
        .args(["user", "import", "--mapping", "mapping.toml"])
        .args(args);
    command
}

#[track_caller]
pub(crate) fn check(ran: &Ran, code: i32, out: &str, err: &str) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.out.trim_end(), out.trim_end(), "{ran:?}");
    assert!(ran.err.contains(err), "{ran:?}");
    for of_a_hash in ["$2b$", "pbkdf2_", "$argon2", "saltsalt", "example.test"] {
        let told = format!("{}{}", ran.out, ran.err);
        assert!(!told.contains(of_a_hash), "{ran:?}");
    }
}

/// The last lines: imported, known, disabled, unverified, faulty.
pub(crate) fn summary(taken: &str, counts: [u64; 5]) -> String {
    let names = [taken, "known", "disabled", "unverified", "faulty"];
    let lines: Vec<String> = names
        .iter()
        .zip(counts)
        .map(|(name, count)| format!("{name:<12}{count}"))
        .collect();
    lines.join("\n")
}

/// Every account: id, address, names, hash, and the roles.
pub(crate) async fn users(desk: &Desk) -> Vec<Vec<String>> {
    let rows = sqlx::query(
        "SELECT id, email, first_name, last_name, password_hash, created_at || ' ' || updated_at,
             (SELECT group_concat(role) FROM user_roles WHERE user_id = id)
         FROM users ORDER BY id",
    )
    .fetch_all(&mut desk.sql().await)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            (0..7)
                .map(|place| row.get::<Option<String>, _>(place).unwrap_or_default())
                .collect()
        })
        .collect()
}
