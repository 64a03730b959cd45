//! What came of a run, for people and for programs.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::sim::Outcome;
use crate::sim::clock::{MS, SECOND, Time};

fn seconds(time: Time) -> f64 {
    time as f64 / SECOND as f64
}

fn rate(outcome: &Outcome, took: Duration) -> f64 {
    outcome.counts.events as f64 / took.as_secs_f64()
}

pub(crate) fn json(outcome: &Outcome, took: Duration) -> String {
    let Outcome {
        spec,
        counts,
        checked,
        ..
    } = outcome;
    let violation = outcome.violation.as_ref().map(|violation| {
        json!({ "invariant": violation.invariant, "node": violation.node, "what": violation.what, "command": spec.command() })
    });
    let reached: Map<String, Value> = outcome
        .reached
        .each(checked)
        .map(|(name, count)| (name.to_string(), count.into()))
        .into_iter()
        .collect();
    json!({
        "seed": spec.seed,
        "nodes": spec.nodes,
        "edges": outcome.edges,
        "topology": spec.topology.name(),
        "faults": spec.faults.name(),
        "trace": outcome.hash.to_string(),
        "wallSeconds": took.as_secs_f64(),
        "virtualSeconds": seconds(outcome.time),
        "events": counts.events,
        "eventsPerSecond": rate(outcome, took),
        "messages": counts.messages,
        "controls": counts.controls,
        "accidents": counts.faults,
        "lies": counts.lies,
        "restarts": counts.restarts,
        "dials": counts.dials,
        "links": counts.links,
        "packets": { "sent": outcome.sent, "fulfilled": outcome.fulfilled, "rejected": outcome.rejected, "unanswered": outcome.failed, "rejects": outcome.codes },
        "meanMilliseconds": outcome.took as f64 / MS as f64,
        "checked": { "taken": checked.taken, "forwarded": checked.forwarded, "answered": checked.answered, "fulfilled": checked.fulfilled, "excused": checked.excused },
        "reached": reached,
        "convergedSeconds": outcome.converged.map(seconds),
        "bytesPerNode": outcome.node_bytes,
        "bytesPerPeer": outcome.peer_bytes,
        "violation": violation,
    })
    .to_string()
}

pub(crate) fn table(outcome: &Outcome, took: Duration, short: bool) -> String {
    let Outcome {
        spec,
        counts,
        checked,
        ..
    } = outcome;
    let verdict = if outcome.violation.is_some() {
        "VIOLATION"
    } else {
        "ok"
    };
    if short {
        return format!(
            "seed {:<8} {:<10} {verdict:<9} {:>8} fulfilled of {:<8} {:>9} events  {:>7.1} s virtual  {:>6.2} s  trace {}",
            spec.seed,
            spec.topology.name(),
            outcome.fulfilled,
            outcome.sent,
            counts.events,
            seconds(outcome.time),
            took.as_secs_f64(),
            outcome.hash
        );
    }
    let codes: Vec<String> = outcome
        .codes
        .iter()
        .map(|(code, count)| format!("{code} {count}"))
        .collect();
    let reached: Vec<String> = outcome
        .reached
        .each(checked)
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    let converged = match outcome.converged {
        Some(time) => format!("{:.0} s after the last fault", seconds(time)),
        None => "-".to_string(),
    };
    let rows = [
        (
            "network",
            format!(
                "{} nodes, {} edges, {}, seed {}",
                spec.nodes,
                outcome.edges,
                spec.topology.name(),
                spec.seed
            ),
        ),
        (
            "faults",
            format!(
                "{}: {} accidents, {} restarts, {} lies",
                spec.faults.name(),
                counts.faults,
                counts.restarts,
                counts.lies
            ),
        ),
        (
            "packets",
            format!(
                "{} sent, {} fulfilled, {} rejected, {} never answered",
                outcome.sent, outcome.fulfilled, outcome.rejected, outcome.failed
            ),
        ),
        ("rejects", codes.join(", ")),
        (
            "mean time",
            format!("{:.1} ms to a fulfilment", outcome.took as f64 / MS as f64),
        ),
        (
            "links",
            format!(
                "{} dials, {} links, all up {converged}",
                counts.dials, counts.links
            ),
        ),
        (
            "messages",
            format!(
                "{} with {} control frames",
                counts.messages, counts.controls
            ),
        ),
        (
            "checked",
            format!(
                "{} PREPAREs taken, {} forwarded, {} answered, {} fulfilled, {} excused",
                checked.taken,
                checked.forwarded,
                checked.answered,
                checked.fulfilled,
                checked.excused
            ),
        ),
        ("reached", reached.join(", ")),
        (
            "memory",
            format!(
                "{} bytes a node, {} bytes a peer, idle",
                outcome.node_bytes, outcome.peer_bytes
            ),
        ),
        (
            "time",
            format!(
                "{:.1} s virtual in {:.1} s",
                seconds(outcome.time),
                took.as_secs_f64()
            ),
        ),
        (
            "speed",
            format!(
                "{} events, {:.0} a second",
                counts.events,
                rate(outcome, took)
            ),
        ),
        ("trace", outcome.hash.to_string()),
        ("invariants", verdict.to_string()),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<11} {value}"))
        .collect();
    lines.join("\n")
}
