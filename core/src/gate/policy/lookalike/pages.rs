//! The pages that a path may be another spelling of.
//!
//! Every page found costs a look at the rules, and a path has room for thousands of segments and dots: each source of them has
//! its bound.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::once_with;
use core::ops::Range;

use crate::gate::pattern::{
    MAX_PATTERN_SEGMENTS, page_of, without_end, without_page_file, without_representation,
};

/// Endings of programs that are run whatever follows them in the path, as CGI has it (RFC 3875, section 4.1.5, `PATH_INFO`).
const SCRIPTS: &[&str] = &[
    ".php", ".php5", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".asp", ".aspx", ".ashx", ".asmx",
    ".svc", ".cfm", ".cfc", ".shtml",
];

/// Endings of files that are no page, whatever stands before.
const ASSETS: &[&str] = &[
    ".js", ".mjs", ".css", ".map", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp",
    ".avif", ".woff", ".woff2", ".ttf",
];

/// Of the dots of a name, the first and so many of the last may stand before a format.
const LAST_DOTS: usize = 16;

/// Of the scripts in a path, the first and so many of the last may be the one that runs: servers take the first or the last.
const LAST_SCRIPTS: usize = 3;

/// So much of a page says which rules cover it: one segment more than any pattern has.
const MAX_SEGMENTS: usize = MAX_PATTERN_SEGMENTS + 1;

/// A page that a path may be another spelling of.
pub(super) struct Twin<'p> {
    /// Its folded segments.
    pub(super) page: Vec<&'p str>,
    /// What leads to it, if not the whole path is a spelling of it.
    pub(super) way: Option<Way>,
}

/// What stands in a path before the page that a program shows.
#[derive(Clone)]
pub(super) struct Way {
    /// The segments that say nothing of the page.
    pub(super) segments: Range<usize>,
    /// Those of them that name the program.
    pub(super) program: Range<usize>,
}

/// As much of a page as the rules can tell apart, so that no path costs more.
pub(super) fn near<'s, 'p>(page: &'s [&'p str]) -> &'s [&'p str] {
    page.get(..MAX_SEGMENTS).unwrap_or(page)
}

/// The pages that a path, given folded, may be a representation, a format or a script of, and those that a program on its way
/// may show. The path itself is not among them.
pub(super) fn pages_behind<'p>(
    folded: &'p [&'p str],
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let whole = near(folded);
    let by_file = once_with(move || page_of(whole)).filter(move |page| page != whole);
    // All others but the data route need a dot, which most paths have not.
    let has_dot = folded.iter().any(|segment| segment.contains('.'));
    let by_ending = has_dot.then(|| {
        let of_scripts = scripts(whole).filter_map(|at| whole.get(..=at));
        let of_scripts = of_scripts
            .flat_map(|script| pages_without_format(script).chain(once_with(|| script.to_vec())));
        once_with(|| represented(whole))
            .chain(pages_without_format(whole))
            .chain(of_scripts)
    });
    let shown = has_dot.then(|| scripts(folded).flat_map(|at| pages_shown_by(folded, at, locales)));
    let data = page_behind_data_route(folded, locales);
    by_file
        .chain(by_ending.into_iter().flatten())
        .map(|page| Twin { page, way: None })
        .chain(shown.into_iter().flatten())
        .chain(data)
}

/// The first of these and so many of the last.
fn outermost<T>(all: impl Iterator<Item = T> + Clone, last: usize) -> impl Iterator<Item = T> {
    let count = all.clone().count();
    all.enumerate()
        .filter(move |(number, _)| *number == 0 || number + last >= count)
        .map(|(_, one)| one)
}

/// Without the endings of representations, segment by segment.
fn represented<'p>(folded: &[&'p str]) -> Vec<&'p str> {
    let segments = folded.iter().copied();
    segments.map(without_representation).collect()
}

/// `/admin.xml` is `/admin` where a router takes what stands behind a dot for a format: what stands before each dot of the last
/// segment, but for one that the name begins with. `/admin/index.php` is, too, and `/index.js` is not `/`.
fn pages_without_format<'p>(folded: &[&'p str]) -> impl Iterator<Item = Vec<&'p str>> {
    let (last, before) = folded
        .split_last()
        .map_or(("", folded), |(last, before)| (*last, before));
    let is_asset = ASSETS.iter().any(|ending| last.ends_with(ending));
    let dots = last.match_indices('.').filter(|(at, _)| *at > 0);
    outermost(dots, LAST_DOTS).filter_map(move |(at, _)| {
        let name = without_end(last.get(..at)?);
        let page = before.iter().copied().chain([name]).collect();
        Some(if is_asset {
            page
        } else {
            without_page_file(page)
        })
    })
}

/// `/admin.php/x` is `/admin.php`: where segments stand that are scripts, the last of the path apart.
fn scripts<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = usize> + 'p {
    let before = folded.split_last().map_or(folded, |(_, before)| before);
    let is_script = |segment: &str| SCRIPTS.iter().any(|ending| segment.ends_with(ending));
    let places = before.iter().enumerate();
    let places = places.filter(move |(_, segment)| is_script(segment));
    outermost(places.map(|(at, _)| at), LAST_SCRIPTS)
}

/// `/index.php/admin` is `/admin` to a program that routes by what follows its name, and `/x/index.php/admin` may be `/x/admin` too.
fn pages_shown_by<'p>(
    folded: &'p [&'p str],
    at: usize,
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let (before, behind) = folded.split_at(at);
    let behind = near(without_locale(behind.get(1..).unwrap_or_default(), locales));
    let beside = (at > 0).then(|| (at..at + 1, [near(before), behind].concat()));
    let routes = [Some((0..at + 1, behind.to_vec())), beside];
    routes
        .into_iter()
        .flatten()
        .flat_map(move |(segments, mut route)| {
            route.truncate(MAX_SEGMENTS);
            let mut pages: Vec<Vec<&'p str>> = pages_without_format(&route).collect();
            pages.push(page_of(&route));
            pages.push(route);
            pages.into_iter().map(move |page| Twin {
                page,
                way: Some(Way {
                    segments: segments.clone(),
                    program: at..at + 1,
                }),
            })
        })
}

/// `/_next/data/BUILD/admin.json` is the content of `/admin` in another representation.
fn page_behind_data_route<'p>(folded: &[&'p str], locales: &[String]) -> Option<Twin<'p>> {
    let [next, data, _build, page @ ..] = folded else {
        return None;
    };
    if [next, data].map(|segment| without_representation(segment)) != ["_next", "data"] {
        return None;
    }
    let mut page = represented(near(without_locale(page, locales)));
    if page == ["index"] {
        page.clear();
    }
    Some(Twin {
        page,
        way: Some(Way {
            segments: 0..3,
            program: 0..2,
        }),
    })
}

/// A path as the pages have it.
fn without_locale<'s, 'p>(folded: &'s [&'p str], locales: &[String]) -> &'s [&'p str] {
    let is_locale = |first: &str| locales.iter().any(|one| one.eq_ignore_ascii_case(first));
    match folded {
        [first, rest @ ..] if is_locale(first) => rest,
        whole => whole,
    }
}
