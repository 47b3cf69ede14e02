//! What the pages of the feed said last, so that many edges which ask the same cost one question to the database.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Entries;

/// More are not kept: edges that follow the feed ask from one number or two. At half a megabyte each at most it is four.
const PAGES_MAX: usize = 8;

/// Pages by the number that they go on from.
#[derive(Debug, Default)]
pub struct Pages(Mutex<Built>);

#[derive(Debug, Default)]
struct Built {
    version: u64,
    pages: BTreeMap<u64, (Instant, Arc<Entries>)>,
}

impl Pages {
    /// The page, if nothing was told since it was built and it is not older than that.
    #[must_use]
    pub fn find(
        &self,
        after: u64,
        version: u64,
        most_age: Duration,
        now: Instant,
    ) -> Option<Arc<Entries>> {
        let built = self.lock();
        let (at, page) = built.pages.get(&after)?;
        let fresh = built.version == version && now.saturating_duration_since(*at) <= most_age;
        fresh.then(|| Arc::clone(page))
    }

    /// Keeps a page, with the version and the moment of before it was asked for.
    pub fn keep(&self, after: u64, version: u64, asked: Instant, page: &Arc<Entries>) {
        let mut built = self.lock();
        if version < built.version {
            return;
        }
        if version > built.version || built.pages.len() >= PAGES_MAX {
            built.version = version;
            built.pages.clear();
        }
        built.pages.insert(after, (asked, Arc::clone(page)));
    }

    /// The map holds nothing that a panic could leave half-done.
    fn lock(&self) -> std::sync::MutexGuard<'_, Built> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Arc<Entries> {
        Arc::new(Entries {
            after: 0,
            last: 0,
            more: false,
            count: 0,
            lines: String::new(),
            sha256: String::new(),
        })
    }

    #[test]
    fn a_page_is_as_old_as_its_question_and_ends_with_the_next_word() {
        let pages = Pages::default();
        let asked = Instant::now();
        let later = |millis| asked + Duration::from_millis(millis);
        let find = |after, version, millis| {
            pages
                .find(after, version, Duration::from_millis(250), later(millis))
                .is_some()
        };
        pages.keep(7, 1, asked, &entries());
        for (after, version, millis, found) in [
            (7, 1, 0, true),
            (7, 1, 250, true),
            (7, 1, 251, false),
            (8, 1, 0, false),
            (7, 2, 0, false),
        ] {
            assert_eq!(
                find(after, version, millis),
                found,
                "{after} {version} {millis}"
            );
        }
        // One that was asked for before a word and came after it is not kept in place of a newer one.
        pages.keep(7, 3, asked, &entries());
        pages.keep(7, 2, asked, &entries());
        assert!(find(7, 3, 0) && !find(7, 2, 0));
    }

    #[test]
    fn edges_that_ask_from_everywhere_take_no_more_memory_than_the_bound() {
        let pages = Pages::default();
        for after in 0..1000 {
            pages.keep(after, 1, Instant::now(), &entries());
        }
        assert!(pages.lock().pages.len() <= PAGES_MAX);
    }
}
