//! The pages that a path may be another spelling of.
//!
//! Every page found costs a look at the rules, and a path has room for thousands of segments and dots: each source of them has
//! its bound.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::{once_with, successors};
use core::ops::Range;

use crate::gate::pattern::{
    MAX_PATTERN_SEGMENTS, without_end, without_page_file, without_representation,
};

/// Endings of programs that are run whatever follows them in the path, as CGI has it (RFC 3875, section 4.1.5, `PATH_INFO`).
const SCRIPTS: &[&str] = &[
    ".php", ".php5", ".phtml", ".cgi", ".fcgi", ".pl", ".py", ".asp", ".aspx", ".ashx", ".asmx",
    ".svc", ".cfm", ".cfc", ".shtml",
];

/// Those of them that names of hosts end with as well (`/domains/example.pl/settings`).
const DOMAINS: &[&str] = &[".pl", ".py"];

/// Where such a program stands, if not in front of all.
const PROGRAMS_FOLDER: &str = "cgi-bin";

/// What follows `admin.segments` names a part of the page.
const PARTS: &str = ".segments";

/// Endings of files that are no page, whatever stands before.
const ASSETS: &[&str] = &[
    ".js", ".mjs", ".css", ".map", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp",
    ".avif", ".woff", ".woff2", ".ttf",
];

/// Of the dots of a name, the first and so many of the last may stand before a format.
const LAST_DOTS: usize = 16;

/// Of the places in a path where a program may stand, the first and so many of the last: servers take the first or the last.
const LAST_PLACES: usize = 3;

/// So much of a page says which rules cover it: one segment more than any pattern has.
const MAX_SEGMENTS: usize = MAX_PATTERN_SEGMENTS + 1;

/// A page that a path may be another spelling of.
pub(super) struct Twin<'p> {
    /// Its folded segments.
    pub(super) page: Vec<&'p str>,
    /// What stands in the path besides, if not the whole path is a spelling of it.
    pub(super) way: Option<Way>,
}

/// What stands in a path besides the page that a program shows, or that is the program.
#[derive(Clone)]
pub(super) struct Way {
    /// The segments that say nothing of the page.
    pub(super) segments: Range<usize>,
    /// Those that name the program.
    pub(super) program: Range<usize>,
}

impl Way {
    /// The same in a path with so many segments more before.
    pub(super) const fn behind(self, ahead: usize) -> Self {
        let Self { segments, program } = self;
        let start = if segments.start == 0 {
            0
        } else {
            segments.start + ahead
        };
        Self {
            segments: start..segments.end + ahead,
            program: program.start + ahead..program.end + ahead,
        }
    }
}

/// As much of a page as the rules can tell apart, so that no path costs more.
pub(super) fn near<'s, 'p>(page: &'s [&'p str]) -> &'s [&'p str] {
    page.get(..MAX_SEGMENTS).unwrap_or(page)
}

/// The pages that a path, given folded, may be a representation or a format of, those that it leads to by a program on its way,
/// and that program. The path itself is not among them.
pub(super) fn pages_behind<'p>(
    folded: &'p [&'p str],
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let whole = near(folded);
    let by_file = once_with(move || without_page_file(whole.to_vec()));
    let by_file = by_file.filter(move |page| page != whole);
    // All others but the data route need a dot, which most paths have not.
    let has_dot = folded.iter().any(|segment| segment.contains('.'));
    let by_ending =
        has_dot.then(|| once_with(|| represented(whole)).chain(pages_without_format(whole)));
    let by_script = has_dot.then(|| {
        scripts(folded).flat_map(|at| {
            let shown =
                shows_pages(folded, at).then(|| pages_shown_by(folded, at..at + 1, 1, locales));
            pages_with_program(folded, at).chain(shown.into_iter().flatten())
        })
    });
    let by_data_route =
        data_routes(folded).flat_map(move |at| pages_shown_by(folded, at..at + 2, 3, locales));
    by_file
        .chain(by_ending.into_iter().flatten())
        .map(|page| Twin { page, way: None })
        .chain(by_script.into_iter().flatten())
        .chain(by_data_route)
}

/// The first of these and so many of the last.
fn outermost<T>(all: impl Iterator<Item = T> + Clone, last: usize) -> impl Iterator<Item = T> {
    let count = all.clone().count();
    all.enumerate()
        .filter(move |(number, _)| *number == 0 || number + last >= count)
        .map(|(_, one)| one)
}

/// The page that a path may be another representation of, whole path considered.
fn represented<'p>(folded: &[&'p str]) -> Vec<&'p str> {
    let segments = folded.iter().copied();
    without_page_file(segments.map(without_representation).collect())
}

/// `/admin.xml` is `/admin` where a router takes what stands behind a dot for a format: what stands before each dot of the last
/// segment, but for one that the name begins with. `/admin/index.php` is, too, and `/index.js` is not `/` as `/_payload.js` is.
fn pages_without_format<'p>(folded: &[&'p str]) -> impl Iterator<Item = Vec<&'p str>> {
    let (last, before) = folded
        .split_last()
        .map_or(("", folded), |(last, before)| (*last, before));
    let is_asset = ASSETS.iter().any(|ending| last.ends_with(ending));
    let dots = last.match_indices('.').filter(|(at, _)| *at > 0);
    outermost(dots, LAST_DOTS).filter_map(move |(at, _)| {
        let name = without_end(last.get(..at)?);
        let page = before.iter().copied().chain([name]).collect();
        Some(if is_asset && !name.starts_with('_') {
            page
        } else {
            without_page_file(page)
        })
    })
}

/// Where segments stand that are scripts or have parts, the last of the path apart.
fn scripts<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = usize> + 'p {
    let before = folded.split_last().map_or(folded, |(_, before)| before);
    // A mailbox is nobody's program.
    let is_script = |segment: &str| {
        !segment.contains('@') && (ends_with_one_of(SCRIPTS, segment) || segment.ends_with(PARTS))
    };
    let places = before.iter().enumerate();
    let places = places.filter(move |(_, segment)| is_script(segment));
    outermost(places.map(|(at, _)| at), LAST_PLACES)
}

fn ends_with_one_of(endings: &[&str], segment: &str) -> bool {
    endings.iter().any(|ending| segment.ends_with(ending))
}

/// `/admin.php/x` is `/admin.php`, and what that may be a format of.
fn pages_with_program<'p>(folded: &'p [&'p str], at: usize) -> impl Iterator<Item = Twin<'p>> {
    let program = folded.get(..=at).map(near).unwrap_or_default();
    let pages = pages_without_format(program).chain([represented(program), program.to_vec()]);
    pages.map(move |page| Twin {
        page,
        way: Some(Way {
            segments: at + 1..folded.len(),
            program: at..at + 1,
        }),
    })
}

/// Whether the script at this place may show what follows it.
fn shows_pages(folded: &[&str], at: usize) -> bool {
    let (before, behind) = folded.split_at(at);
    let name = behind.first().copied().unwrap_or_default();
    let may_be_host =
        ends_with_one_of(DOMAINS, name) && !before.is_empty() && !before.contains(&PROGRAMS_FOLDER);
    !may_be_host && !name.ends_with(PARTS)
}

/// `/index.php/admin` is `/admin` to a program that routes by what follows its name, and `/x/index.php/admin` may be `/x/admin` too.
/// So it is with `/_next/data/BUILD/admin.json`, whose way is `length` segments long, below the path that an application has for itself.
fn pages_shown_by<'p>(
    folded: &'p [&'p str],
    program: Range<usize>,
    length: usize,
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let end = program.start + length;
    let before = near(folded.get(..program.start).unwrap_or_default());
    let behind = near(folded.get(end..).unwrap_or_default());
    outermost(routes(behind, locales), LAST_PLACES).flat_map(move |route| {
        let alone = Some((0..end, route.to_vec()));
        let beside = (!before.is_empty()).then(|| (program.start..end, [before, route].concat()));
        let program = program.clone();
        let pages = [alone, beside].into_iter().flatten();
        pages.flat_map(move |(segments, mut route)| {
            route.truncate(MAX_SEGMENTS);
            let mut pages: Vec<Vec<&'p str>> = pages_without_format(&route).collect();
            pages.push(represented(&route));
            pages.push(route);
            let way = Way {
                segments,
                program: program.clone(),
            };
            pages.into_iter().map(move |page| Twin {
                page,
                way: Some(way.clone()),
            })
        })
    })
}

/// What a program may take for the route that follows its name: without the locale, and without `index`, which stands before a page
/// in Next.js whose name begins with it (`/_next/data/BUILD/index/admin.json` is `/admin`).
fn routes<'p>(
    behind: &'p [&'p str],
    locales: &'p [String],
) -> impl Iterator<Item = &'p [&'p str]> + Clone {
    let says_nothing =
        |first: &str| first == "index" || locales.iter().any(|one| one.eq_ignore_ascii_case(first));
    successors(Some(behind), move |route| match route {
        [first, rest @ ..] if says_nothing(first) => Some(rest),
        _ => None,
    })
}

/// Where `_next/data/BUILD` stands.
fn data_routes<'p>(folded: &'p [&'p str]) -> impl Iterator<Item = usize> + 'p {
    let bare = |at: usize| folded.get(at).map(|one| without_representation(one));
    let places = (0..folded.len().saturating_sub(2))
        .filter(move |at| bare(*at) == Some("_next") && bare(at + 1) == Some("data"));
    outermost(places, LAST_PLACES)
}
