use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, Weak};
use std::time::Duration;

use btp_proto::{Carrier, Frame, Protocol, Protocols, Secret, put_ilp_frame};
use bytes::BytesMut;
use ilp_router::Received;
use ilp_router::config::{Config, PeerConfig, Relation};

use super::*;

/// A node with one peer, `x`.
fn with_peer(change: impl FnOnce(&mut Config, &mut PeerConfig)) -> Hub {
    let mut config = Config::new("a", "test.a".parse().unwrap());
    let mut peer = PeerConfig {
        relation: Relation::Child,
        ..PeerConfig::new("x".parse().unwrap(), Secret::new("hunter2"))
    };
    change(&mut config, &mut peer);
    config.peers.push(peer);
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    Hub::new(connector, Box::new(|_: &Event| {}))
}

/// `x` authenticates, and asks for its address without taking answers until it is not read any more.
fn pause(turn: &mut Turn<'_>, link: LinkId) {
    let now = turn.now;
    turn.connector().handle_upgraded(now, link, "/", None);
    let entries = [
        Protocol::octets("auth", b""),
        Protocol::text("auth_username", "x"),
        Protocol::text("auth_token", "hunter2"),
    ];
    let mut frame = BytesMut::new();
    let protocols = Protocols::new(&entries);
    Frame::Message { id: 1, protocols }.encode(&mut frame);
    turn.connector()
        .handle_received(now, link, Received::Binary(&frame));
    let mut request = ilp_proto::ildcp::request(now.wall);
    request.expires_at = now.wall.saturating_add(Duration::from_secs(3_600));
    let mut frame = BytesMut::new();
    put_ilp_frame(&mut frame, Carrier::Message, 7, request.encoded_len());
    request.encode(&mut frame);
    for _ in 0..10_000 {
        turn.connector()
            .handle_received(now, link, Received::Binary(&frame));
    }
    assert!(!turn.connector().wants_read(link));
}

#[test]
fn a_link_is_told_to_read_on_when_its_peer_has_taken_its_answers() {
    let hub = with_peer(|config, _| config.limits.max_answer_buffer = 20_000);
    let mut aftermath = Aftermath::default();
    let (link, signal) = hub.incoming(&mut aftermath, [192, 0, 2, 1].into()).unwrap();
    hub.turn(&mut aftermath, None, |turn| pause(turn, link));
    assert_eq!(signal.take() & Signal::READABLE, 0);
    hub.turn(&mut aftermath, Some(link), |turn| {
        let mut out = BytesMut::new();
        let now = turn.now;
        while turn
            .connector()
            .poll_transmit(now, link, &mut out)
            .is_some()
        {}
    });
    assert_ne!(signal.take() & Signal::READABLE, 0);
}

#[test]
fn a_link_that_is_given_up_is_stopped_and_forgotten() {
    let hub = with_peer(|config, _| config.timeouts.handshake = Duration::ZERO);
    let mut aftermath = Aftermath::default();
    let (link, signal) = hub.incoming(&mut aftermath, [192, 0, 2, 1].into()).unwrap();
    // its time is over at once
    hub.supervise(&mut aftermath);
    assert_ne!(signal.take() & Signal::STOP, 0);
    hub.turn(&mut aftermath, None, |turn| {
        assert!(!turn.core.links.contains_key(&link));
    });
}

#[test]
fn the_supervisor_is_told_of_a_dial_that_a_turn_has_brought() {
    let hub = with_peer(|_, peer| {
        peer.endpoint = Some(Endpoint {
            tls: false,
            host: "192.0.2.1".into(),
            port: 3_000,
            path: "/".into(),
        });
    });
    let mut aftermath = Aftermath::default();
    hub.turn(&mut aftermath, None, |turn| {
        let now = turn.now;
        turn.connector().handle_timeout(now);
        // what is due later is known
        turn.core.armed = Some(now.mono);
    });
    assert_ne!(hub.supervisor.take() & Signal::LOOK, 0);
    assert_eq!(hub.supervise(&mut aftermath).dials.len(), 1);
}

#[test]
fn a_turn_tells_one_batch_and_leaves_the_rest_to_the_supervisor() {
    let mut config = Config::new("x", "test.x".parse().unwrap());
    // each connection that is refused is one event
    config.limits.max_unauthenticated = 0;
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let observer = move |_: &Event| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let hub = Hub::new(connector, Box::new(observer));
    let mut aftermath = Aftermath::default();
    hub.turn(&mut aftermath, None, |turn| {
        let mut now = turn.now;
        for _ in 0..2_500 {
            // so slowly that each is told
            now.mono += Duration::from_millis(100);
            assert!(
                turn.connector()
                    .handle_incoming(now, [192, 0, 2, 1].into())
                    .is_err()
            );
        }
    });
    assert_eq!(told.load(Ordering::Relaxed), EVENT_BATCH);
    assert_ne!(
        hub.supervisor.take() & Signal::LOOK,
        0,
        "the supervisor is told to go on"
    );
    hub.supervise(&mut aftermath);
    assert_eq!(told.load(Ordering::Relaxed), 2 * EVENT_BATCH);
    hub.supervise(&mut aftermath);
    assert_eq!(told.load(Ordering::Relaxed), 2_500);
    hub.supervisor.take();
    hub.supervise(&mut aftermath);
    assert_eq!(
        hub.supervisor.take() & Signal::LOOK,
        0,
        "there is nothing left to tell"
    );
}

#[test]
fn what_a_node_says_last_is_told_although_the_supervisor_has_left() {
    let mut config = Config::new("x", "test.x".parse().unwrap());
    // the first event is that of a connection that is refused
    config.limits.max_unauthenticated = 0;
    let connector = Connector::new(config, 1, Clock::now()).unwrap();
    let shared = Arc::<OnceLock<Weak<Hub>>>::default();
    let told = Arc::<Mutex<Vec<String>>>::default();
    let (hub, list) = (Arc::clone(&shared), Arc::clone(&told));
    let observer = move |event: &Event| {
        list.lock().unwrap().push(format!("{event:?}"));
        if !matches!(event, Event::Refused { .. }) {
            return;
        }
        // while this is told, others stop the node, and the supervisor sees that and leaves
        let hub = hub.get().unwrap().upgrade().unwrap();
        hub.turn(&mut Aftermath::default(), None, |turn| {
            let now = turn.now;
            turn.connector().shutdown(now);
        });
        assert!(hub.supervise(&mut Aftermath::default()).stopped);
    };
    let hub = Arc::new(Hub::new(connector, Box::new(observer)));
    shared.set(Arc::downgrade(&hub)).unwrap();
    hub.turn(&mut Aftermath::default(), None, |turn| {
        let now = turn.now;
        let refused = turn.connector().handle_incoming(now, [192, 0, 2, 1].into());
        assert!(refused.is_err());
    });
    let told = told.lock().unwrap();
    assert!(
        told.last().unwrap().starts_with("Drained"),
        "the last words: {told:?}"
    );
}
