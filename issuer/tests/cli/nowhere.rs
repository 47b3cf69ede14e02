//! What commands say where there is nothing: no database, no rows, no terminal.

use std::fs;

use crate::{
    folder::Folder,
    postgres::server,
    program::{edgeward, run},
};

/// Commands that are about what is there already.
const ABOUT_SOMETHING: [&[&str]; 13] = [
    &["session", "list", "ada@example.test"],
    &["session", "revoke", "--user", "ada@example.test"],
    &["events", "list"],
    &["events", "failures", "--json"],
    &["events", "storage"],
    &["events", "purge"],
    &["edge", "list"],
    &["edge", "revoke", "eu-1"],
    &["audit", "verify"],
    &["user", "role", "add", "ada@example.test", "admin"],
    &["user", "unlock", "ada@example.test"],
    &["migrate", "status"],
    &["migrate", "down", "--yes"],
];

#[test]
fn a_folder_without_a_database_is_told_and_left_alone() {
    let folder = Folder::new();
    for args in ABOUT_SOMETHING {
        let ran = run(edgeward(folder.path()).args(args), b"");
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(2), ""),
            "{args:?} {ran:?}"
        );
        let said = "data/edgeward.db: there is no such database: name its folder with --data";
        assert!(ran.err.contains(said), "{args:?} {ran:?}");
    }
    for (args, code) in [(["config", "check"], 0), (["config", "show"], 0)] {
        assert_eq!(
            run(edgeward(folder.path()).args(args), b"").code,
            Some(code)
        );
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "nothing was made");
}

#[tokio::test]
async fn a_database_that_no_issuer_has_used_is_told_and_left_alone() {
    let folder = Folder::new();
    let database = server().database().await;
    let on_server = database.url().reveal().to_owned();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/edgeward.db"), b"").unwrap();
    for url in [None, Some(on_server)] {
        for args in &ABOUT_SOMETHING[..11] {
            let mut command = edgeward(folder.path());
            command.args(*args);
            command.envs(url.as_ref().map(|url| ("EDGEWARD__STORE__URL", url)));
            let ran = run(&mut command, b"");
            assert_eq!(ran.code, Some(2), "{args:?} {ran:?}");
            let said = "holds no tables of an issuer";
            assert!(ran.err.contains(said), "{args:?} {ran:?}");
        }
    }
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_one(&mut database.sql().await)
    .await
    .unwrap();
    assert_eq!(tables, 0);
}

#[test]
fn a_report_without_rows_says_so_beside_the_report() {
    let folder = Folder::new();
    assert_eq!(
        run(edgeward(folder.path()).args(["migrate", "up"]), b"").code,
        Some(0)
    );
    for report in ["list", "failures", "lockouts", "reuse", "refreshes"] {
        for form in [&[][..], &["--json"]] {
            let mut command = edgeward(folder.path());
            let ran = run(command.args(["events", report]).args(form), b"");
            assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:?}");
            assert_eq!(ran.err, "edgeward: there is nothing to report\n");
        }
    }
}

#[test]
fn the_check_says_what_it_has_read() {
    let folder = Folder::new();
    let ran = run(edgeward(folder.path()).args(["config", "check"]), b"");
    let data = folder.path().join("data");
    let (data, db) = (data.display(), data.join("edgeward.db"));
    let expected = format!(
        "ok: http://127.0.0.1:8787 (development)\nfile: no file: there is no --config\ndata: {data}\ndatabase: {} (not there yet)\n",
        db.display()
    );
    assert_eq!((ran.code, ran.out), (Some(0), expected), "{}", ran.err);

    let file = folder.path().join("edgeward.toml");
    fs::write(
        &file,
        "store.url = \"postgres://edgeward@db.test/edgeward?sslmode=verify-full\"\n",
    )
    .unwrap();
    let check = || {
        let mut command = edgeward(folder.path());
        command.args(["--config", "edgeward.toml", "config", "check"]);
        run(&mut command, b"")
    };
    let ran = check();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let read = format!("file: {}\n", file.display());
    assert!(ran.out.contains(&read), "{ran:?}");
    assert!(
        ran.out
            .contains("database: postgres://edgeward@db.test/edgeward"),
        "{ran:?}"
    );

    fs::write(&file, "log.lavel = \"info\"\n").unwrap();
    let ran = check();
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 1), "{ran:?}");
    assert_eq!(ran.err, "", "the mistake names the file");
    let mut command = edgeward(folder.path());
    command.env("EDGEWARD__LOG__LEVEL", "chatty");
    let ran = run(command.args(["config", "check"]), b"");
    assert_eq!((ran.code, ran.out.lines().count()), (Some(1), 1), "{ran:?}");
    assert_eq!(ran.err, "edgeward: read no file: there is no --config\n");
}

#[test]
fn text_lines_of_the_log_have_no_colours_in_a_file() {
    let folder = Folder::new();
    let mut command = edgeward(folder.path());
    command.env("EDGEWARD__LOG__FORMAT", "text");
    let ran = run(
        command.args(["user", "add", "--email", "ada@example.test"]),
        b"",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("migration applied"), "{ran:?}");
    assert!(!ran.err.contains('\u{1b}'), "{ran:?}");
}
