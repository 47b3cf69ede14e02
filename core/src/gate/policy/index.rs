//! Which rules cover a path, without asking each of them: the patterns as a tree of their segments, one for each host.
//!
//! It finds what a search through all rules would find, in the same order; a test holds it to that. A path is followed
//! through at most two branches a segment, its own literal and `*`, so that ten thousand rules are asked as fast as ten.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::host::Host;
use crate::gate::pattern::{Pattern, Step};

/// The rules by their patterns. Numbers stand for rules; their order is that of the list that they are numbers of.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    nodes: Vec<Node>,
    /// The root for each host, as text; the empty one is for every host.
    roots: BTreeMap<String, usize>,
}

/// What stands behind the same segments.
#[derive(Clone, Debug, Default)]
struct Node {
    literal: BTreeMap<String, usize>,
    any: Option<usize>,
    /// Patterns that end here.
    ends: Vec<usize>,
    /// Patterns that end here with `**`.
    open: Vec<usize>,
}

/// Which spelling of the literals an index goes by.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Exact,
    Folded,
}

impl Index {
    /// Adds a rule.
    pub(super) fn insert(
        &mut self,
        number: usize,
        pattern: &Pattern,
        host: Option<&Host>,
        spelling: Spelling,
    ) {
        let root = host.map(ToString::to_string).unwrap_or_default();
        let mut at = match self.roots.get(&root) {
            Some(at) => *at,
            None => {
                let at = self.grow();
                self.roots.insert(root, at);
                at
            }
        };
        for step in pattern.steps() {
            at = match step {
                Step::Any => match self.node(at).and_then(|node| node.any) {
                    Some(next) => next,
                    None => {
                        let next = self.grow();
                        self.change(at, |node| node.any = Some(next));
                        next
                    }
                },
                Step::Literal { exact, folded } => {
                    let text = match spelling {
                        Spelling::Exact => exact,
                        Spelling::Folded => folded,
                    };
                    match self.node(at).and_then(|node| node.literal.get(text)) {
                        Some(next) => *next,
                        None => {
                            let next = self.grow();
                            self.change(at, |node| {
                                node.literal.insert(text.to_string(), next);
                            });
                            next
                        }
                    }
                }
            };
        }
        self.change(at, |node| {
            if pattern.is_open() {
                node.open.push(number);
            } else {
                node.ends.push(number);
            }
        });
    }

    /// The rules that cover a path on a host, in order.
    pub(super) fn covering<'i, S: AsRef<str>>(
        &'i self,
        segments: &[S],
        host: Option<&Host>,
    ) -> Covering<'i> {
        let mut found = Covering(Vec::new());
        self.follow("", segments, &mut found);
        if let Some(host) = host {
            self.follow(&host.name, segments, &mut found);
            if host.port.is_some() {
                self.follow(&host.to_string(), segments, &mut found);
            }
        }
        found
    }

    fn follow<'i, S: AsRef<str>>(&'i self, root: &str, segments: &[S], found: &mut Covering<'i>) {
        // Nodes that are left to look at, each with the number of segments before it.
        let mut left: Vec<(usize, usize)> = Vec::new();
        left.extend(self.roots.get(root).map(|root| (*root, 0)));
        while let Some((at, depth)) = left.pop() {
            let Some(node) = self.node(at) else { continue };
            found.0.push(&node.open);
            let Some(segment) = segments.get(depth) else {
                found.0.push(&node.ends);
                continue;
            };
            let literal = node.literal.get(segment.as_ref()).copied();
            let next = [literal, node.any].into_iter().flatten();
            left.extend(next.map(|next| (next, depth + 1)));
        }
    }

    /// Of rules with as many segments for this host, those that cover a path that the pattern covers too; in any order.
    pub(super) fn meeting(&self, pattern: &Pattern, host: Option<&Host>) -> Vec<usize> {
        let root = host.map(ToString::to_string).unwrap_or_default();
        let mut found = Vec::new();
        let mut left: Vec<(usize, usize)> = Vec::new();
        left.extend(self.roots.get(&root).map(|root| (*root, 0)));
        let steps: Vec<Step<'_>> = pattern.steps().collect();
        while let Some((at, depth)) = left.pop() {
            let Some(node) = self.node(at) else { continue };
            let Some(step) = steps.get(depth) else {
                found.extend(if pattern.is_open() {
                    &node.open
                } else {
                    &node.ends
                });
                continue;
            };
            let mut go_on = |next: usize| left.push((next, depth + 1));
            node.any.into_iter().for_each(&mut go_on);
            match step {
                Step::Literal { exact, .. } => {
                    node.literal
                        .get(*exact)
                        .copied()
                        .into_iter()
                        .for_each(go_on);
                }
                Step::Any => node.literal.values().copied().for_each(go_on),
            }
        }
        found
    }

    fn grow(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at) {
            change(node);
        }
    }
}

/// The numbers of rules, as several lists that are each in order.
pub(super) struct Covering<'i>(Vec<&'i [usize]>);

impl Iterator for Covering<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let lists = self.0.iter_mut().filter(|list| !list.is_empty());
        let least = lists.min_by_key(|list| list.first().copied())?;
        let (first, rest) = least.split_first()?;
        *least = rest;
        Some(*first)
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
#[allow(
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect has failed"
)]
mod tests {
    use super::super::{Asked, Policy, Rule};
    use super::*;
    use crate::gate::path::{CanonicalPath, decoded_segments};
    use crate::gate::pattern::fold;
    use alloc::format;
    use proptest::prelude::*;

    /// Segments that differ, fold into one another, and stand for others.
    fn segment() -> impl Strategy<Value = &'static str> {
        prop::sample::select(Vec::from(["a", "A", "b", "c.json", "*"]))
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segments = prop::collection::vec(segment(), 0..4);
        (segments, any::<bool>()).prop_map(|(segments, open)| {
            let mut text = segments.join("/");
            if open {
                text.push_str(if text.is_empty() { "**" } else { "/**" });
            }
            format!("/{text}")
        })
    }

    fn host() -> impl Strategy<Value = &'static str> {
        prop::sample::select(Vec::from([
            "",
            "",
            "x.example",
            "x.example:8443",
            "y.example",
        ]))
    }

    fn route() -> impl Strategy<Value = String> {
        (pattern(), host(), any::<bool>()).prop_map(|(path, host, reads)| {
            let host = if host.is_empty() {
                String::new()
            } else {
                format!("host = \"{host}\"\n")
            };
            let methods = if reads { "methods = [\"GET\"]\n" } else { "" };
            format!("[[route]]\npath = \"{path}\"\nallow = \"public\"\n{host}{methods}")
        })
    }

    /// A policy of those of the routes that may stand beside one another.
    fn policy(routes: &[String]) -> Policy {
        let mut text = "version = 1\n".to_string();
        let mut read = Policy::parse(&text).unwrap();
        for route in routes {
            let longer = format!("{text}{route}");
            if let Ok(policy) = Policy::parse(&longer) {
                (text, read) = (longer, policy);
            }
        }
        read
    }

    fn lines<'r>(rules: impl Iterator<Item = &'r Rule>) -> Vec<usize> {
        rules.map(Rule::line).collect()
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_through_all_rules_finds(
            routes in prop::collection::vec(route(), 0..12),
            path in prop::collection::vec(prop::sample::select(Vec::from(["a", "A", "b", "c.json", "d"])), 0..5),
            host in prop::sample::select(Vec::from(["", "x.example", "X.example.:8443", "y.example:1", "z.example"])),
            method in prop::sample::select(Vec::from(["GET", "HEAD", "POST"])),
        ) {
            let policy = policy(&routes);
            let path = CanonicalPath::parse(&format!("/{}", path.join("/"))).unwrap();
            let segments = decoded_segments(path.as_str());
            let asked = Host::read(host);
            let is_here = |rule: &Rule| match (&rule.host, &asked) {
                (None, _) => true,
                (Some(wanted), Some(asked)) => {
                    wanted.name == asked.name && (wanted.port.is_none() || wanted.port == asked.port)
                }
                (Some(_), None) => false,
            };
            let concerned = || policy.rules.iter().filter(|rule| rule.concerns(method) && is_here(rule));
            prop_assert_eq!(
                lines(policy.candidates(&Asked::page(&path, method, host))),
                lines(concerned().filter(|rule| rule.pattern.covers(&segments)))
            );
            let folded: Vec<String> = segments.iter().map(|one| fold(one)).collect();
            let covering = policy.folded.covering(&folded, asked.as_ref());
            prop_assert_eq!(
                lines(policy.concerning(covering, method)),
                lines(concerned().filter(|rule| rule.pattern.covers_folded(&folded)))
            );
        }

        #[test]
        fn rules_that_could_both_speak_are_found_as_by_asking_every_pair(
            routes in prop::collection::vec(route(), 0..12),
            one in route(),
        ) {
            let policy = policy(&routes);
            let parse = |text: &str| Policy::parse(&format!("version = 1\n{text}"));
            let alone = parse(&one).unwrap();
            let ties = alone.rules.iter().any(|new| policy.rules.iter().any(|old| new.ties_with(old)));
            let mut index = Index::default();
            for (number, rule) in policy.rules.iter().enumerate() {
                index.insert(number, &rule.pattern, rule.host.as_ref(), Spelling::Exact);
            }
            let meeting = alone.rules.iter().any(|new| {
                let meeting = index.meeting(&new.pattern, new.host.as_ref());
                meeting.into_iter().filter_map(|at| policy.rules.get(at)).any(|old| new.ties_with(old))
            });
            prop_assert_eq!(meeting, ties);
        }
    }

    #[test]
    fn ten_thousand_rules_are_a_policy_and_one_more_is_none() {
        let routes = |count: usize| {
            let route = |number| {
                format!(
                    "[[route]]\npath = \"/section-{}/page-{number}/**\"\nallow = \"public\"\n",
                    number % 100
                )
            };
            let all: String = (0..count).map(route).collect();
            Policy::parse(&format!("version = 1\n{all}"))
        };
        let policy = routes(10_000).unwrap();
        let path = CanonicalPath::parse("/section-99/page-9999/x").unwrap();
        let asked = Asked::page(&path, "GET", "any.example");
        let found: Vec<_> = policy.candidates(&asked).collect();
        assert!(
            matches!(found.as_slice(), [rule] if rule.line() == 2 + 3 * 9_999 + 1),
            "{found:?}"
        );
        assert!(
            routes(10_001)
                .unwrap_err()
                .message
                .contains("more than 10000 routes")
        );
    }
}
