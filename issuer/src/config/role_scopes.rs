//! `[[tokens.role]]`: which scopes the access tokens of people with a role carry.
//!
//! Who has which role is in the database, and what a scope opens is in the policy of the gate and in the app.

use std::collections::BTreeSet;

use super::{
    Config, Origin,
    members::{Members, Tables},
    read::text,
    reader::Reader,
    source::Raw,
};
use crate::domain::{
    accounts::Role,
    scopes::{self, SCOPES_MAX_BYTES, Scope},
};

/// The tables, and what one may hold.
pub(super) static TABLES: Tables = Tables {
    name: "tokens.role",
    members: &["name", "scopes"],
};

/// More kinds of people than an operator tells apart; each is held against the roles of an account at every token.
const ROLES_MAX: usize = 64;

/// More scopes than one role has on any site that names what it permits and not each act; what is longer is another list
/// by mistake. How long all are together is bound by [`SCOPES_MAX_BYTES`].
const SCOPES_PER_ROLE_MAX: usize = 32;

/// `[[tokens.role]]`: what one role permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleScopes {
    /// The role.
    pub name: Role,
    /// Its scopes, one at least.
    pub scopes: BTreeSet<Scope>,
    /// Where it was named.
    pub origin: Origin,
}

impl Config {
    /// The `scope` of access tokens of somebody with these roles: the scopes of all of them. Empty if none of them has any.
    #[must_use]
    pub fn scope_of(&self, roles: &[Role]) -> String {
        let named = self.tokens.roles.iter();
        let held = named.filter(|named| roles.contains(&named.name));
        scopes::claim(held.flat_map(|held| &held.scopes))
    }
}

pub(super) fn read(reader: &mut Reader) -> Vec<RoleScopes> {
    let tables = reader.take(TABLES.name, Vec::new(), |raw| {
        raw.tables(TABLES.name, ROLES_MAX)
    });
    let mut found: Vec<RoleScopes> = Vec::with_capacity(tables.len());
    for table in tables {
        let mut members = Members::of(table, &TABLES, reader);
        let name = members.take("name", |raw| role(raw, &found));
        if name.is_none() {
            members.miss("name", "is missing: it is the role whose scopes these are");
        }
        let scopes = members.take("scopes", |raw| scopes_beside(raw, &found));
        if scopes.is_none() {
            members.miss("scopes", "is missing: name what the role permits");
        }
        if let (Some(name), Some(scopes)) = (name, scopes) {
            found.push(RoleScopes {
                name,
                scopes,
                origin: members.origin.clone(),
            });
        }
    }
    found
}

fn role(raw: &Raw, found: &[RoleScopes]) -> Result<Role, String> {
    let name = Role::parse(&text(raw)?).map_err(|unfit| unfit.to_string())?;
    match found.iter().find(|other| other.name == name) {
        Some(other) => Err(format!(
            "{} is named twice, first in {}",
            name.as_str(),
            other.origin
        )),
        None => Ok(name),
    }
}

/// The scopes of a role, if they fit into a token beside those of the others.
fn scopes_beside(raw: &Raw, others: &[RoleScopes]) -> Result<BTreeSet<Scope>, String> {
    let Raw::List(texts) = raw else {
        return Err(
            "must be a list of scopes, as [\"articles:read\", \"articles:write\"]".to_owned(),
        );
    };
    if texts.is_empty() {
        return Err("is empty: name a scope, or leave the table out".to_owned());
    }
    if texts.len() > SCOPES_PER_ROLE_MAX {
        return Err(format!("has more than {SCOPES_PER_ROLE_MAX} scopes"));
    }
    let mut scopes = BTreeSet::new();
    for text in texts {
        let scope = Scope::parse(text).map_err(|unfit| format!("{text:?} is none: {unfit}"))?;
        if !scopes.insert(scope) {
            return Err(format!("{text} is named twice"));
        }
    }
    let all = others.iter().flat_map(|other| &other.scopes);
    let length = scopes::claim(all.chain(&scopes)).len();
    if length > SCOPES_MAX_BYTES {
        return Err(format!(
            "makes the scopes of all roles {length} bytes long; in a token there is room for {SCOPES_MAX_BYTES}"
        ));
    }
    Ok(scopes)
}

/// The tables as TOML.
pub(super) fn shown(roles: &[RoleScopes]) -> String {
    let mut out = String::new();
    for role in roles {
        let scopes = role.scopes.iter().map(|scope| scope.as_str().into());
        let mut table = toml::Table::new();
        table.insert("name".to_owned(), role.name.as_str().into());
        table.insert("scopes".to_owned(), toml::Value::Array(scopes.collect()));
        out.push_str(&format!("\n[[{}]] # {}\n{table}", TABLES.name, role.origin));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_scope_of_somebody_is_that_of_all_of_their_roles() {
        let mut config = Config::defaults(Path::new("data"));
        let role = |name: &&str| Role::parse(name).ok();
        let roles = |names: &[&str]| names.iter().filter_map(role).collect::<Vec<_>>();
        let check = |config: &Config, held: &[&str], expected: &str| {
            assert_eq!(config.scope_of(&roles(held)), expected, "{held:?}");
        };
        check(&config, &["editor"], "");
        for (name, scopes) in [
            ("editor", &["articles:write", "articles:read"][..]),
            ("reviewer", &["articles:read", "reviews"]),
            ("Editor", &["ALL"]),
        ] {
            config
                .tokens
                .roles
                .extend(role(&name).map(|name| RoleScopes {
                    name,
                    scopes: scopes.iter().flat_map(|it| Scope::parse(it)).collect(),
                    origin: Origin::Default,
                }));
        }
        for (held, expected) in [
            (&[][..], ""),
            (&["admin"], ""),
            (&["edit"], ""),
            (&["editor:x"], ""),
            (&["editor"], "articles:read articles:write"),
            (&["Editor"], "ALL"),
            (
                &["reviewer", "editor"],
                "articles:read articles:write reviews",
            ),
            (
                &["editor", "admin", "reviewer"],
                "articles:read articles:write reviews",
            ),
            (&["editor", "editor"], "articles:read articles:write"),
        ] {
            check(&config, held, expected);
        }
    }
}
