//! What was measured, for people and for programs.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::packets::Tally;
use crate::tools::text::{Align, as_f64, grouped, table};

/// What does not change from one measurement to the next.
pub(super) struct Setting {
    /// None when they were there before.
    pub(super) nodes: Option<usize>,
    pub(super) runtime: Option<&'static str>,
    /// The nodes that were started speak TLS.
    pub(super) tls: bool,
    pub(super) pairs: usize,
    /// Bytes of data, and of the BTP frame, of a PREPARE.
    pub(super) size: usize,
    pub(super) frame: usize,
    pub(super) duration: Duration,
    pub(super) rate: Option<u64>,
}

/// One measurement.
pub(super) struct Measured {
    pub(super) in_flight: usize,
    pub(super) tally: Tally,
    pub(super) packets_per_second: f64,
    /// Seconds of CPU for a million packets.
    pub(super) node_cpu: Option<f64>,
    pub(super) bench_cpu: Option<f64>,
    /// Bytes.
    pub(super) node_rss: Option<u64>,
}

/// A measurement, and the same with nothing but a pipe.
pub(super) struct Row {
    pub(super) nodes: Measured,
    pub(super) pipe: Option<Measured>,
}

impl Row {
    pub(super) fn is_good(&self) -> bool {
        let pipe = self.pipe.as_ref().is_none_or(|pipe| pipe.tally.is_good());
        self.nodes.tally.is_good() && pipe
    }

    fn ratio(&self) -> Option<f64> {
        let pipe = self.pipe.as_ref()?.packets_per_second;
        (pipe > 0.0).then(|| self.nodes.packets_per_second / pipe)
    }
}

impl Measured {
    const fn failed(&self) -> u64 {
        self.tally.rejected + self.tally.wrong + self.tally.strange
    }

    fn json(&self) -> Json {
        let us = |rank| as_f64(self.tally.latency.per_mille(rank)) / 1e3;
        json!({
            "packetsPerSecond": rounded(self.packets_per_second, 1.0),
            "latencyUs": {
                "p50": us(500), "p90": us(900), "p99": us(990), "p99.9": us(999),
                "max": as_f64(self.tally.latency.max()) / 1e3,
            },
            "nodeCpuSecondsPerMillion": self.node_cpu.map(|cpu| rounded(cpu, 1e4)),
            "benchCpuSecondsPerMillion": self.bench_cpu.map(|cpu| rounded(cpu, 1e4)),
            "nodeRssBytes": self.node_rss,
            "sent": self.tally.sent,
            "fulfilled": self.tally.fulfilled,
            "rejected": self.tally.rejected,
            "wrong": self.tally.wrong,
            "strange": self.tally.strange,
            "unsent": self.tally.unsent,
            "reasons": self.tally.reasons,
        })
    }

    fn cells(&self, name: String, ratio: Option<f64>) -> [String; 13] {
        let none = || "-".to_owned();
        let cpu = |cpu: Option<f64>| cpu.map_or_else(none, |cpu| format!("{cpu:.2} s"));
        let time = |rank| micros(self.tally.latency.per_mille(rank));
        [
            name,
            grouped(self.packets_per_second as u64),
            time(500),
            time(900),
            time(990),
            time(999),
            micros(self.tally.latency.max()),
            cpu(self.node_cpu),
            cpu(self.bench_cpu),
            self.node_rss
                .map_or_else(none, |rss| format!("{:.1} MiB", as_f64(rss) / 1_048_576.0)),
            grouped(self.tally.fulfilled),
            grouped(self.failed()),
            ratio.map_or_else(none, |ratio| format!("{:.1} %", ratio * 100.0)),
        ]
    }
}

/// Four digits of it are more than anyone can measure.
fn rounded(number: f64, per: f64) -> f64 {
    (number * per).round() / per
}

fn micros(nanos: u64) -> String {
    let us = as_f64(nanos) / 1e3;
    match us {
        us if us < 1e3 => format!("{us:.0} µs"),
        us if us < 1e5 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.0} ms", us / 1e3),
    }
}

impl Setting {
    /// One object.
    pub(super) fn json(&self, rows: &[Row]) -> Json {
        let runs = rows.iter().map(|row| {
            let mut run = row.nodes.json();
            run["inFlight"] = row.nodes.in_flight.into();
            run["pipe"] = row.pipe.as_ref().map(Measured::json).into();
            run["ratioToPipe"] = row.ratio().map(|ratio| rounded(ratio, 1e4)).into();
            run
        });
        json!({
            "nodes": self.nodes,
            "runtime": self.runtime,
            "tls": self.nodes.map(|_| self.tls),
            "pairs": self.pairs,
            "sizeBytes": self.size,
            "frameBytes": self.frame,
            "durationSeconds": self.duration.as_secs_f64(),
            "rate": self.rate,
            "runs": runs.collect::<Vec<_>>(),
            "ok": rows.iter().all(Row::is_good),
        })
    }

    /// What will be measured.
    pub(super) fn heading(&self) -> String {
        let tls = if self.tls { " with TLS" } else { "" };
        let nodes = match (self.nodes, self.runtime) {
            (Some(1), Some(runtime)) => format!("one node on {runtime}{tls}"),
            (Some(nodes), Some(runtime)) => format!("{nodes} nodes in a row on {runtime}{tls}"),
            _ => "the nodes that run at --target and --receiver".into(),
        };
        let pairs = match self.pairs {
            1 => "one sender and receiver".into(),
            pairs => format!("{pairs} senders and receivers"),
        };
        let load = match self.rate {
            None => "as many as are answered".into(),
            Some(rate) => format!("{} packets/s", grouped(rate)),
        };
        format!(
            "{nodes}, {pairs}; PREPAREs of {} bytes ({} of data), {load}, {} s each",
            self.frame,
            self.size,
            self.duration.as_secs_f64()
        )
    }

    /// What was measured.
    pub(super) fn table(rows: &[Row]) -> String {
        let head = [
            "in flight",
            "packets/s",
            "p50",
            "p90",
            "p99",
            "p99.9",
            "max",
            "CPU/1M",
            "bench CPU",
            "RSS",
            "fulfilled",
            "failed",
            "of pipe",
        ];
        let mut cells = vec![head.map(str::to_owned)];
        for row in rows {
            let at = grouped(row.nodes.in_flight as u64);
            cells.push(row.nodes.cells(at.clone(), row.ratio()));
            if let Some(pipe) = &row.pipe {
                cells.push(pipe.cells(format!("pipe {at}"), None));
            }
        }
        let mut text = table(0, [Align::Right; 13], &cells);
        for row in rows {
            for measured in [Some(&row.nodes), row.pipe.as_ref()].into_iter().flatten() {
                let at = measured.in_flight;
                for (reason, count) in &measured.tally.reasons {
                    text.push_str(&format!("\n{at} in flight: {} × {reason}", grouped(*count)));
                }
                if measured.tally.unsent > 0 {
                    let count = grouped(measured.tally.unsent);
                    text.push_str(&format!(
                        "\n{at} in flight: {count} packets were due but never sent: the rate is more than can be answered"
                    ));
                }
            }
        }
        text.trim_end().to_owned()
    }
}
