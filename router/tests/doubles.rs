//! One connector and a peer that it dials and that dials it: which of two links is kept, again and again.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use btp_proto::{Frame, Protocol, Protocols, Secret};
use bytes::BytesMut;
use ilp_proto::{Instant, Now, Timestamp};
use ilp_router::config::{Config, Endpoint, PeerConfig};
use ilp_router::{
    Action, CloseReason, Connector, DialError, Direction, LinkId, PeerState, PeerView, Received,
};

/// The node `m`, and its peer `z`: the links that `m` dials win.
struct Pair {
    node: Connector,
    now: Now,
}

impl Pair {
    fn new() -> Self {
        let now = Now {
            mono: Instant::from_nanos(1_000_000_000),
            wall: Timestamp::from_millis(1_795_219_200_000),
        };
        let mut config = Config::new("m", "test.m".parse().unwrap());
        config.peers.push(PeerConfig {
            endpoint: Some(Endpoint {
                tls: false,
                host: "z".into(),
                port: 3000,
                path: "/".into(),
            }),
            ..PeerConfig::new("z".parse().unwrap(), Secret::new("secret"))
        });
        let node = Connector::new(config, 1, now).unwrap();
        Self { node, now }
    }

    /// Waits until the node wants to dial.
    fn dial(&mut self) -> LinkId {
        loop {
            if let Some(action) = self.node.poll_action() {
                match action {
                    Action::Dial { link, .. } => return link,
                    _ => continue,
                }
            }
            let due = self.node.poll_timeout().unwrap();
            let early = due.saturating_duration_since(self.now.mono);
            self.now.mono += early;
            self.now.wall = self.now.wall.saturating_add(early);
            self.node.handle_timeout(self.now);
        }
    }

    fn receive(&mut self, link: LinkId, frame: &Frame<'_>) {
        let mut message = BytesMut::new();
        frame.encode(&mut message);
        self.node
            .handle_received(self.now, link, Received::Binary(&message));
    }

    /// The dial reaches the peer, which lets us in.
    fn reach(&mut self, link: LinkId) {
        self.node.handle_dialed(self.now, link);
        let mut auth = BytesMut::new();
        assert!(self.node.poll_transmit(self.now, link, &mut auth).is_some());
        let id = Frame::parse(&auth).unwrap().id();
        let protocols = Protocols::EMPTY;
        self.receive(link, &Frame::Response { id, protocols });
    }

    /// The peer dials, and is let in.
    fn accept(&mut self) -> LinkId {
        let link = self.node.handle_incoming(self.now, [192, 0, 2, 1].into());
        let link = link.unwrap();
        self.node.handle_upgraded(self.now, link, "/", None);
        let entries = [
            Protocol::octets("auth", b""),
            Protocol::text("auth_username", "z"),
            Protocol::text("auth_token", "secret"),
        ];
        let protocols = Protocols::new(&entries);
        self.receive(link, &Frame::Message { id: 1, protocols });
        link
    }

    fn close(&mut self, link: LinkId) {
        let why = CloseReason::Broken("gone".into());
        self.node.handle_closed(self.now, link, why);
    }

    fn peer(&self) -> PeerView<'_> {
        self.node.peers().next().unwrap()
    }
}

#[test]
fn a_peer_that_closed_our_choice_once_is_held_to_it_when_both_dial_anew() {
    let mut pair = Pair::new();
    for round in 0..2 {
        let ours = pair.dial();
        let theirs = pair.accept();
        assert_eq!(pair.peer().direction, Some(Direction::Accepted));
        assert_eq!(
            pair.node.open_links(),
            2,
            "round {round}: ours is under way"
        );
        pair.reach(ours);
        assert_eq!(
            pair.peer().direction,
            Some(Direction::Dialed),
            "round {round}: ours is kept"
        );
        pair.close(ours);
        assert_eq!(
            pair.peer().direction,
            Some(Direction::Accepted),
            "round {round}: the peer closed it, so theirs is"
        );
        pair.close(theirs);
        assert!(!matches!(pair.peer().state, PeerState::Connected));
    }
}

#[test]
fn a_link_that_is_being_closed_does_not_take_the_place_of_the_one_that_has_ended() {
    let mut pair = Pair::new();
    let ours = pair.dial();
    pair.accept();
    pair.reach(ours);
    // both are told to close, and the better one is first to end
    let z = "z".parse().unwrap();
    pair.node.disconnect_peer(pair.now, &z).unwrap();
    pair.close(ours);
    assert_eq!(pair.peer().state, PeerState::Disconnected);
}

#[test]
fn failed_tries_are_forgotten_as_soon_as_the_peer_is_connected() {
    let mut pair = Pair::new();
    for failed in 1..=3 {
        let ours = pair.dial();
        let why = DialError("refused".into());
        pair.node.handle_dial_failed(pair.now, ours, why);
        assert_eq!(pair.peer().attempts, failed);
    }
    let start = pair.now.mono;
    let ours = pair.dial();
    assert!(pair.now.mono.saturating_duration_since(start) > Duration::from_secs(3));
    pair.reach(ours);
    assert_eq!(pair.peer().attempts, 0);
}
