//! Which rule is meant where rules, or a rule and the path, differ in letter case.

use edgeward_core::gate::{Outcome, Policy};
use proptest::prelude::*;

use crate::{
    lookalikes::check,
    policy::{persona, policy},
};

/// A rule as the policy has it: where, and who passes.
fn rule([place, who]: [&str; 2]) -> String {
    format!("[[route]]\n{place}\n{who}\n")
}

const PUBLIC: &str = "allow = \"public\"";
const SIGNED_IN: &str = "allow = \"signed-in\"";
const ADMIN: &str = "roles = [\"admin\"]";

/// Rules that only letter case tells apart are one to who folds it, and the stricter of them is the one that counts, in either order.
#[test]
fn of_rules_that_fold_alike_the_stricter_one_protects() {
    for (low, refused) in [(SIGNED_IN, "user"), (PUBLIC, "anonymous")] {
        let broad = rule(["path = \"/**\"", low]);
        let any = rule(["path = \"/Admin\"", low]);
        let admin = rule(["path = \"/admin\"", ADMIN]);
        let below = rule(["path = \"/Admin/help\"", low]) + &rule(["path = \"/admin/*\"", ADMIN]);
        for rules in [
            [&broad, &any, &admin, &below],
            [&broad, &below, &admin, &any],
        ] {
            let policy = policy(&rules.map(String::as_str).concat());
            for path in ["/admin.xml", "/ADMIN", "/admin.json/help", "/ADMIN/HELP"] {
                check(&policy, refused, &[(path, Outcome::Forbidden)]);
            }
            for path in ["/Admin", "/Admin/help"] {
                check(&policy, refused, &[(path, Outcome::Allow)]);
            }
        }
    }
}

/// The order of lines decides nothing, where the rule in the letters of the path is the wider one as well.
#[test]
fn rules_that_fold_alike_are_alike_in_any_order() {
    let broad = rule(["path = \"/**\"", PUBLIC]);
    let rules = [
        rule(["path = \"/notes\"", PUBLIC]),
        rule(["path = \"/Notes\"", ADMIN]),
    ];
    let [one, other] = &rules;
    for rules in [[&broad, one, other], [&broad, other, one]] {
        let policy = policy(&rules.map(String::as_str).concat());
        check(&policy, "user", &[("/notes", Outcome::Allow)]);
        check(&policy, "user", &[("/notes.xml", Outcome::Forbidden)]);
    }
}

/// A router that folds its words but no names shows `/Users/Guest` as the page of another user than `/users/guest`.
#[test]
fn a_narrow_rule_in_other_letters_lifts_no_wider_guard() {
    let policy = policy(
        &[
            rule(["path = \"/**\"", PUBLIC]),
            rule(["path = \"/users/**\"", ADMIN]),
            rule(["path = \"/users/guest\"", PUBLIC]),
        ]
        .concat(),
    );
    let shown = [
        "/users/guest",
        "/_next/data/B/users/guest.json",
        "/index.php/users/guest",
    ];
    for (paths, outcome) in [
        (&shown[..], Outcome::Allow),
        (
            &[
                "/Users/Guest",
                "/USERS/guest.json",
                "/USERS/guest.",
                "/USERS/guest%20",
                "/index.php/users/guest.",
            ],
            Outcome::Forbidden,
        ),
    ] {
        for path in paths {
            check(&policy, "user", &[(path, outcome)]);
        }
    }
}

/// Whoever folds as much as the wider rule needs means the narrower one.
#[test]
fn a_narrow_rule_in_other_letters_lifts_a_guard_that_needs_the_same_folding() {
    for (wide, narrow, paths) in [
        (
            "/api/**",
            "/api/health",
            &["/API/health", "/index.php/Api/health"][..],
        ),
        ("/docs/**", "/docs", &["/Docs", "/DOCS.html"]),
        (
            "/users/**",
            "/users/*",
            &[
                "/Users/Bob",
                "/index.php/Users/Bob",
                "/_next/data/B/Users/Bob.json",
            ],
        ),
        ("/users/**", "/users/guest", &["/USERS/guest"]),
    ] {
        let policy = policy(
            &[
                rule(["path = \"/**\"", PUBLIC]),
                rule([&format!("path = \"{wide}\""), ADMIN]),
                rule([&format!("path = \"{narrow}\""), PUBLIC]),
            ]
            .concat(),
        );
        for path in paths {
            check(&policy, "anonymous", &[(path, Outcome::Allow)]);
        }
    }
}

/// What is behind the rule in the letters of the path speaks of other pages, however strict it is.
#[test]
fn a_rule_in_the_letters_of_the_path_is_the_one_that_is_meant() {
    for (rules, paths) in [
        (
            [
                rule(["path = \"/orgs/**\"", ADMIN]),
                rule(["path = \"/orgs/*/**\"", SIGNED_IN]),
            ],
            &["/orgs/5/__data.json", "/orgs/5/index.html", "/orgs/5.json"][..],
        ),
        (
            [
                rule(["path = \"/**\"\nmethods = [\"GET\"]", SIGNED_IN]),
                rule(["path = \"/**\"", ADMIN]),
            ],
            &[
                "/x/index.html",
                "/x/__data.json",
                "/index.php/x",
                "/_next/data/B/x.json",
            ],
        ),
        (
            [
                rule(["path = \"/api/**\"\nmethods = [\"GET\"]", SIGNED_IN]),
                rule(["path = \"/api/**\"", ADMIN]),
            ],
            &["/api/x/index.html", "/api/report.xml", "/api/v1.php/x"],
        ),
        (
            [
                rule(["path = \"/**\"\nhost = \"app.example\"", SIGNED_IN]),
                rule(["path = \"/**\"", ADMIN]),
            ],
            &["/x/index.html", "/index.php/x", "/x.xml"],
        ),
        (
            [
                rule(["path = \"/**\"", ADMIN]) + &rule(["path = \"/_next/**\"", SIGNED_IN]),
                rule(["path = \"/\"", SIGNED_IN]),
            ],
            &["/_next/data/B/index.json"],
        ),
        (
            [
                rule(["path = \"/**\"", SIGNED_IN]),
                rule(["path = \"/projects/**\"", ADMIN])
                    + &rule(["path = \"/projects/new\"", SIGNED_IN]),
            ],
            &[
                "/_next/data/B/projects/new.json",
                "/_next/data/B/index/projects/new.json",
                "/shop/_next/data/B/projects/new.json",
                "/index.php/projects/new",
            ],
        ),
    ] {
        let policy = policy(&rules.concat());
        for path in paths {
            let explanation = policy.explain_at_host("GET", "app.example", path, &persona("user"));
            assert_eq!(explanation.outcome, Outcome::Allow, "{path}\n{explanation}");
        }
    }
}

/// An application that takes some spellings for one page: it folds letter case in the first, in the second segment, drops dots after a
/// name, endings, formats.
#[derive(Debug, Clone, Copy)]
struct App {
    folds: [bool; 2],
    drops_dots: bool,
    drops_endings: bool,
    drops_format: bool,
}

impl App {
    /// The page that it shows at a path, as its segments.
    fn page(self, path: &[String]) -> Vec<String> {
        let last = path.len() - 1;
        let shown = path.iter().enumerate().map(|(at, written)| {
            let mut name = written.as_str();
            if self.drops_dots {
                name = name.trim_end_matches('.');
            }
            if self.drops_endings {
                name = name.strip_suffix(".json").unwrap_or(name);
            }
            if self.drops_format && at == last {
                name = name.split('.').next().unwrap_or(name);
            }
            match self.folds.get(at) {
                Some(true) => name.to_lowercase(),
                _ => name.to_owned(),
            }
        });
        shown.collect()
    }
}

/// Every path of as many segments without an ending; a dot after a name is a letter to some.
fn plain_paths(segments: usize) -> Vec<Vec<String>> {
    let mut paths = vec![Vec::new()];
    for _ in 0..segments {
        let longer = |path: &Vec<String>| {
            ["a", "A", "b", "B", "a.", "A.", "b.", "B."].map(|name| {
                let mut path = path.clone();
                path.push(name.to_owned());
                path
            })
        };
        paths = paths.iter().flat_map(longer).collect();
    }
    paths
}

/// A rule's segments, whether it is open, and who passes.
type Route = (Vec<&'static str>, bool, &'static str);

fn route() -> impl Strategy<Value = Route> {
    let segment = prop::sample::select(vec!["a", "A", "b", "B", "*"]);
    let segments = prop::collection::vec(segment, 0..3);
    let who = prop::sample::select(vec![PUBLIC, SIGNED_IN, ADMIN]);
    (segments, any::<bool>(), who)
}

fn covers((segments, is_open, _): &Route, path: &[String]) -> bool {
    let length_fits = path.len() == segments.len() || (*is_open && path.len() > segments.len());
    let mut pairs = segments.iter().zip(path);
    length_fits && pairs.all(|(own, name)| *own == "*" || own == name)
}

fn text<'r>(routes: impl IntoIterator<Item = &'r Route>) -> String {
    let rules = routes.into_iter().map(|(segments, is_open, who)| {
        let path = segments.join("/");
        let end = match (is_open, path.is_empty()) {
            (false, _) => "",
            (true, true) => "**",
            (true, false) => "/**",
        };
        rule([&format!("path = \"/{path}{end}\""), who])
    });
    format!("version = 1\n{}", rules.collect::<String>())
}

/// Those of the rules that may stand beside one another, behind one for every path.
fn apart(broad: &'static str, routes: Vec<Route>) -> Vec<Route> {
    let mut all = vec![(Vec::new(), true, broad)];
    for route in routes {
        all.push(route);
        if Policy::parse(&text(&all)).is_err() {
            all.pop();
        }
    }
    all
}

fn passes(policy: &Policy, path: &str, who: &str) -> bool {
    policy.explain("GET", path, &persona(who)).outcome == Outcome::Allow
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// Whatever an application folds: who gets to a page by another spelling may have it in some plain letters by the rules for those.
    #[test]
    fn no_spelling_opens_a_page_that_is_closed_in_plain_letters(
        broad in prop::sample::select(vec![PUBLIC, SIGNED_IN]),
        mut routes in prop::collection::vec(route(), 1..6),
        names in prop::collection::vec(prop::sample::select(vec!["a", "A", "b", "B"]), 1..3),
        endings in prop::array::uniform2(prop::sample::select(vec!["", "", ".", ".json", ".xml"])),
        folds in any::<[bool; 2]>(),
        drops_dots in any::<bool>(),
        drops_endings in any::<bool>(),
        drops_format in any::<bool>(),
        who in prop::sample::select(vec!["anonymous", "user"]),
        (ahead, behind) in prop::sample::select(vec![
            ("", ""),
            ("/index.php", ""),
            ("/_next/data/B", ".json"),
        ]),
    ) {
        // A rule that lets the program pass as any word may speak of other pages.
        routes.retain(|(segments, ..)| ahead.is_empty() || segments.first() != Some(&"*"));
        let routes = apart(broad, routes);
        let policy = Policy::parse(&text(&routes)).unwrap();
        let app = App { folds, drops_dots, drops_endings, drops_format };
        let path: Vec<String> = names.iter().zip(endings).map(|(name, ending)| format!("{name}{ending}")).collect();
        let page = app.page(&path);
        let asked = format!("{ahead}/{}{behind}", path.join("/"));
        let is_plain = |name: &String| !name.trim_end_matches('.').contains('.');
        if page.iter().all(is_plain) && passes(&policy, &asked, who) {
            let mut plain = plain_paths(path.len());
            plain.retain(|plain| app.page(plain) == page);
            let is_open = |plain: &Vec<String>| {
                let own = text(routes.iter().filter(|route| covers(route, plain)));
                passes(&Policy::parse(&own).unwrap(), &format!("/{}", plain.join("/")), who)
            };
            prop_assert!(
                plain.iter().any(is_open),
                "{who} gets to {page:?} by {asked} of {app:?}\n{}",
                text(&routes)
            );
        }
    }
}
