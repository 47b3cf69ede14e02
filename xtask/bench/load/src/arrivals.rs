//! When requests come: gaps of a Poisson process from a fixed seed, so that every contender meets the same ones.

use std::time::{Duration, Instant};

/// The next one, and what the one after it follows from.
pub struct Arrivals {
    rate: f64,
    /// When the next one is due.
    pub next: Instant,
    state: u64,
}

impl Arrivals {
    /// So many a second on average, the first one now.
    pub fn at(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            next: now,
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Goes on to the one after it.
    pub fn step(&mut self) {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let bits = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        let uniform = (bits as f64 + 1.0) / (1_u64 << 53) as f64;
        self.next += Duration::from_secs_f64(-uniform.ln() / self.rate);
    }
}
