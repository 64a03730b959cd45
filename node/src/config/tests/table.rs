//! The table of keys against the code, the environment and the README.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::table::{Key, NODE, PEER, ROUTE, find};
use super::*;

/// A default that could be written in a file; others are remarks.
fn written(key: &Key) -> Option<&str> {
    (!key.default.starts_with('(')).then_some(key.default)
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_code() {
    let mut yaml = HEAD.to_owned();
    for key in NODE {
        if let Some(default) = written(key) {
            let _ = writeln!(yaml, "{}: {default}", key.name);
        }
    }
    let told = build_with(&yaml, &[], &[]).unwrap();
    let untold = build("");
    assert_eq!(told.router.limits, untold.router.limits);
    assert_eq!(told.router.timeouts, untold.router.timeouts);
    assert_eq!(told.router.retry, untold.router.retry);
    assert_eq!(told.router.on_disconnect, untold.router.on_disconnect);
    assert_eq!(
        (
            told.listen,
            told.health_listen,
            told.log_level,
            told.log_format,
            told.log_packets
        ),
        (
            untold.listen,
            untold.health_listen,
            untold.log_level,
            untold.log_format,
            untold.log_packets
        )
    );
    assert_eq!(untold.router.limits, ilp_router::config::Limits::default());
    assert_eq!(
        untold.router.timeouts,
        ilp_router::config::Timeouts::default()
    );
    assert_eq!(untold.router.retry, ilp_router::config::Retry::default());
}

#[test]
fn the_defaults_of_a_peer_are_those_of_the_code() {
    let defaults: String = ["assetCode", "assetScale", "maxInFlightPerPeer"]
        .iter()
        .map(|name| format!("{name}: {}\n", find(NODE, name).unwrap().default))
        .collect();
    let told = build(&format!(
        "{defaults}peers:\n  - {{id: p, authToken: t, relation: peer, noAuth: false}}\n"
    ));
    let untold = build("peers:\n  - {id: p, authToken: t}\n");
    let (told, untold) = (&told.router.peers[0], &untold.router.peers[0]);
    assert_eq!(told.asset, untold.asset);
    assert_eq!(told.max_in_flight, untold.max_in_flight);
    assert_eq!(
        (told.relation, told.critical),
        (untold.relation, untold.critical)
    );
}

#[test]
fn variables_are_the_names_of_the_keys_in_capitals() {
    let screaming = |name: &str| {
        let mut out = String::new();
        for c in name.chars() {
            if c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_uppercase());
        }
        out
    };
    for key in NODE {
        assert_eq!(key.env, screaming(key.name));
    }
    for key in PEER.iter().filter(|key| key.name != "id") {
        let expected = match key.name {
            "authToken" => "SECRET".to_owned(),
            "authTokenFile" => "SECRET_FILE".to_owned(),
            name => screaming(name),
        };
        assert_eq!(key.env, expected);
    }
}

#[test]
fn no_key_is_there_twice() {
    for table in [NODE, PEER, ROUTE] {
        let names: BTreeSet<&str> = table.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), table.len());
    }
}

#[test]
fn the_help_knows_every_key_and_variable() {
    let text = help::text();
    for key in NODE.iter().chain(PEER).chain(ROUTE) {
        assert!(
            text.contains(&format!("\n  {}\n", key.name)),
            "{}",
            key.name
        );
        assert!(text.contains(key.env), "{}", key.env);
    }
}

#[test]
fn the_example_in_the_help_is_a_good_configuration() {
    let text = help::text();
    let yaml: String = text
        .lines()
        .skip_while(|line| !line.starts_with("    nodeId"))
        .take_while(|line| line.starts_with("    "))
        .map(|line| format!("{}\n", &line[4..]))
        .collect();
    let node = build_with(&yaml, &[], &[]).unwrap();
    assert_eq!((node.router.peers.len(), node.router.routes.len()), (2, 1));
}

/// `ilp-connector help config --markdown` prints the block.
#[test]
fn the_readme_has_the_table_of_keys() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let [begin, end] = help::MARKERS;
    let (_, rest) = readme.split_once(begin).expect("the README has the block");
    let (block, _) = rest.split_once(end).expect("the block ends");
    let expected = help::markdown();
    let expected = expected
        .trim()
        .trim_start_matches(begin)
        .trim_end_matches(end);
    let hint = "replace the block by what `ilp-connector help config --markdown` prints";
    assert!(block.trim() == expected.trim(), "{hint}");
}
