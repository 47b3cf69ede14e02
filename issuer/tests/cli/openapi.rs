//! The committed description of the interface is the one that the handlers make, and it has every resource.

use std::collections::BTreeSet;

use edgeward_issuer::http::openapi;
use serde_json::Value;

use crate::{
    folder::Folder,
    program::{edgeward, run},
};

const COMMITTED: &str = include_str!("../../../docs/openapi.json");
const ROUTES: &str = include_str!("../../src/http/routes.rs");

/// For people and not for programs.
const PAGES: [&str; 19] = [
    "/login",
    "/register",
    "/auth/confirm",
    "/auth/console/users",
    "/auth/console/users/{id}",
    "/auth/console/users/{id}/roles",
    "/auth/console/users/{id}/unlock",
    "/auth/console/users/{id}/sessions",
    "/auth/console/users/{id}/sessions/{sid}",
    "/auth/forgot",
    "/auth/reset",
    "/account",
    "/account/password",
    "/account/sessions",
    "/account/sessions/end",
    "/account/sessions/end-all",
    "/account/step-up",
    "/account/sign-out",
    "/auth/assets/{name}",
];

#[test]
fn the_committed_description_is_up_to_date() {
    let made = openapi::json().unwrap();
    assert!(
        made == COMMITTED,
        "run: cargo run -p edgeward-issuer -- openapi > docs/openapi.json"
    );
    let folder = Folder::new();
    let ran = run(edgeward(folder.path()).arg("openapi"), b"");
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(0), COMMITTED, "")
    );
}

#[test]
fn every_resource_is_described_and_nothing_else() {
    let document: Value = serde_json::from_str(COMMITTED).unwrap();
    let described: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let (routes, _) = ROUTES.split_once("#[cfg(test)]").unwrap();
    let routed: BTreeSet<&str> = routes
        .split(".route(")
        .skip(1)
        .map(|rest| rest.split('"').nth(1).unwrap())
        .filter(|path| !PAGES.contains(path))
        .collect();
    assert!(routed.contains("/auth/login"), "the routes are found");
    assert_eq!(described, routed);
}
