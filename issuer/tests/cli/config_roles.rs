//! `[[tokens.role]]`: what is said of each mistake, and what is shown.

use std::fs;

use edgeward_issuer::{
    config::{Config, Inputs},
    domain::{accounts::Role, scopes::SCOPES_MAX_BYTES},
};

use crate::{
    folder::Folder,
    settings::{check, load},
};

const TWO: &str = "[[tokens.role]]\nname = \"editor\"\nscopes = [\"articles:write\", \"articles:read\"]\n[[tokens.role]]\nname = \"site.reviewer\"\nscopes = [\n  \"articles:read\",\n  \"reviews!\",\n]\n";

fn scope_of(config: &Config, roles: &[&str]) -> String {
    let roles: Vec<Role> = roles.iter().map(|it| Role::parse(it).unwrap()).collect();
    config.scope_of(&roles)
}

/// A table for a role with one scope of so many bytes.
fn table(role: &str, letter: char, bytes: usize) -> String {
    let scope = String::from(letter).repeat(bytes);
    format!("[[tokens.role]]\nname = \"{role}\"\nscopes = [\"{scope}\"]\n")
}

#[test]
fn each_role_has_its_scopes() {
    let config = load(Some(TWO), &[]).unwrap();
    for (roles, expected) in [
        (&["editor"][..], "articles:read articles:write"),
        (&["site.reviewer"], "articles:read reviews!"),
        (
            &["editor", "site.reviewer"],
            "articles:read articles:write reviews!",
        ),
        (&["admin"], ""),
    ] {
        assert_eq!(scope_of(&config, roles), expected, "{roles:?}");
    }
    for nothing in ["", "tokens.role = []\n"] {
        let config = load(Some(nothing), &[]).unwrap();
        assert_eq!(scope_of(&config, &["editor"]), "", "{nothing:?}");
    }
}

#[test]
fn every_mistake_is_told_at_its_line() {
    for (file, expected) in [
        (
            "tokens.role = \"editor\"\n",
            &["FILE:1: tokens.role: must be tables, each as [[tokens.role]]"][..],
        ),
        (
            "[[tokens.roles]]\nname = \"a\"\nscopes = [\"x\"]\n",
            &["FILE:1: tokens.roles: there is no such setting; did you mean tokens.role?"],
        ),
        (
            "[[tokens.role]]\nname = \"a b\"\nscopes = [\"x\"]\n",
            &[
                "FILE:2: tokens.role.name: a role is 1 to 64 characters of a-z, A-Z, 0-9, '-', '_', '.' and ':'",
            ],
        ),
        (
            "[[tokens.role]]\nname = \"\"\nscopes = [\"x\"]\n",
            &["FILE:2: tokens.role.name: is empty"],
        ),
        (
            "[[tokens.role]]\nname = 1\nscopes = [\"x\"]\n",
            &["FILE:2: tokens.role.name: must be a text"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"x\"]\n[[tokens.role]]\nname = \"a\"\nscopes = [\"y\"]\n",
            &["FILE:5: tokens.role.name: a is named twice, first in FILE:1"],
        ),
        (
            "[[tokens.role]]\nscopes = [\"x\"]\n",
            &["FILE:1: tokens.role.name: is missing: it is the role whose scopes these are"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\n",
            &["FILE:1: tokens.role.scopes: is missing: name what the role permits"],
        ),
        (
            "[[tokens.role]]\nnmae = \"a\"\nscope = [\"x\"]\n",
            &[
                "FILE:2: tokens.role.nmae: there is no such setting; did you mean name?",
                "FILE:3: tokens.role.scope: there is no such setting; did you mean scopes?",
            ],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"x\"]\naudience = \"b\"\n",
            &["FILE:4: tokens.role.audience: there is no such setting; there are name, scopes"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = \"x\"\n",
            &["FILE:3: tokens.role.scopes: must be a list of scopes, as [\"articles:read\""],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"x\", 1]\n",
            &["FILE:3: tokens.role.scopes: must be a list of scopes"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = []\n",
            &["FILE:3: tokens.role.scopes: is empty"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"x\", \"y z\"]\n",
            &[
                "FILE:3: tokens.role.scopes: \"y z\" is none: a scope is visible ASCII without blanks, '\"' and '\\'",
            ],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"\"]\n",
            &["FILE:3: tokens.role.scopes: \"\" is none"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"é\"]\n",
            &["FILE:3: tokens.role.scopes: \"é\" is none"],
        ),
        (
            "[[tokens.role]]\nname = \"a\"\nscopes = [\"x\", \"y\", \"x\"]\n",
            &["FILE:3: tokens.role.scopes: x is named twice"],
        ),
        (
            "[roles.editor]\nscopes = [\"x\"]\n",
            &["FILE:2: roles.editor.scopes: there is no section roles.editor"],
        ),
    ] {
        check(file, &[], expected);
    }
    check(
        "",
        &[("EDGEWARD__TOKENS__ROLE", "editor")],
        &["EDGEWARD__TOKENS__ROLE: tokens.role: must be tables"],
    );
}

#[test]
fn there_are_no_more_than_a_token_has_room_for() {
    let many: String = (0..65).map(|n| table(&format!("r{n}"), 'x', 1)).collect();
    check(&many, &[], &["FILE:1: tokens.role: there are more than 64"]);
    let scopes: Vec<String> = (0..33).map(|n| format!("\"s{n}\"")).collect();
    let file = |count: usize| {
        let scopes = scopes[..count].join(", ");
        format!("[[tokens.role]]\nname = \"a\"\nscopes = [{scopes}]\n")
    };
    assert!(load(Some(&file(32)), &[]).is_ok());
    check(
        &file(33),
        &[],
        &["FILE:3: tokens.role.scopes: has more than 32 scopes"],
    );
    // Two scopes and a blank between them.
    let half = SCOPES_MAX_BYTES / 2;
    let fits = table("a", 'x', half) + &table("b", 'y', half - 1);
    let config = load(Some(&fits), &[]).unwrap();
    assert_eq!(scope_of(&config, &["a", "b"]).len(), SCOPES_MAX_BYTES);
    // What several roles have counts once.
    let shared = fits + &table("c", 'x', half);
    assert!(load(Some(&shared), &[]).is_ok());
    check(
        &(table("a", 'x', half) + &table("b", 'y', half) + &table("c", 'x', half)),
        &[],
        &[
            "FILE:6: tokens.role.scopes: makes the scopes of all roles 257 bytes long; in a token there is room for 256",
        ],
    );
}

#[test]
fn what_is_shown_can_be_read_again() {
    let folder = Folder::new();
    let path = folder.path().join("edgeward.toml");
    fs::write(&path, TWO).unwrap();
    let inputs = Inputs {
        file: Some(path.clone()),
        data: folder.path().to_path_buf(),
        ..Inputs::default()
    };
    let config = Config::load(&inputs).unwrap();
    let shown = Config::show(&inputs).unwrap();
    for line in [1, 4] {
        let place = format!("[[tokens.role]] # {}:{line}\n", path.display());
        assert!(shown.contains(&place), "{shown}");
    }
    assert!(
        shown.contains("scopes = [\"articles:read\", \"articles:write\"]"),
        "{shown}"
    );
    fs::write(&path, &shown).unwrap();
    let again = Config::load(&inputs).unwrap();
    let said = |config: &Config| {
        let roles = config.tokens.roles.iter();
        roles
            .map(|it| (it.name.clone(), it.scopes.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(&again), said(&config), "{shown}");
}
