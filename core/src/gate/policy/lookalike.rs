//! Other spellings of what a rule protects.
//!
//! Some applications fold what paths distinguish: letter case, dots and blanks after a segment, other representations of a page
//! (`/admin.rsc`, `/admin.xml`, `/_next/data/BUILD/admin.json`), what follows a script (`/admin.php/x`), and what leads to one
//! (`/index.php/admin`). A broad rule would let such a twin of a protected page through. So where a *more specific, protected* rule covers the folded path, the request is
//! denied; a rule written for exactly that spelling is as specific and lifts the denial. Folds that need a table (full-width letters,
//! for example) are not looked for: there deny by default must do.

use alloc::string::String;
use alloc::vec::Vec;
use core::iter::once_with;
use core::ops::Range;

use super::super::path::decoded_segments;
use super::super::pattern::{
    MAX_PATTERN_SEGMENTS, fold, page_of, without_end, without_page_file, without_representation,
};
use super::{Asked, Conditions, Demand, Host, Policy, Rule};
use crate::origin::is_unsafe;
use crate::revocation::Mode;

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

/// Of a name with more dots than that, the first and the last of them count.
const MAX_DOTS: usize = 16;

/// Of a path with more scripts than that, the first and the last of all count: servers take the one or the other.
const MAX_SCRIPTS: usize = 3;

/// So much of a page says which rules cover it: one segment more than any pattern has.
const MAX_SEGMENTS: usize = MAX_PATTERN_SEGMENTS + 1;

/// A page that a path may be another spelling of.
struct Twin<'p> {
    page: Vec<&'p str>,
    way: Option<Way>,
}

/// What stands in a path before the page that a program shows.
#[derive(Clone)]
struct Way {
    /// The segments that say nothing of the page.
    segments: Range<usize>,
    /// Those of them that name the program.
    program: Range<usize>,
}

impl<'p> Twin<'p> {
    /// The whole path is a spelling of it.
    const fn whole(page: Vec<&'p str>) -> Self {
        Self { page, way: None }
    }
}

impl Policy {
    /// The rule that protects what this path is another spelling of, if `decider` would let it pass for less.
    pub(super) fn guarded_twin(&self, asked: &Asked<'_>, decider: &Rule) -> Option<&Rule> {
        let locales = &self.settings.locales;
        let segments = decoded_segments(asked.path.without_locale_of_any_case(locales));
        let folded: Vec<String> = segments.iter().map(|one| fold(one)).collect();
        let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
        let host = Host::read(asked.host);
        let guard = |Twin { page, way }: Twin<'_>| {
            let covering = self.folded.covering(&page, host.as_ref());
            let rule = self.concerning(covering, asked.method).next()?;
            let is_narrower = |than| rule.specificity() > than;
            let guards = match way {
                None => is_narrower(decider.specificity()),
                Some(_) if rule.is_met_by(decider, asked) => false,
                Some(way) => {
                    let said = decider.specificity_without(&way.segments);
                    if decider.pattern.names(way.program) {
                        // It speaks of the program's pages, as far as it goes on behind it.
                        is_narrower(said)
                    } else {
                        // It lets the program pass, as `/_next/**` and `/*/page` do, and may speak of quite another page.
                        let is_beside = rule.specificity().literals >= said.literals;
                        is_narrower(decider.specificity()) || (rule.is_closed() && is_beside)
                    }
                }
            };
            (guards && rule.guards_against(decider, asked)).then_some(rule)
        };
        guard(Twin::whole(folded.clone()))
            .or_else(|| pages_behind(&folded, locales).find_map(guard))
    }
}

impl Rule {
    /// Whether somebody does not pass.
    fn is_closed(&self) -> bool {
        !self.is_public() || !self.addresses().is_empty()
    }

    /// Whether a request passes by `decider` that does not by this one.
    fn guards_against(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        self.is_closed() || self.is_stricter_than(decider, asked)
    }

    /// Whether whoever passes by `decider` passes by this one, and no page reads more.
    fn is_met_by(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        let anybody_known = self.demand == Demand::SignedIn(Conditions::default());
        let is_demanded = self.is_public()
            || self.demand == decider.demand
            || (anybody_known && !decider.is_public());
        let is_current = self.revocation == decider.revocation
            || decider.revocation == Mode::Strict
            || (decider.revocation == Mode::Bounded && self.revocation != Mode::Strict);
        let is_here = self.addresses().is_empty() || self.addresses() == decider.addresses();
        let cors = &decider.manner.cors;
        let is_read_by_no_other = cors.is_none() || *cors == self.manner.cors;
        is_demanded
            && is_current
            && is_here
            && is_read_by_no_other
            && !self.is_stricter_than(decider, asked)
    }

    /// Whether it asks of a request what `decider` does not, whoever sends it.
    fn is_stricter_than(&self, decider: &Self, asked: &Asked<'_>) -> bool {
        let limits = |rule: &Self| {
            let bounds = rule.bounds()?;
            let limits = (bounds.by_address.clone(), bounds.by_identity.clone());
            (limits != (None, None)).then_some(limits)
        };
        let limited = limits(self);
        let is_limited_otherwise = limited.is_some() && limited != limits(decider);
        let is_current = self.revocation == Mode::Strict && decider.revocation != Mode::Strict;
        let wants_token = self.manner.demands_csrf_token && !decider.manner.demands_csrf_token;
        let wants_origin = !self.manner.takes_any_origin && decider.manner.takes_any_origin;
        // Neither is asked of what changes nothing, and no token of a WebSocket.
        let changes = is_unsafe(asked.method);
        let asks_for_token = changes && wants_token;
        let asks_for_origin = (changes || asked.opens_websocket) && wants_origin;
        is_limited_otherwise || is_current || asks_for_token || asks_for_origin
    }
}

/// The pages that a path may be a representation, a format or a script of, and those that a program on its way may show.
fn pages_behind<'p>(
    folded: &'p [&'p str],
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let whole = near(folded);
    let by_file = once_with(move || page_of(whole));
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
        .map(Twin::whole)
        .chain(shown.into_iter().flatten())
        .chain(data)
}

/// As much of a page as the rules can tell apart, so that no path costs more.
fn near<'s, 'p>(page: &'s [&'p str]) -> &'s [&'p str] {
    page.get(..MAX_SEGMENTS).unwrap_or(page)
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
    let dots = move || last.match_indices('.').filter(|(at, _)| *at > 0);
    let count = dots().count();
    let is_asset = ASSETS.iter().any(|ending| last.ends_with(ending));
    dots()
        .enumerate()
        // Every one costs a look at the rules, and a path has room for thousands.
        .filter(move |(number, _)| *number == 0 || number + MAX_DOTS >= count)
        .filter_map(move |(_, (at, _))| {
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
    let places = move || {
        let segments = before.iter().enumerate();
        segments.filter(move |(_, segment)| is_script(segment))
    };
    let count = places().count();
    places()
        .enumerate()
        .filter(move |(number, _)| *number < MAX_SCRIPTS || number + 1 == count)
        .map(|(_, (at, _))| at)
}

/// `/index.php/admin` is `/admin` to a program that routes by what follows its name, and `/x/index.php/admin` may be `/x/admin` too.
fn pages_shown_by<'p>(
    folded: &'p [&'p str],
    at: usize,
    locales: &'p [String],
) -> impl Iterator<Item = Twin<'p>> {
    let (before, behind) = folded.split_at(at);
    let behind = without_locale(behind.get(1..).unwrap_or_default(), locales);
    let beside = (at > 0).then(|| (at..at + 1, [near(before), near(behind)].concat()));
    let routes = [Some((0..at + 1, near(behind).to_vec())), beside];
    routes
        .into_iter()
        .flatten()
        .flat_map(move |(segments, route)| {
            let twin = |page| Twin {
                page,
                way: Some(Way {
                    segments: segments.clone(),
                    program: at..at + 1,
                }),
            };
            let route = near(&route).to_vec();
            let formats = pages_without_format(&route).map(twin);
            let mut pages: Vec<Twin<'p>> = formats.collect();
            pages.push(twin(page_of(&route)));
            pages.push(twin(route));
            pages
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
