//! Any file and any environment: a node or problems, no panic, and no secret in what is printed of either.
//!
//! Part of the binary's `config` module, there for its tests and here for the fuzzer. An input is the text of a file; behind
//! each NUL byte stands a variable, `NAME=VALUE`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use ilp_proto::Now;
use ilp_router::Connector;

use super::yaml::{Node, Value};
use super::{Environment, Found, Problems, node, settle, source, table, yaml};

/// What stands for a secret. Where it stands nowhere but in places for secrets, it must not be printed.
const CANARY: &str = "Gelb3rV0gel";

pub(crate) fn run(input: &[u8]) {
    let mut parts = input.split(|byte| *byte == 0);
    let file = parts.next().unwrap_or_default();
    let mut env = Environment::with("the-host", &[]);
    let mut hidden = 0;
    // an alias makes one canary of the text several of the tree, of which some may be seen
    let mut copied = false;
    for part in parts.take(16) {
        let cut = part.iter().position(|byte| *byte == b'=');
        let (name, value) = part.split_at(cut.unwrap_or(part.len()));
        let value = value.get(1..).unwrap_or_default();
        let Ok(name) = str::from_utf8(name) else {
            continue;
        };
        hidden += hidden_in_variable(name, value);
        env.set_for_test(name, OsString::from_vec(value.to_vec()));
    }

    let mut found = Found::default();
    let Ok(text) = source::text(file) else { return };
    let tree = if file.is_empty() {
        None
    } else {
        let Some(tree) = yaml::parse(&"node.yaml".into(), &text, &mut found.problems) else {
            let why = found.problems.last().expect("why it is no YAML");
            assert!(!why.to_string().contains(CANARY), "{why}");
            return;
        };
        hidden += hidden_in_node(&tree);
        copied = everywhere(&tree) != canaries(&text);
        Some(tree)
    };
    let node = node::build(tree, None, &[], &env, &mut found);
    assert!(node.is_some() || !found.problems.is_empty(), "no reason");
    let loaded = settle(node.into_iter().collect(), found, &env);
    let problems = Problems::new(loaded.problems, loaded.warnings);
    let printed = format!("{problems}\n{problems:?}\n{:?}", loaded.nodes);
    if !copied && hidden == occurrences(input, CANARY.as_bytes()) {
        assert!(!printed.contains(CANARY), "{printed}");
    }
    for problem in problems.list.iter().chain(&problems.warnings) {
        let line = problem.to_string();
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    for node in loaded.nodes {
        let connector = Connector::new(node.router, 1, Now::default());
        assert!(connector.is_ok(), "{:?}", connector.err());
    }
}

fn occurrences(text: &[u8], what: &[u8]) -> usize {
    text.windows(what.len())
        .filter(|part| *part == what)
        .count()
}

fn canaries(text: &str) -> usize {
    occurrences(text.as_bytes(), CANARY.as_bytes())
}

/// How often the canary stands in the file where a secret may.
fn hidden_in_node(tree: &Node) -> usize {
    let Value::Map(entries) = &tree.value else {
        return 0;
    };
    let mut hidden = 0;
    for entry in entries {
        if entry.key == "peers" {
            let Value::List(peers) = &entry.node.value else {
                continue;
            };
            hidden += peers.iter().map(hidden_in_peer).sum::<usize>();
        } else if table::find(table::NODE, &entry.key).is_none() {
            hidden += everywhere(&entry.node);
        }
    }
    hidden
}

fn hidden_in_peer(peer: &Node) -> usize {
    let Value::Map(entries) = &peer.value else {
        return 0;
    };
    let hidden = |entry: &yaml::Entry| match (&*entry.key, &entry.node.value) {
        ("authToken" | "authTokenFile", _) => everywhere(&entry.node),
        ("url", Value::Scalar(url)) => hidden_in_url(url),
        (key, _) if table::find(table::PEER, key).is_none() => everywhere(&entry.node),
        _ => 0,
    };
    entries.iter().map(hidden).sum()
}

fn everywhere(node: &Node) -> usize {
    match &node.value {
        Value::Null => 0,
        Value::Scalar(text) => canaries(text),
        Value::List(nodes) => nodes.iter().map(everywhere).sum(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| canaries(&entry.key) + everywhere(&entry.node))
            .sum(),
    }
}

/// Behind the colon of what stands before the last `@`.
fn hidden_in_url(url: &str) -> usize {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    user.split_once(':').map_or(0, |(_, token)| canaries(token))
}

fn hidden_in_variable(name: &str, value: &[u8]) -> usize {
    let Ok(value) = str::from_utf8(value) else {
        return 0;
    };
    if !name.starts_with(table::PEER_VARIABLE) {
        return 0;
    }
    if name.ends_with("_SECRET") || name.ends_with("_SECRET_FILE") {
        canaries(value)
    } else if name.ends_with("_URL") {
        hidden_in_url(value)
    } else {
        0
    }
}
