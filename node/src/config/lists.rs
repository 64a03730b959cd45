//! The one-line forms of `PEERS` and `ROUTES`, for nodes that have no file.
//!
//! `connector-c=ws://connector-c:3000,alice;relation=child;asset=USD/9` and
//! `test.c=connector-c,=connector-a;priority=1`: entries between commas, their settings behind
//! semicolons. They become the same mappings that YAML gives, and are read by the same code.

use super::problem::{Origin, Problem, quoted};
use super::yaml::{Entry, Node, Value};

/// `ID[=URL][;KEY=VALUE]…`, separated by commas.
pub(crate) fn peers(text: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Vec<Node> {
    entries(
        text,
        origin,
        |head, entry, origin, problems| {
            let (id, url) = head
                .split_once('=')
                .map_or((head, None), |(id, url)| (id, Some(url)));
            if id.contains('@') {
                problems.push(cut(origin));
                return false;
            }
            put(entry, origin, "id", id, problems);
            if let Some(url) = url {
                put(entry, origin, "url", url, problems);
            }
            true
        },
        problems,
    )
}

/// `PREFIX=PEER[;KEY=VALUE]…`, separated by commas.
pub(crate) fn routes(text: &str, origin: &Origin, problems: &mut Vec<Problem>) -> Vec<Node> {
    entries(
        text,
        origin,
        |head, entry, origin, problems| {
            let (prefix, hop) = match head.split_once('=') {
                Some((prefix, hop)) => (prefix, Some(hop)),
                None => (head, None),
            };
            put(entry, origin, "prefix", prefix, problems);
            if let Some(hop) = hop {
                put(entry, origin, "nextHop", hop, problems);
            }
            true
        },
        problems,
    )
}

fn entries(
    text: &str,
    origin: &Origin,
    head: impl Fn(&str, &mut Vec<Entry>, &Origin, &mut Vec<Problem>) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<Node> {
    let given = text
        .split(',')
        .enumerate()
        .map(|(n, entry)| (n + 1, entry.trim()));
    let mut nodes = Vec::new();
    for (n, text) in given.filter(|(_, text)| !text.is_empty()) {
        let origin = match origin {
            Origin::Env { name, .. } => Origin::Env {
                name: name.clone(),
                entry: Some(n),
            },
            other => other.clone(),
        };
        let mut entry = Vec::new();
        let mut parts = text.split(';').map(str::trim);
        if !head(
            parts.next().unwrap_or_default(),
            &mut entry,
            &origin,
            problems,
        ) {
            continue;
        }
        for part in parts.filter(|part| !part.is_empty()) {
            option(part, &mut entry, &origin, problems);
        }
        nodes.push(Node {
            origin,
            value: Value::Map(entry),
        });
    }
    nodes
}

/// `KEY=VALUE`; `KEY` alone means true.
fn option(part: &str, entry: &mut Vec<Entry>, origin: &Origin, problems: &mut Vec<Problem>) {
    let (key, value) = part.split_once('=').unwrap_or((part, "true"));
    if key.contains('@') {
        problems.push(cut(origin));
        return;
    }
    match (key.trim(), value.trim()) {
        ("asset", asset) => match asset.split_once('/') {
            Some((code, scale)) => {
                put(entry, origin, "assetCode", code, problems);
                put(entry, origin, "assetScale", scale, problems);
            }
            None => {
                let fix = "write asset=CODE/SCALE, such as asset=USD/9";
                problems.push(Problem::new(origin, "asset has no scale", fix));
            }
        },
        ("username", name) => put(entry, origin, "authUsername", name, problems),
        (key, value) => put(entry, origin, key, value, problems),
    }
}

/// What stands before an `@` is the rest of a URL's user or token, which is not shown.
fn cut(origin: &Origin) -> Problem {
    let what = "a , or ; in the user or token of a URL ends it";
    Problem::new(origin, what, "write %2C for , and %3B for ;")
}

fn put(
    entry: &mut Vec<Entry>,
    origin: &Origin,
    key: &str,
    value: &str,
    problems: &mut Vec<Problem>,
) {
    if entry.iter().any(|given| given.key == key) {
        let what = format!("{} is given twice", quoted(key));
        problems.push(Problem::new(origin, what, "keep one of them"));
        return;
    }
    let value = value.trim();
    let absent = key == "authUsername" && matches!(value, "" | "null");
    let value = if absent {
        Value::Null
    } else {
        Value::Scalar(value.to_owned())
    };
    let node = Node {
        origin: origin.clone(),
        value,
    };
    entry.push(Entry {
        key: key.to_owned(),
        origin: origin.clone(),
        node,
    });
}
