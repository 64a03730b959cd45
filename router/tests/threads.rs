//! The driver of `examples/threads`, over real sockets.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_types)] // sockets are what this is about

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use btp_proto::Transmit;
use bytes::BytesMut;
use ilp_proto::Addr;
use ilp_router::config::{Config, Relation};
use ilp_router::{Connector, Event};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Error, Message, WebSocket};

#[path = "../examples/common/config.rs"]
mod config;
#[path = "../examples/threads/driver.rs"]
mod driver;
#[path = "../examples/common/wallet.rs"]
mod wallet;
use config::{endpoint, neighbour, route};
use driver::{Node, now};
use wallet::Wallet;

/// What nothing takes that ends at all.
const LIMIT: Duration = Duration::from_secs(20);

fn start(config: Config) -> (Node, Receiver<Event>) {
    let (tell, told): (Sender<Event>, _) = channel();
    let connector = Connector::new(config, 1, now()).unwrap();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let node = Node::start(connector, listen, move |event| {
        let _ = tell.send(event.clone());
    });
    (node.unwrap(), told)
}

fn wait_for(events: &Receiver<Event>, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&events.recv_timeout(LIMIT).unwrap()) {}
}

/// A node whose one customer is alice.
fn node_of_alice() -> Config {
    let mut config = Config::new("a", "test.a".parse().unwrap());
    let alice = neighbour("alice".parse().unwrap(), "s1", None, Relation::Child);
    config.peers.push(alice);
    config
}

fn dial(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let (socket, _) = tungstenite::client(format!("ws://{address}"), stream).unwrap();
    socket
}

/// A wallet at the end of a socket.
struct Client {
    wallet: Wallet,
    socket: WebSocket<TcpStream>,
}

impl Client {
    fn attach(name: &str, token: &str, to: SocketAddr) -> Self {
        let (wallet, socket) = (Wallet::new(name, token, now()), dial(to));
        let mut client = Self { wallet, socket };
        client.say();
        client.hear();
        client
    }

    fn say(&mut self) {
        let mut out = BytesMut::new();
        while let Some(Transmit::Binary { len }) = self.wallet.transmit(now(), &mut out) {
            let message = Message::Binary(out.split_to(len).freeze());
            self.socket.send(message).unwrap();
        }
    }

    fn hear(&mut self) {
        let message = self.socket.read().unwrap();
        self.wallet.receive(now(), &message.into_data());
    }
}

#[test]
fn payments_cross_two_nodes() {
    let mut b = Config::new("b", "test.b".parse().unwrap());
    b.peers = vec![
        neighbour("a".parse().unwrap(), "ab", None, Relation::Peer),
        neighbour("bob".parse().unwrap(), "s2", None, Relation::Child),
    ];
    let (b, _events_b) = start(b);
    let mut a = node_of_alice();
    let at = endpoint("127.0.0.1", b.local_addr().port(), "/");
    a.peers.push(neighbour(
        "b".parse().unwrap(),
        "ab",
        Some(at),
        Relation::Peer,
    ));
    a.routes = vec![route("test.b".parse().unwrap(), "b".parse().unwrap())];
    let (a, events_a) = start(a);
    wait_for(&events_a, |event| matches!(event, Event::Connected { .. }));

    let mut alice = Client::attach("alice", "s1", a.local_addr());
    let mut bob = Client::attach("bob", "s2", b.local_addr());
    for _ in 0..10 {
        let bobs = Addr::new("test.b.bob").unwrap();
        assert!(alice.wallet.pay(now(), bobs, 7));
    }
    alice.say();
    for _ in 0..10 {
        bob.hear();
        bob.say();
    }
    for _ in 0..10 {
        alice.hear();
    }
    assert_eq!((bob.wallet.income, alice.wallet.spent), (70, 70));

    for node in [a, b] {
        node.shutdown();
        node.wait();
        // the port is free
        drop(TcpListener::bind(node.local_addr()).unwrap());
    }
}

#[test]
fn a_ping_is_answered_between_messages() {
    let (node, _events) = start(node_of_alice());
    let mut alice = Client::attach("alice", "s1", node.local_addr());
    let ping = Bytes::from_static(b"are you there?");
    alice.socket.send(Message::Ping(ping.clone())).unwrap();
    assert_eq!(alice.socket.read().unwrap(), Message::Pong(ping));
}

#[test]
fn an_oversized_message_is_refused() {
    let (node, events) = start(node_of_alice());
    let mut alice = Client::attach("alice", "s1", node.local_addr());
    let message = Message::Binary(vec![0; 70_000].into());
    alice.socket.send(message).unwrap();
    let Message::Close(Some(frame)) = alice.socket.read().unwrap() else {
        panic!("no Close frame");
    };
    assert_eq!(frame.code, CloseCode::Size);
    wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
}

#[test]
fn a_newer_link_takes_over() {
    let (node, _events) = start(node_of_alice());
    let mut older = Client::attach("alice", "s1", node.local_addr());
    let _newer = Client::attach("alice", "s1", node.local_addr());
    assert!(matches!(older.socket.read().unwrap(), Message::Close(_)));
    // and nothing behind it
    assert!(matches!(
        older.socket.read(),
        Err(Error::ConnectionClosed | Error::Io(_))
    ));
}

#[test]
fn an_abrupt_end_is_noticed() {
    let (node, events) = start(node_of_alice());
    drop(Client::attach("alice", "s1", node.local_addr()));
    wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
}

#[test]
fn shutdown_closes_links_with_1000() {
    let (node, _events) = start(node_of_alice());
    let mut alice = Client::attach("alice", "s1", node.local_addr());
    node.shutdown();
    let Message::Close(Some(frame)) = alice.socket.read().unwrap() else {
        panic!("no Close frame");
    };
    assert_eq!(frame.code, CloseCode::Normal);
    let _ = alice.socket.flush();
    node.wait();
}

#[test]
fn a_peer_that_reads_nothing_does_not_keep_the_node() {
    let (node, _events) = start(node_of_alice());
    let mut alice = Client::attach("alice", "s1", node.local_addr());
    let nowhere = Addr::new("test.nowhere").unwrap();
    assert!(alice.wallet.pay(now(), nowhere, 1));
    let mut request = BytesMut::new();
    let _ = alice.wallet.transmit(now(), &mut request);
    let request = Message::Binary(request.freeze());
    // rejects come back until nothing fits any more, and the node stops to read
    let stream = alice.socket.get_ref();
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    while alice.socket.send(request.clone()).is_ok() {}
    assert!(node.with(|node, _| node.peers().all(|peer| peer.answer_bytes > 0)));
    node.shutdown();
    node.wait();
}
