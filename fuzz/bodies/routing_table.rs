//! The routing table against a list that is searched from front to back.

use ilp_proto::{Addr, Prefix};
use ilp_router::RoutingTable;

use super::script::Script;

/// A route: prefix, next hop, priority. In order of preference within a prefix.
type Line = (Prefix, u8, u32);

pub(crate) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let mut table = RoutingTable::new(u64::from(script.byte()) << 56 | 0x5eed);
    let mut lines: Vec<Line> = Vec::new();
    let mut text = String::new();
    while !script.is_over() {
        let what = script.byte();
        let priority = u32::from(what >> 3 & 3);
        let hop = what >> 5 & 3;
        text = next_text(&text, &mut script);
        match what & 7 {
            0..=2 => {
                if let Ok(prefix) = Prefix::new(&text) {
                    let before = table.insert(prefix.clone(), hop, priority);
                    assert_eq!(before, insert(&mut lines, (prefix, hop, priority)));
                }
            }
            3 => {
                if let Ok(prefix) = Prefix::new(&text) {
                    let same = |line: &Line| line.0 == prefix && line.1 == hop;
                    let there = lines.iter().any(same);
                    assert_eq!(table.remove(&prefix, hop), there);
                    lines.retain(|line| !same(line));
                }
            }
            _ => {
                if let Ok(to) = Addr::new(&text) {
                    look_up(&table, &lines, to, what >> 3);
                }
            }
        }
    }
    listed(&table, &lines);
    for (prefix, hop, _) in core::mem::take(&mut lines) {
        assert!(table.remove(&prefix, hop));
    }
    assert!(table.is_empty() && table.iter().next().is_none());
}

/// Changes the text that was used before: segments are taken off its end and put there, of any length.
fn next_text(before: &str, script: &mut Script<'_>) -> String {
    let how = script.byte();
    let mut parts: Vec<&str> = before.split('.').filter(|part| !part.is_empty()).collect();
    parts.truncate(parts.len().saturating_sub(usize::from(how & 3)));
    if parts.is_empty() {
        parts.extend(["g", "test", "test1", "example"].get(usize::from(how >> 2 & 7)));
    }
    let long = "abcdefghijklmnopqrstuvwxyz0123456789_~-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij";
    for _ in 0..how >> 5 {
        let byte = usize::from(script.byte());
        let start = byte & 1;
        parts.push(&long[start..start + 1 + (byte >> 1) % 74]);
    }
    parts.join(".")
}

fn insert(lines: &mut Vec<Line>, line: Line) -> Option<u32> {
    let same = |other: &Line| other.0 == line.0 && other.1 == line.1;
    let before = lines.iter().position(same);
    let priority = before.map(|at| lines[at].2);
    if priority == Some(line.2) {
        return priority;
    }
    if let Some(at) = before {
        lines.remove(at);
    }
    let behind = |other: &Line| other.0 > line.0 || (other.0 == line.0 && other.2 > line.2);
    let at = lines.iter().position(behind).unwrap_or(lines.len());
    lines.insert(at, line);
    priority
}

fn look_up(table: &RoutingTable<u8>, lines: &[Line], to: Addr<'_>, down: u8) {
    let usable = |hop: u8| down & 1 << hop == 0;
    let covers = |line: &&Line| {
        let prefix = line.0.as_str();
        prefix.is_empty() || to.as_str() == prefix || to.as_str().starts_with(&format!("{prefix}."))
    };
    let longest = lines
        .iter()
        .filter(covers)
        .map(|line| &line.0)
        .max_by_key(|prefix| prefix.as_str().len());
    let found = table.lookup(to, usable);
    let Some(longest) = longest else {
        assert!(found.is_none(), "a route from nowhere");
        return;
    };
    let found = found.expect("there is a route");
    assert_eq!(found.prefix, longest);
    let mut hops = lines.iter().filter(|line| line.0 == *longest);
    let best = hops.clone().next().map(|line| line.1);
    let chosen = hops.find(|line| usable(line.1)).map(|line| line.1);
    assert_eq!(Some(found.next_hop), chosen.or(best));
    assert_eq!(found.usable, chosen.is_some());
}

fn listed(table: &RoutingTable<u8>, lines: &[Line]) {
    let listed: Vec<Line> = table
        .iter()
        .map(|route| (route.prefix.clone(), route.next_hop, route.priority))
        .collect();
    assert_eq!(listed, lines);
    let mut prefixes: Vec<&Prefix> = lines.iter().map(|line| &line.0).collect();
    prefixes.dedup();
    assert_eq!(table.len(), prefixes.len());
}
