//! The disk alone, by the schedule of the requests: what no server can be quicker than that answers when its work is on the disk.
//!
//! Each arrival is a page to write. What is due when the disk is free goes together, up to `--together`, and is on the disk
//! after one `fsync`, which is the call that SQLite makes; a latency counts from the moment at which the page was due. The pages
//! go round in a file that has its whole length before, as SQLite's log is written from its beginning again after each copy: a
//! file that grows costs more, and would be an excuse.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use crate::{arrivals::Arrivals, figures::Taken, options::Options, schedule::PATIENCE};

/// SQLite's page.
const PAGE: usize = 4096;

/// SQLite copies its log after so many pages, if nobody tells it otherwise.
const PAGES: u64 = 1000;

/// A sleep may end so much too late; what is left of a wait is spun away.
const LATE: Duration = Duration::from_millis(1);

/// `load disk --file FILE --rate N --together N --warm SECONDS --seconds SECONDS`
pub fn run(args: impl Iterator<Item = String>) -> Result<Taken, String> {
    let mut options = Options::read(args)?;
    let path: PathBuf = options.needed("file")?;
    let rate = options.needed("rate")?;
    let together: usize = options.needed("together")?;
    let warm = options.seconds("warm")?.unwrap_or_default();
    let time = options.needed_seconds("seconds")?;
    options.none_left()?;
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut log = Log::create(&path, together).map_err(failed)?;
    log.write_by_schedule(rate, warm, time).map_err(failed)
}

/// The file, and where it is written next.
struct Log {
    file: File,
    pages: Vec<u8>,
    place: u64,
}

impl Log {
    fn create(path: &PathBuf, together: usize) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(path)?;
        let log = Self {
            file,
            pages: vec![0xe5; PAGE * together],
            place: 0,
        };
        let all = PAGES + together as u64;
        for page in 0..all {
            log.file
                .write_all_at(&log.pages[..PAGE], page * PAGE as u64)?;
        }
        log.file.sync_all()?;
        Ok(log)
    }

    fn write(&mut self, pages: usize) -> io::Result<()> {
        let bytes = &self.pages[..PAGE * pages];
        self.file.write_all_at(bytes, self.place * PAGE as u64)?;
        self.place += pages as u64;
        if self.place >= PAGES {
            self.place = 0;
        }
        self.file.sync_all()
    }

    fn write_by_schedule(
        &mut self,
        rate: f64,
        warm: Duration,
        time: Duration,
    ) -> io::Result<Taken> {
        let together = self.pages.len() / PAGE;
        let began = Instant::now();
        let counts_from = began + warm;
        let ends = counts_from + time;
        let mut arrivals = Arrivals::at(rate, began);
        let mut taken = Taken::default();
        let mut last = counts_from;
        let mut due = Vec::with_capacity(together);
        while arrivals.next < ends {
            let now = Instant::now();
            if now > ends + PATIENCE {
                while arrivals.next < ends {
                    taken.unanswered += 1;
                    arrivals.step();
                }
                break;
            }
            while arrivals.next <= now && arrivals.next < ends && due.len() < together {
                due.push(arrivals.next);
                arrivals.step();
            }
            if due.is_empty() {
                wait_until(arrivals.next, now);
                continue;
            }
            self.write(due.len())?;
            let now = Instant::now();
            if now >= counts_from {
                last = now;
                taken.latencies.extend(due.iter().map(|since| now - *since));
            }
            due.clear();
        }
        taken.time = last - counts_from;
        Ok(taken)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "nothing signals that the next one is due; the schedule is the clock's"
)]
fn wait_until(next: Instant, now: Instant) {
    let wait = next.saturating_duration_since(now);
    if wait > LATE {
        thread::sleep(wait - LATE);
    }
    while Instant::now() < next {
        std::hint::spin_loop();
    }
}
