//! A rule's path pattern and the ordering between patterns.
//!
//! A pattern is made of whole segments: a literal, `*` for exactly one segment, and a final `**` for "this path and
//! everything below". `/admin/**` covers `/admin` and `/admin/x`, and not `/administrator` or `/admin.bak`.
//! Literals are compared decoded, so `/caf%C3%A9` and `/café` are one pattern.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use super::path::{CanonicalPath, decoded_segments};
use crate::letters;

/// The most segments a pattern may have. Because no path within `MAX_PATH_BYTES` that people write is deeper, and
/// matching costs time in proportion.
pub(super) const MAX_PATTERN_SEGMENTS: usize = 64;

/// Endings that name another representation of the same page in one of the frameworks behind a gate: React server
/// components (`.rsc`, `.prefetch.rsc`, `.segments/…`), page data (`.json`, `.data`), static exports.
const REPRESENTATIONS: &[&str] = &[
    ".rsc",
    ".prefetch",
    ".segments",
    ".json",
    ".data",
    ".html",
    ".htm",
    ".txt",
];

/// Files below a page that are the page itself: `/admin/index.html` of file servers, `/admin/default.aspx` of IIS,
/// `/admin/__data.json` of SvelteKit, `/_root.data` and `/admin/_.data` of React Router; and a name of blanks or dots, which Windows
/// takes for none.
const PAGE_FILES: &[&str] = &["index", "default", "__data", "_root", "_", ""];

/// How the file of a page's data begins in Nuxt, whose own pattern takes any character for the dot of `_payload.json`.
const PAYLOAD: &str = "_payload";

/// How narrowly a rule speaks. The greater one decides; the fields are compared in order. A pattern that covers only
/// a part of what another covers is always the more specific of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specificity {
    /// How many literal segments the pattern has.
    pub literals: usize,
    /// Whether the pattern ends without `**`.
    pub exact: bool,
    /// How many `*` segments the pattern has.
    pub wildcards: usize,
    /// 0 for any host, 1 for a host, 2 for a host with a port.
    pub host: u8,
    /// Whether the rule lists methods.
    pub methods: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal { exact: String, folded: String },
    Any,
}

/// A segment of a pattern, to look at.
pub(super) enum Step<'p> {
    Literal {
        exact: &'p str,
        /// As [`fold`] leaves it.
        folded: &'p str,
    },
    Any,
}

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    segments: Vec<Segment>,
    /// A final `**`.
    open: bool,
}

impl Pattern {
    /// Reads a pattern; the error is a sentence for the author of the policy.
    #[cold]
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| Err(format!("\"{text}\" is not a path pattern: {why}"));
        let Some(rest) = text.strip_prefix('/') else {
            return refuse("it must start with \"/\"");
        };
        if rest.is_empty() {
            return Ok(Self {
                text: text.to_string(),
                segments: Vec::new(),
                open: false,
            });
        }
        if rest.ends_with('/') {
            return refuse(
                "leave out the trailing slash; a path is judged alike with and without it",
            );
        }
        let mut segments = Vec::new();
        let mut open = false;
        for segment in rest.split('/') {
            if open {
                return refuse("\"**\" may only stand at the end");
            }
            match segment {
                "**" => open = true,
                "*" => segments.push(Segment::Any),
                "" => return refuse("it has an empty segment (\"//\")"),
                "." | ".." => return refuse("dot segments name no place of their own"),
                literal if literal.contains('*') => return refuse("\"*\" and \"**\" must be whole segments"),
                literal => segments.push(Segment::literal(literal).map_err(|why| {
                    format!("\"{text}\" is not a path pattern: no request path can be \"{literal}\" ({why})")
                })?),
            }
        }
        if segments.len() > MAX_PATTERN_SEGMENTS {
            return refuse(&format!("it has more than {MAX_PATTERN_SEGMENTS} segments"));
        }
        Ok(Self {
            text: text.to_string(),
            segments,
            open,
        })
    }

    /// As the author wrote it.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments, but for a final `**`.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Literal { exact, folded } => Step::Literal { exact, folded },
            Segment::Any => Step::Any,
        })
    }

    /// Whether it ends with `**`.
    pub(super) const fn is_open(&self) -> bool {
        self.open
    }

    /// The first segment, if it is a literal.
    pub(super) fn first_literal(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Literal { exact, .. }) => Some(exact),
            Some(Segment::Any) | None => None,
        }
    }

    /// Whether it has literals at these places.
    pub(super) fn names(&self, places: Range<usize>) -> bool {
        let is_literal = |segment: &Segment| matches!(segment, Segment::Literal { .. });
        let segments = self.segments.get(places);
        segments.is_some_and(|segments| segments.iter().all(is_literal))
    }

    /// Whether a literal stands before this place.
    pub(super) fn has_literal_before(&self, place: usize) -> bool {
        let mut before = self.segments.iter().take(place);
        before.any(|segment| matches!(segment, Segment::Literal { .. }))
    }

    /// Where a path that it covers folded has other letters, or blanks and dots besides, given what is written there from the front: a
    /// bit for each segment. An ending is no other spelling of the name before it.
    pub(super) fn written_otherwise<'p>(
        &self,
        path: impl Iterator<Item = (usize, &'p String)>,
    ) -> u64 {
        let mut places = 0;
        for (at, (segment, (_, written))) in self.segments.iter().zip(path).enumerate() {
            let Segment::Literal { exact, .. } = segment else {
                continue;
            };
            let ending = written.strip_prefix(exact.as_str());
            if ending.is_none_or(|ending| !ending.is_empty() && without_end(ending).is_empty()) {
                places |= 1 << at;
            }
        }
        places
    }

    /// How narrowly it speaks, were it not for these of its segments.
    pub(super) fn specificity_without(&self, left_out: &Range<usize>) -> Specificity {
        let (mut literals, mut wildcards) = (0, 0);
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                _ if left_out.contains(&at) => {}
                Segment::Literal { .. } => literals += 1,
                Segment::Any => wildcards += 1,
            }
        }
        Specificity {
            literals,
            exact: !self.open,
            wildcards,
            host: 0,
            methods: false,
        }
    }

    /// Whether some path is covered by both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let same_length = self.segments.len() == other.segments.len();
        let lengths_meet = same_length
            || (self.open && self.segments.len() < other.segments.len())
            || (other.open && other.segments.len() < self.segments.len());
        lengths_meet
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|pair| match pair {
                    (Segment::Literal { exact: one, .. }, Segment::Literal { exact: two, .. }) => {
                        one == two
                    }
                    (Segment::Any, _) | (_, Segment::Any) => true,
                })
    }
}

/// What [`super::policy`]'s index is held to.
#[cfg(test)]
impl Pattern {
    /// Whether the pattern covers a path, given its decoded segments.
    pub(super) fn covers(&self, path: &[String]) -> bool {
        self.covers_by(path, |segment, text| match segment {
            Segment::Literal { exact, .. } => exact == text,
            Segment::Any => true,
        })
    }

    /// Whether the pattern covers a path whose segments were folded by [`fold`].
    pub(super) fn covers_folded(&self, folded_path: &[String]) -> bool {
        self.covers_by(folded_path, |segment, text| match segment {
            Segment::Literal { folded, .. } => folded == text,
            Segment::Any => true,
        })
    }

    fn covers_by(&self, path: &[String], covers: impl Fn(&Segment, &String) -> bool) -> bool {
        let length_fits = if self.open {
            path.len() >= self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        length_fits
            && self
                .segments
                .iter()
                .zip(path)
                .all(|(segment, text)| covers(segment, text))
    }
}

impl Segment {
    fn literal(text: &str) -> Result<Self, &'static str> {
        let path =
            CanonicalPath::parse(&format!("/{text}")).map_err(super::path::PathRefusal::reason)?;
        let exact = decoded_segments(path.as_str())
            .into_iter()
            .next()
            .ok_or("path-empty-segment")?;
        let folded = fold(&exact);
        Ok(Self::Literal { exact, folded })
    }
}

/// What the most generous application would make of a segment: case folded, blanks around it and dots and blanks after
/// it dropped, as case-insensitive routers and some file systems do.
pub(super) fn fold(segment: &str) -> String {
    without_end(segment.trim_start())
        .chars()
        .flat_map(letters::folded)
        .collect()
}

/// Without the dots and blanks after it.
pub(super) fn without_end(segment: &str) -> &str {
    segment.trim_end_matches(|character: char| character == '.' || character.is_whitespace())
}

/// A folded segment without the endings of [`REPRESENTATIONS`].
pub(super) fn without_representation(folded: &str) -> &str {
    let mut name = folded;
    while let Some(shorter) = REPRESENTATIONS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .filter(|shorter| !shorter.is_empty())
    {
        name = shorter;
    }
    name
}

/// Whether a segment is such a file, or a representation without a name, as in `/admin/.data`.
pub(super) fn is_page_file(segment: &str) -> bool {
    PAGE_FILES.contains(&segment)
        || REPRESENTATIONS.contains(&segment)
        || segment.starts_with(PAYLOAD)
}

/// Takes from a page the file below it that is the page itself.
pub(super) fn without_page_file(page: &mut Vec<&str>) {
    if page.last().is_some_and(|last| is_page_file(last)) {
        page.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect(text)
    }

    fn check(text: &str, covered: &[&str], not_covered: &[&str]) {
        let judge = |path: &&str| {
            pattern(text).covers(&decoded_segments(
                CanonicalPath::parse(path).unwrap().as_str(),
            ))
        };
        for path in covered {
            assert!(judge(path), "{text} should cover {path}");
        }
        for path in not_covered {
            assert!(!judge(path), "{text} should not cover {path}");
        }
    }

    #[test]
    fn patterns_cover_whole_segments() {
        check("/", &["/"], &["/a"]);
        check("/**", &["/", "/a", "/a/b/"], &[]);
        check("/*", &["/a", "/a/"], &["/", "/a/b"]);
        check(
            "/admin",
            &["/admin", "/admin/", "/%61dmin"],
            &["/admin/x", "/ADMIN", "/admi"],
        );
        check(
            "/admin/**",
            &["/admin", "/admin/", "/admin/x", "/admin/x/y"],
            &[
                "/administrator",
                "/admin.bak",
                "/admin-x",
                "/adm",
                "/x/admin",
            ],
        );
        check("/docs", &["/docs"], &["/docs.bak"]);
        check(
            "/u/*/posts",
            &["/u/1/posts"],
            &["/u/posts", "/u/1/2/posts", "/u/1/posts/3"],
        );
        check("/u/*/**", &["/u/1", "/u/1/2"], &["/u"]);
        check("/@me", &["/@me", "/%40me"], &[]);
        check("/café", &["/caf%c3%a9", "/café"], &["/cafe"]);
        check("/a%20b", &["/a%20b"], &["/ab"]);
    }

    #[test]
    fn what_can_never_match_is_not_a_pattern() {
        for text in [
            "",
            "admin",
            "/admin/",
            "/a//b",
            "/a*",
            "/**/a",
            "/a/**/b",
            "/***",
            "/a/../b",
            "/./a",
            "/a;b",
            "/a%2fb",
            "/a b",
            "/a?b",
            "/a#b",
            "/a%zz",
            "/a\\b",
            "/(.*)",
            "/%2e%2e",
            "https://x/",
        ] {
            // "(", ")" and "." are ordinary path characters, "*" inside a segment is not.
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        let deep = "/a".repeat(MAX_PATTERN_SEGMENTS + 1);
        assert!(Pattern::parse(&deep).is_err());
    }

    #[test]
    fn the_narrower_pattern_is_the_more_specific() {
        let ascending = [
            "/**", "/*/**", "/", "/*", "/*/*", "/a/**", "/a/*/**", "/a", "/a/*", "/a/b/**", "/a/b",
            "/a/b/*", "/a/b/c",
        ];
        let found: Vec<_> = ascending
            .iter()
            .map(|text| pattern(text).specificity_without(&(0..0)))
            .collect();
        let mut sorted = found.clone();
        sorted.sort();
        assert_eq!(found, sorted);
    }

    #[test]
    fn patterns_meet_where_one_path_fits_both() {
        for (one, two, expected) in [
            ("/a/*", "/*/b", true),
            ("/a/*", "/b/*", false),
            ("/a/**", "/a", true),
            ("/a/**", "/*/b/c", true),
            ("/a", "/a/b", false),
            ("/*", "/", false),
            ("/**", "/", true),
            ("/a/b/**", "/a/*", true),
            ("/a/b/**", "/a", false),
        ] {
            assert_eq!(pattern(one).meets(&pattern(two)), expected, "{one} {two}");
            assert_eq!(pattern(two).meets(&pattern(one)), expected, "{two} {one}");
        }
    }

    #[test]
    fn folding_finds_what_generous_readers_find() {
        for (segment, folded, bare) in [
            ("ADMIN", "admin", "admin"),
            ("admin.", "admin", "admin"),
            (" admin . ", "admin", "admin"),
            ("\u{17f}ecret", "secret", "secret"),
            ("\u{212a}eys", "keys", "keys"),
            ("Admin.RSC", "admin.rsc", "admin"),
            ("admin.prefetch.rsc", "admin.prefetch.rsc", "admin"),
            ("admin.bak", "admin.bak", "admin.bak"),
            (".json", ".json", ".json"),
        ] {
            let read = fold(segment);
            let read = (read.as_str(), without_representation(&read));
            assert_eq!(read, (folded, bare), "{segment}");
        }
        assert!(pattern("/Admin/**").covers_folded(&[fold("aDMIN"), fold("x")]));
    }
}
