//! The pages that a path may be another spelling of.
//!
//! Every page found costs a look at the rules, and a path has room for thousands of segments and dots: each source of them has
//! its bound.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::gate::pattern::{
    MAX_PATTERN_SEGMENTS, is_page_file, without_end, without_page_file, without_representation,
};

/// Endings of programs that are run whatever follows them in the path, as CGI has it (RFC 3875, section 4.1.5, `PATH_INFO`).
const SCRIPTS: &str =
    ".php .php5 .phtml .cgi .fcgi .pl .py .asp .aspx .ashx .asmx .svc .cfm .cfc .shtml";

/// Those of them that names of hosts end with as well (`/domains/example.pl/settings`).
const DOMAINS: &str = ".pl .py";

/// Where such a program stands, if not in front of all.
const PROGRAMS_FOLDER: &str = "cgi-bin";

/// How the file of a page's data ends below `_next/data/BUILD`.
const DATA: &str = ".json";

/// What follows `admin.segments` names a part of the page.
const PARTS: &str = ".segments";

/// Endings of files that are no page, whatever stands before.
const ASSETS: &str = ".js .mjs .css .map .wasm .png .jpg .jpeg .gif .bmp .svg .ico .webp .avif .woff .woff2 .ttf .otf .yaml .yml .m3u8";

/// Of the dots of a name, the first and so many of the last may stand before a format.
const LAST_DOTS: usize = 16;

/// Of the places in a path where a program may stand, the first and so many of the last: servers take the first or the last.
const LAST_PLACES: usize = 2;

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
    /// Its name may be that of a host.
    pub(super) may_be_host: bool,
    /// It is no program but the file of the page.
    pub(super) is_file: bool,
}

impl Way {
    /// That of a page behind a locale that is a segment like others to the rules, if there is one.
    pub(super) fn of_locale(ahead: usize) -> Option<Self> {
        (ahead > 0).then_some(Self {
            segments: 0..0,
            program: 0..0,
            may_be_host: false,
            is_file: false,
        })
    }

    /// Whether the page stands before the rest, as a program before what it is asked for.
    pub(super) const fn is_behind(&self) -> bool {
        self.segments.start >= self.program.end
    }

    /// The same in a path with so many segments more before.
    pub(super) const fn behind(self, ahead: usize) -> Self {
        let Self {
            segments,
            program,
            may_be_host,
            is_file,
        } = self;
        let start = if segments.start == 0 {
            0
        } else {
            segments.start + ahead
        };
        Self {
            segments: start..segments.end + ahead,
            program: program.start + ahead..program.end + ahead,
            may_be_host,
            is_file,
        }
    }
}

/// As much of a page as the rules can tell apart, so that no path costs more.
pub(super) fn near<'s, 'p>(page: &'s [&'p str]) -> &'s [&'p str] {
    page.get(..MAX_SEGMENTS).unwrap_or(page)
}

/// The pages that a path, given folded, may be a representation or a format of, those that it leads to by a program on its way,
/// and that program. The path itself is not among them. `last` is its last segment as it is written.
pub(super) fn pages_behind<'p>(
    folded: &[&'p str],
    last: Option<&String>,
    locales: &[String],
) -> Vec<Twin<'p>> {
    let mut twins = Vec::new();
    let data_routes = data_routes(folded);
    // Most paths have neither, nor a data route, and are done here.
    let has_dot = folded.iter().any(|segment| segment.contains('.'));
    let names_file = folded.last().is_some_and(|last| is_page_file(last));
    if has_dot || names_file {
        let whole = near(folded);
        let mut pages = readings(whole, folded.len(), locales);
        pages.pop();
        // Words that name a page's file are names of other pages, too.
        let is_word = matches!(whole.last(), Some(&("index" | "default" | "_")));
        for page in pages {
            // What names the page's file says nothing of the page: `/users/*` speaks of `/users/index.html` as it does of others.
            let file = page.len()..whole.len();
            let way = (!file.is_empty() && !is_word).then(|| Way {
                segments: file.clone(),
                program: file,
                may_be_host: false,
                // Below a data route a page's name stands there.
                is_file: data_routes.is_empty(),
            });
            twins.push(Twin { page, way });
        }
    }
    if has_dot {
        for at in scripts(folded) {
            // `/admin.php/x` is `/admin.php`.
            let may_be_host = may_be_host(folded, at);
            let way = Way {
                segments: at + 1..folded.len(),
                program: at..at + 1,
                may_be_host,
                is_file: false,
            };
            let program = folded.get(..=at).map(near).unwrap_or_default();
            add(&mut twins, program, &way, locales);
            if !may_be_host && !has_parts(folded, at) {
                add_shown(&mut twins, folded, at..at + 1, at + 1, locales);
            }
        }
    }
    for at in data_routes {
        let mut shown = folded.to_vec();
        if let Some(last) = shown.last_mut() {
            // Behind a program it may belong to the page's name; here it does not.
            *last = last.strip_suffix(DATA).unwrap_or(last);
        }
        if shown.len() == at + 4 && last.is_some_and(|last| last == "index.json") {
            // A page of that name is `index/index` there, and `Index` another one.
            shown.pop();
        }
        add_shown(&mut twins, &shown, at..at + 2, at + 3, locales);
    }
    twins
}

/// `/de.html` is `/de`, which is `/`.
fn take_lone_locale(page: &mut Vec<&str>, locales: &[String]) {
    if page.len() == 1 && page.first().is_some_and(|one| is_locale(locales, one)) {
        page.clear();
    }
}

fn is_locale(locales: &[String], segment: &str) -> bool {
    locales.iter().any(|one| one.eq_ignore_ascii_case(segment))
}

/// Adds what a part of the path may stand for.
fn add<'p>(twins: &mut Vec<Twin<'p>>, part: &[&'p str], way: &Way, locales: &[String]) {
    // What follows `admin.segments` names a part of the page.
    let whole = (0..part.len()).find(|at| has_parts(part, *at));
    for page in readings(part, whole.map_or(part.len(), |at| at + 1), locales) {
        let way = Some(way.clone());
        twins.push(Twin { page, way });
    }
}

/// `/index.php/admin` is `/admin` to a program that routes by what follows its name, and `/x/index.php/admin` may be `/x/admin` too.
/// So it is with `/_next/data/BUILD/admin.json`, below the path that an application has for itself; the route begins at `end`.
fn add_shown<'p>(
    twins: &mut Vec<Twin<'p>>,
    folded: &[&'p str],
    program: Range<usize>,
    end: usize,
    locales: &[String],
) {
    let before = folded.get(..program.start).map(near).unwrap_or_default();
    let behind = folded.get(end..).map(near).unwrap_or_default();
    for from in routes(behind, locales) {
        let route = behind.get(from..).unwrap_or_default();
        let mut way = Way {
            segments: 0..end + from,
            program: program.clone(),
            may_be_host: false,
            is_file: false,
        };
        add(twins, route, &way, locales);
        if !before.is_empty() {
            way.segments.start = program.start;
            add(twins, near(&[before, route].concat()), &way, locales);
        }
    }
}

/// The first of these and so many of the last.
fn outermost(mut places: Vec<usize>, last: usize) -> Vec<usize> {
    let behind_first = places.len().saturating_sub(last);
    if behind_first > 1 {
        places.drain(1..behind_first);
    }
    places
}

/// The pages that a path may be a format, or with so many of its segments another representation of, and itself at the end.
///
/// `/admin.xml` is `/admin` where a router takes what stands behind a dot for a format: what stands before each dot of the last
/// segment, but for one that the name begins with. `/admin/index.php` is, too, and `/index.js` is not `/` as `/_payload.js` is.
fn readings<'p>(path: &[&'p str], whole: usize, locales: &[String]) -> Vec<Vec<&'p str>> {
    let Some((last, before)) = path.split_last() else {
        return Vec::from([Vec::new()]);
    };
    let is_asset = ends_with_one_of(ASSETS, last);
    let bytes = last.bytes().enumerate();
    let dots = bytes.filter(|(at, byte)| *at > 0 && *byte == b'.');
    let dots = outermost(dots.map(|(at, _)| at).collect(), LAST_DOTS);
    let segments = path.iter().take(whole);
    let mut represented: Vec<&str> = segments.map(|one| without_representation(one)).collect();
    let mut above = Vec::from([before]);
    above.extend(
        represented
            .get(..before.len())
            .filter(|other| *other != before),
    );
    let mut pages = Vec::new();
    for name in dots.into_iter().filter_map(|at| last.get(..at)) {
        let name = without_end(name);
        for above in &above {
            let mut page = above.to_vec();
            page.push(name);
            if !is_asset || name.starts_with('_') {
                without_page_file(&mut page);
                take_lone_locale(&mut page, locales);
            }
            pages.push(page);
        }
    }
    without_page_file(&mut represented);
    take_lone_locale(&mut represented, locales);
    pages.push(represented);
    pages.push(path.to_vec());
    pages
}

/// Where segments stand that are scripts or have parts, the last of the path apart.
fn scripts(folded: &[&str]) -> Vec<usize> {
    // A mailbox is nobody's program.
    let is_script = |at: &usize| {
        let is_run = |name: &&str| !name.contains('@') && ends_with_one_of(SCRIPTS, name);
        folded.get(*at).is_some_and(is_run) || has_parts(folded, *at)
    };
    let places = (0..folded.len().saturating_sub(1)).filter(is_script);
    let (hosts, mut places): (Vec<usize>, _) = places.partition(|at| may_be_host(folded, *at));
    places = outermost(places, LAST_PLACES);
    places.extend(outermost(hosts, LAST_PLACES));
    places
}

fn ends_with_one_of(endings: &str, segment: &str) -> bool {
    endings.split(' ').any(|ending| segment.ends_with(ending))
}

fn has_parts(path: &[&str], at: usize) -> bool {
    path.get(at).is_some_and(|name| name.ends_with(PARTS))
}

/// Whether the script at this place may be the name of a host.
fn may_be_host(folded: &[&str], at: usize) -> bool {
    let (before, behind) = folded.split_at(at);
    behind
        .first()
        .is_some_and(|name| ends_with_one_of(DOMAINS, name))
        && !before.is_empty()
        && !before.contains(&PROGRAMS_FOLDER)
}

/// Where the route may begin that a program takes from what follows its name: behind the locale, and behind `index`, which stands in
/// Next.js before a page whose name begins with it (`/_next/data/BUILD/index/admin.json` is `/admin`).
fn routes(behind: &[&str], locales: &[String]) -> Vec<usize> {
    let says_nothing = |first: &&&str| **first == "index" || is_locale(locales, first);
    let most = behind.iter().take_while(says_nothing).count();
    outermost((0..=most).collect(), LAST_PLACES)
}

/// Where `_next/data/BUILD` stands.
fn data_routes(folded: &[&str]) -> Vec<usize> {
    let is = |at: usize, name: &str| {
        folded
            .get(at)
            .is_some_and(|one| without_representation(one) == name)
    };
    let places = 0..folded.len().saturating_sub(2);
    let places = places.filter(|at| is(*at, "_next") && is(at + 1, "data"));
    outermost(places.collect(), LAST_PLACES)
}
