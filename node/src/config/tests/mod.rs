mod corpus;
mod files;
mod layers;
mod lists;
mod peers;
mod problems;
mod routes;
mod secrets;
mod table;
mod tls;
mod values;

use std::fs;

use super::*;

/// What is in every file that tests something else.
const HEAD: &str = "nodeId: n\nilpAddress: test.n\n";

/// Reads one good node from the text of a file.
pub(crate) fn from_text(file: &str, text: &str) -> NodeConfig {
    let mut found = Found::default();
    let env = Environment::with("the-host", &[]);
    let tree = yaml::parse(&file.into(), text, &mut found.problems);
    let node = tree.and_then(|tree| node::build(Some(tree), None, &[], &env, &mut found));
    node.unwrap_or_else(|| panic!("{}", Problems::new(found.problems, found.warnings)))
}

/// Reads one node from a file called `node.yaml`, variables and flags.
fn build_with(
    yaml: &str,
    vars: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<NodeConfig, Problems> {
    let env = Environment::with("the-host", vars);
    let flags: Vec<Flag> = flags
        .iter()
        .map(|(key, value)| Flag {
            flag: "--set".into(),
            key: (*key).into(),
            value: (*value).into(),
        })
        .collect();
    let mut found = Found::default();
    let tree = yaml::parse(&"node.yaml".into(), yaml, &mut found.problems);
    let node = tree.and_then(|tree| node::build(Some(tree), None, &flags, &env, &mut found));
    let mut loaded = settle(node.into_iter().collect(), found, &env);
    match loaded.nodes.pop() {
        Some(node) if loaded.problems.is_empty() => Ok(node),
        _ => Err(Problems::new(loaded.problems, loaded.warnings)),
    }
}

fn build(yaml: &str) -> NodeConfig {
    build_with(&format!("{HEAD}{yaml}"), &[], &[]).unwrap()
}

/// The problems of a file that begins with [`HEAD`] (two lines), one per line.
fn refused(yaml: &str) -> String {
    build_with(&format!("{HEAD}{yaml}"), &[], &[])
        .unwrap_err()
        .to_string()
}

/// The same for a node with one peer, whose entry goes on with `entry`.
fn peer(entry: &str) -> NodeConfig {
    build(&format!("peers:\n  - id: p\n{entry}"))
}

/// Asserts that a report has a line that begins with `place` and contains `text`.
#[track_caller]
fn assert_said(report: &str, place: &str, text: &str) {
    let found = report
        .lines()
        .any(|line| line.starts_with(place) && line.contains(text));
    assert!(
        found,
        "no line begins with {place:?} and has {text:?} in\n{report}"
    );
}
