//! What became of the packets that were sent: counts, first words, exact percentiles.

use std::collections::BTreeMap;
use std::time::Duration;

use ilp_proto::ErrorCode;
use serde_json::{Value, json};

use super::text::{Align, as_f64, grouped, millis, ms, per_second, table};

/// The end of one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer is the fulfillment of the packet's condition.
    Fulfilled,
    /// A REJECT.
    Rejected(Rejection),
    /// No answer before it expired.
    TimedOut,
    /// No ILP answer: the link broke, the server sent a BTP ERROR, the fulfillment is wrong.
    Failed(String),
}

/// A REJECT, fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// Its code.
    pub(crate) code: ErrorCode,
    /// Who made it; empty if it does not say.
    pub(crate) triggered_by: String,
    /// Its message.
    pub(crate) message: String,
}

impl Rejection {
    /// `F02 Unreachable by test.b: no route`, as far as it is known.
    pub(crate) fn describe(&self) -> String {
        let mut text = code_and_name(self.code);
        if !self.triggered_by.is_empty() {
            text.push_str(" by ");
            text.push_str(&self.triggered_by);
        }
        if !self.message.is_empty() {
            text.push_str(": ");
            text.push_str(&self.message);
        }
        text
    }

    /// For `--json`.
    pub(crate) fn to_json(&self) -> Value {
        let by = (!self.triggered_by.is_empty()).then_some(&self.triggered_by);
        json!({ "code": self.code.to_string(), "name": self.code.name(), "triggeredBy": by, "message": self.message })
    }
}

/// `F02 Unreachable`; a code that no RFC names stands alone.
pub(crate) fn code_and_name(code: ErrorCode) -> String {
    match code.name() {
        Some(name) => format!("{code} {name}"),
        None => code.to_string(),
    }
}

/// Packets, counted by how they ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    fulfilled: u64,
    rejected: BTreeMap<ErrorCode, Rejects>,
    timed_out: u64,
    failed: BTreeMap<String, u64>,
    /// Of the fulfilled.
    latencies: Vec<Duration>,
}

/// Rejects of one code.
#[derive(Clone, Debug)]
struct Rejects {
    count: u64,
    first: Rejection,
}

/// More reasons than this are counted as one.
const MAX_REASONS: usize = 16;

impl Tally {
    /// Counts a packet that took `latency`.
    pub(crate) fn add(&mut self, outcome: Outcome, latency: Duration) {
        match outcome {
            Outcome::Fulfilled => {
                self.fulfilled += 1;
                self.latencies.push(latency);
            }
            Outcome::Rejected(first) => {
                self.rejected
                    .entry(first.code)
                    .or_insert(Rejects { count: 0, first })
                    .count += 1;
            }
            Outcome::TimedOut => self.timed_out += 1,
            Outcome::Failed(why) => {
                let known = self.failed.contains_key(&why) || self.failed.len() < MAX_REASONS;
                let why = if known {
                    why
                } else {
                    "other reasons".to_owned()
                };
                *self.failed.entry(why).or_default() += 1;
            }
        }
    }

    /// Packets that were fulfilled.
    pub(crate) const fn fulfilled(&self) -> u64 {
        self.fulfilled
    }

    /// Packets that were rejected.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.values().map(|rejects| rejects.count).sum()
    }

    /// Packets that ended in any way.
    pub(crate) fn ended(&self) -> u64 {
        self.fulfilled + self.rejected() + self.timed_out + self.failed.values().sum::<u64>()
    }

    /// The times of the fulfilled packets.
    pub(crate) fn latencies(&self) -> Latencies {
        Latencies::new(self.latencies.clone())
    }

    /// The table for people, two spaces in: `asked` packets were wanted, `started` sent, and it took `took` from first
    /// to last.
    pub(crate) fn table(&self, asked: u64, started: u64, took: Duration) -> String {
        let row = |name: &str, count: u64, note: String| [name.to_owned(), grouped(count), note];
        let mut rows = vec![row("fulfilled", self.fulfilled, String::new())];
        if self.rejected.is_empty() {
            rows.push(row("rejected", 0, String::new()));
        }
        for (code, rejects) in &self.rejected {
            let name = format!("rejected {code}");
            rows.push(row(&name, rejects.count, first_words(&rejects.first)));
        }
        rows.push(row("timed out", self.timed_out, String::new()));
        for (why, &count) in &self.failed {
            rows.push(row("failed", count, why.clone()));
        }
        let unanswered = started.saturating_sub(self.ended());
        let unsent = asked.saturating_sub(started);
        for (name, count) in [("unanswered", unanswered), ("not sent", unsent)] {
            if count > 0 {
                rows.push(row(name, count, String::new()));
            }
        }
        let mut shown = table(2, [Align::Left, Align::Right, Align::Left], &rows);
        let rate = per_second(self.ended(), took);
        shown.push_str(&format!(
            "  time       {:.2} s, {rate:.0} packets/s\n",
            took.as_secs_f64()
        ));
        if let Some([p50, p90, p99, max]) = self.latencies().summary() {
            let (p50, p90, p99, max) = (ms(p50), ms(p90), ms(p99), ms(max));
            shown.push_str(&format!(
                "  latency    p50 {p50}, p90 {p90}, p99 {p99}, max {max}\n"
            ));
        }
        shown
    }

    /// The same for `--json`.
    pub(crate) fn to_json(&self, asked: u64, started: u64, took: Duration) -> Value {
        let rejected = |rejects: &Rejects| {
            let mut value = rejects.first.to_json();
            value["count"] = rejects.count.into();
            value
        };
        let rejected: Vec<_> = self.rejected.values().map(rejected).collect();
        let failed: Vec<_> = self
            .failed
            .iter()
            .map(|(why, count)| json!({ "reason": why, "count": count }))
            .collect();
        let latency = self.latencies().summary().map(|times| {
            let [p50, p90, p99, max] = times.map(millis);
            json!({ "p50": p50, "p90": p90, "p99": p99, "max": max })
        });
        json!({
            "count": asked,
            "sent": started,
            "fulfilled": self.fulfilled,
            "rejected": rejected,
            "timedOut": self.timed_out,
            "failed": failed,
            "unanswered": started.saturating_sub(self.ended()),
            "seconds": took.as_secs_f64(),
            "packetsPerSecond": per_second(self.ended(), took),
            "latencyMs": latency,
        })
    }
}

/// `Unreachable by test.b: no route`: the code has a column of its own.
fn first_words(rejection: &Rejection) -> String {
    let words = rejection.describe();
    let code = rejection.code.to_string();
    words
        .strip_prefix(&code)
        .unwrap_or(&words)
        .trim_start_matches([':', ' '])
        .to_owned()
}

/// Times, in order.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sorts them.
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The smallest time that at least `percent` of all do not exceed (nearest rank, exact).
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied()
    }

    /// p50, p90, p99 and the longest.
    pub(crate) fn summary(&self) -> Option<[Duration; 4]> {
        let at = |percent| self.percentile(percent);
        Some([at(50)?, at(90)?, at(99)?, at(100)?])
    }

    /// Smallest, mean, longest and standard deviation, as ping(8) has them; in milliseconds.
    pub(crate) fn spread(&self) -> Option<[f64; 4]> {
        let (min, max) = (millis(*self.0.first()?), millis(*self.0.last()?));
        let count = as_f64(u64::try_from(self.0.len()).unwrap_or(u64::MAX));
        let mean = self.0.iter().copied().map(millis).sum::<f64>() / count;
        let squares = self
            .0
            .iter()
            .map(|&time| (millis(time) - mean).powi(2))
            .sum::<f64>();
        Some([min, mean, max, (squares / count).sqrt()])
    }
}

#[cfg(test)]
mod tests;
