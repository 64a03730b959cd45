use alloc::vec::Vec;

use btp_proto::Secret;
use ilp_proto::Instant;

use super::*;
use crate::config::{Limits, PeerConfig, Retry};
use crate::peer::Peer;

fn peers(list: &[(&str, Option<&str>)]) -> (Peers, Tokens) {
    let mut list: Vec<_> = list.to_vec();
    list.sort_unstable();
    let peer = |(id, secret): (&str, Option<&str>)| {
        let config = PeerConfig {
            secret: secret.map(Secret::new),
            ..PeerConfig::new(id.parse().unwrap(), Secret::new(""))
        };
        Peer::new(
            config,
            &Limits::default(),
            &Retry::default(),
            1,
            Instant::ZERO,
        )
    };
    let peers = Peers::new(list.into_iter().map(peer).collect());
    let tokens = Tokens::new([7; 32], &peers);
    (peers, tokens)
}

fn who(path: Option<&str>, username: Option<&str>, token: &str) -> Option<&'static str> {
    let (peers, tokens) = peers(&[
        ("alice", Some("wonder")),
        ("bob", Some("same")),
        ("carol", Some("same")),
        ("open", None),
    ]);
    match judge(&peers, &tokens, [None, path], username, token) {
        Verdict::Granted(index) => ["alice", "bob", "carol", "open"]
            .get(index.0 as usize)
            .copied(),
        Verdict::Denied { .. } => None,
    }
}

#[test]
fn the_path_comes_first_then_the_username_then_the_token() {
    assert_eq!(who(Some("alice"), None, "wonder"), Some("alice"));
    assert_eq!(who(None, Some("alice"), "wonder"), Some("alice"));
    assert_eq!(who(Some("bob"), Some("bob"), "same"), Some("bob"));
    assert_eq!(who(None, None, "carol:same"), Some("carol"));
    assert_eq!(who(None, Some(""), "wonder"), Some("alice"));
    assert_eq!(who(None, Some("alice"), "alice:wonder"), Some("alice"));
}

#[test]
fn names_that_disagree_are_refused_even_with_a_right_token() {
    assert_eq!(who(Some("alice"), Some("bob"), "wonder"), None);
    assert_eq!(who(Some("bob"), None, "carol:same"), None);
    assert_eq!(who(None, Some("nobody"), "wonder"), None);
}

#[test]
fn a_wrong_or_empty_token_opens_nothing() {
    assert_eq!(who(None, Some("alice"), "wander"), None);
    assert_eq!(who(None, Some("alice"), ""), None);
    assert_eq!(who(None, None, ""), None);
    assert_eq!(who(None, Some("alice"), "alice:"), None);
}

#[test]
fn a_shared_token_alone_identifies_nobody() {
    assert_eq!(who(None, None, "same"), None);
}

#[test]
fn a_peer_without_a_secret_is_let_in_under_its_name_only() {
    assert_eq!(who(None, Some("open"), ""), Some("open"));
    assert_eq!(who(Some("open"), None, "anything"), Some("open"));
    assert_eq!(who(None, None, "open:"), None);
}

#[test]
fn only_a_whole_path_names_an_account() {
    assert_eq!(path_account("/accounts/bob/ilp/btp"), Some("bob"));
    assert_eq!(path_account("/accounts/bob/ilp/btp?x=1"), Some("bob"));
    assert_eq!(path_account("/accounts//ilp/btp"), None);
    assert_eq!(path_account("/accounts/a/b/ilp/btp"), None);
    assert_eq!(path_account("/"), None);
}

#[test]
fn a_secret_in_the_place_of_the_name_is_not_passed_on() {
    let (peers, tokens) = peers(&[("alice", Some("wonder"))]);
    let verdict = judge(&peers, &tokens, [None, None], Some("wonder"), "alice");
    assert!(
        matches!(verdict, Verdict::Denied { claimed: None, .. }),
        "{verdict:?}"
    );
}

#[test]
fn a_certificate_names_the_account_and_does_not_open_it() {
    let (peers, tokens) = peers(&[("alice", Some("wonder")), ("bob", Some("rabbit"))]);
    let granted = |named, username, token| {
        matches!(
            judge(&peers, &tokens, named, username, token),
            Verdict::Granted(_)
        )
    };
    assert!(granted([Some("alice"), None], None, "wonder"));
    assert!(granted(
        [Some("alice"), Some("alice")],
        Some("alice"),
        "wonder"
    ));
    assert!(!granted([Some("alice"), None], None, "guess"));
    assert!(!granted([Some("alice"), Some("bob")], None, "rabbit"));
    assert!(!granted([Some("alice"), None], Some("bob"), "rabbit"));
}
