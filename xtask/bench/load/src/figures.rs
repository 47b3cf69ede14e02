//! What was measured.

use std::{collections::BTreeMap, fs, time::Duration};

use crate::plan::Plan;

/// What was measured.
#[derive(Default)]
pub struct Taken {
    /// Of each answer that counts, in the order in which they came.
    pub latencies: Vec<Duration>,
    /// From the first that counts to the last.
    pub time: Duration,
    /// Answers with another status than the expected one; 0 is a connection that broke.
    pub failures: BTreeMap<u16, u64>,
    /// How often somebody was told to come back later.
    pub put_off: u64,
    /// Requests that were due or under way and never answered; with a count, all that it lacks. No other figure knows of them,
    /// so whoever reads the others looks at this one first.
    pub unanswered: u64,
    /// The first failure.
    pub first_failure: Option<String>,
}

impl Taken {
    /// Keeps what the plan wants in files.
    pub fn keep(&self, plan: &Plan) -> Result<(), String> {
        plan.keep_clients()?;
        let Some(file) = &plan.each else {
            return Ok(());
        };
        let lines: Vec<String> = self
            .latencies
            .iter()
            .map(|taken| taken.as_micros().to_string())
            .collect();
        fs::write(file, lines.join("\n")).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// One JSON object.
    pub fn report(mut self) -> String {
        if let Some(failure) = &self.first_failure {
            eprintln!("load: the first failure: {failure}");
        }
        let answered = self.latencies.len();
        self.latencies.sort_unstable();
        let micros = |share: f64| {
            let place = (answered.saturating_sub(1) as f64 * share) as usize;
            self.latencies
                .get(place)
                .map_or(0.0, |taken| taken.as_secs_f64() * 1e6)
        };
        let failures: u64 = self.failures.values().sum();
        let kinds: Vec<String> = self
            .failures
            .iter()
            .map(|(status, count)| format!("\"{status}\":{count}"))
            .collect();
        format!(
            "{{\"answered\":{answered},\"seconds\":{:.4},\"perSecond\":{:.1},\"p50\":{:.1},\"p95\":{:.1},\"p99\":{:.1},\"max\":{:.1},\
             \"failures\":{failures},\"kinds\":{{{}}},\"putOff\":{},\"unanswered\":{}}}",
            self.time.as_secs_f64(),
            answered as f64 / self.time.as_secs_f64().max(1e-9),
            micros(0.5),
            micros(0.95),
            micros(0.99),
            micros(1.0),
            kinds.join(","),
            self.put_off,
            self.unanswered,
        )
    }
}
