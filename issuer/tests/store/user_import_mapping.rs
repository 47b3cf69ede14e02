//! What a mapping of an import must be: held against itself, and against the table.

use std::fs;

use crate::{
    desk::Desk,
    legacy::{check, files, import, make_sqlite, summary},
};

#[tokio::test]
async fn a_name_in_the_mapping_is_a_name_and_nothing_else() {
    let desk = Desk::open().await;
    let files = files("");
    make_sqlite(&files, "CREATE TABLE \"odd \"\" table\" (\"a\"\"b\" TEXT, \"drop table users; --\" TEXT, k INTEGER);").await;
    let mapping = |table: &str, key: &str, email: &str, password: &str| {
        let text = format!(
            "table = '''{table}'''\nkey = '''{key}'''\n[columns]\nemail = '''{email}'''\npassword = '''{password}'''\n"
        );
        fs::write(files.path().join("mapping.toml"), text).unwrap();
        import(&desk, &files, &["people.db"])
    };
    let odd = "odd \" table";
    let nobody = summary("imported", [0; 5]);
    check(
        &mapping(odd, "k", "a\"b", "drop table users; --"),
        0,
        &nobody,
        "",
    );
    for (table, key, email, password, complaint) in [
        (
            "sqlite_schema; --",
            "k",
            "e",
            "p",
            "mapping.toml:1: table: there is no such table",
        ),
        (
            "odd",
            "k",
            "e",
            "p",
            "mapping.toml:1: table: there is no such table",
        ),
        (
            odd,
            "k",
            "a\" || k || \"b",
            "k",
            "mapping.toml:4: columns.email: there is no such column",
        ),
        (
            odd,
            "k",
            "1) UNION SELECT 1 --",
            "k",
            "mapping.toml:4: columns.email: there is no such column",
        ),
        (
            odd,
            "kk",
            "a'b",
            "k",
            "mapping.toml:2: key: there is no such column",
        ),
        (odd, "k", "a'b", "k", "did you mean a\"b?"),
    ] {
        check(&mapping(table, key, email, password), 2, "", complaint);
    }
}

#[tokio::test]
async fn a_key_that_does_not_tell_rows_apart_is_refused() {
    let desk = Desk::open().await;
    for (rows, complaint) in [
        (
            "(1, 'a'), (1, 'b')",
            "0 rows have no value there, and 1 one that another row has",
        ),
        ("(NULL, 'a'), (1, 'b')", "1 rows have no value there"),
        ("(1.5, 'a')", "k holds fractions"),
    ] {
        let files =
            files("table = \"p\"\nkey = \"k\"\n[columns]\nemail = \"e\"\npassword = \"e\"\n");
        make_sqlite(
            &files,
            &format!("CREATE TABLE p (k, e TEXT); INSERT INTO p VALUES {rows};"),
        )
        .await;
        check(&import(&desk, &files, &["people.db"]), 2, "", complaint);
    }
}

#[tokio::test]
async fn what_is_longer_than_any_value_takes_no_memory() {
    let desk = Desk::open().await;
    let columns = "[columns]\nemail = \"e\"\npassword = \"p\"\n";
    let files = files(columns);
    // A quote that is never closed, in a file of twice as much as one row may have.
    let rows = "ada@example.test,x\n".repeat(120_000);
    let open = format!("e,p\nb@example.test,short\nada@example.test,\"x\n{rows}");
    fs::write(files.path().join("open.csv"), open).unwrap();
    let ran = import(&desk, &files, &["open.csv"]);
    check(&ran, 2, "", "a row is longer than 1 MiB");
    let rows = "CREATE TABLE t (k INTEGER PRIMARY KEY, e TEXT, p);
        INSERT INTO t VALUES (1, 'a@example.test', zeroblob(50000000)), (2, printf('%.9000000c', 'a'), 'p')";
    make_sqlite(&files, rows).await;
    let mapping = format!("table = \"t\"\nkey = \"k\"\n{columns}");
    fs::write(files.path().join("mapping.toml"), mapping).unwrap();
    let told = "k 1: a password hash cannot be used\nk 2: email must be an address such as ada@example.com";
    let told = format!("{told}\n{}", summary("imported", [0, 0, 0, 0, 2]));
    check(&import(&desk, &files, &["people.db"]), 1, &told, "");
}

#[tokio::test]
async fn every_mistake_of_a_mapping_is_told_at_once() {
    let desk = Desk::open().await;
    let files = files(
        r#"tabel = "users"
key = 7
unverified = "maybe"
[columns]
e_mail = "mail"
full_name = "n"
first_name = "f"
[password]
format = "pbkdf2"
digest = "md5"
iterations = 0
[roles]
fixed = "a b"
unknown = "drop"
[roles.names]
root = "not a role"
admins = 3
"#,
    );
    let ran = import(&desk, &files, &["people.db"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{ran:?}");
    let expected = [
        "mapping.toml:1: tabel: there is no such setting; did you mean table?",
        "mapping.toml:2: key: must be a text",
        "mapping.toml:3: unverified: must be one of leave-out, take",
        "mapping.toml:5: columns.e_mail: there is no such setting; did you mean columns.email?",
        "mapping.toml:6: columns.full_name: contradicts columns.first_name",
        "mapping.toml:10: password.digest: must be one of sha1, sha256, sha512",
        "mapping.toml:11: password.iterations: must be a whole number from 1 to",
        "mapping.toml:13: roles.fixed: a role is",
        "mapping.toml:14: roles.unknown: says nothing without columns.roles",
        "mapping.toml:16: roles.names.root: a role is",
        "mapping.toml:17: roles.names.admins: must be a role, or empty for none",
        "mapping.toml: columns.email: is missing",
        "mapping.toml: columns.password: is missing",
        "mapping.toml: columns.salt: is missing, and pbkdf2 needs it",
        "mapping.toml: password.hash_encoding: is missing, and pbkdf2 needs it",
        "mapping.toml: password.salt_encoding: is missing, and pbkdf2 needs it",
    ];
    assert_eq!(ran.err.lines().count(), expected.len(), "{}", ran.err);
    for (line, said) in ran.err.lines().zip(expected) {
        assert!(line.contains(said), "{said}\n{}", ran.err);
    }
}

#[test]
fn nothing_is_missed_in_a_mapping_that_cannot_be_read() {
    let files = files("[columns]\nemail = mail\npasword = \"p\"\n");
    for (mapping, lines) in [
        ("nomap.toml", &["nomap.toml: No such file"][..]),
        (
            "mapping.toml",
            &[
                "mapping.toml:2: no valid TOML",
                "mapping.toml:3: columns.pasword: there is no such setting; did you mean columns.password?",
            ],
        ),
    ] {
        let mut command = crate::program::edgeward(files.path());
        command.args(["user", "import", "people.db", "--mapping", mapping]);
        let ran = crate::program::run(&mut command, b"");
        check(&ran, 2, "", lines[0]);
        let told: Vec<&str> = ran.err.lines().collect();
        assert_eq!(told.len(), lines.len(), "{ran:?}");
        let found = told.iter().zip(lines);
        assert!(
            found.into_iter().all(|(told, line)| told.contains(line)),
            "{ran:?}"
        );
    }
}
