//! More connections, and more messages, than anybody needs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use btp_proto::{Frame, Protocols};

use crate::node::{Node, settings};
use crate::raw::{
    BINARY, PING, authenticated, connect_from, encode, frame, is_gone, read_frame, source,
};

const UNAUTHENTICATED: &str = "ilp_connections_unauthenticated";
const REFUSED: &str = "ilp_connections_refused_total";

/// The defaults of `maxUnauthenticated` and `maxUnauthenticatedPerAddress`.
const ALL: usize = 256;
const OF_ONE: usize = 16;

/// As many connections from one address as it likes to have.
fn flood_from(node: &Node, address: usize, count: usize) -> Vec<TcpStream> {
    let connect = |_| connect_from(source(address), node.btp).unwrap();
    (0..count).map(connect).collect()
}

/// Those that the node has kept.
fn kept(streams: &[TcpStream]) -> usize {
    streams.iter().filter(|stream| !is_gone(stream)).count()
}

#[test]
fn a_connection_flood_is_capped_in_number_and_in_time_and_costs_little_memory() {
    /// What 256 connections that have said nothing may cost, with all that belongs to them.
    const COST: u64 = 8 << 20;
    let timeout = Duration::from_millis(2_000);
    let node = Node::start(settings().set("handshakeTimeout", "2s"));
    let mut honest = node.honest();
    let before = node.memory();

    let began = Instant::now();
    let (addresses, each) = (20, 20);
    let flood: Vec<_> = (0..addresses)
        .map(|address| flood_from(&node, address, each))
        .collect();
    let refused = (addresses * each - ALL) as i64;
    node.wait_metric(REFUSED, |count| count == refused);
    assert_eq!(node.metric(UNAUTHENTICATED), ALL as i64);
    for streams in &flood {
        assert!(kept(streams) <= OF_ONE);
    }
    honest.pay();
    let grown = node.memory().saturating_sub(before);
    assert!(grown < COST, "{grown} bytes for {ALL} connections");

    // whoever has no link yet must wait for a place
    let mut newcomer = connect_from(source(addresses), node.btp).unwrap();
    assert_eq!(
        newcomer.read(&mut [0; 1]).unwrap_or(0),
        0,
        "it is hung up on"
    );

    // nothing of them is left after the timeout, to whom it was never said more than a goodbye
    for mut stream in flood.into_iter().flatten() {
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert_eq!(said, b"");
    }
    assert!(began.elapsed() >= timeout);
    node.wait_metric(UNAUTHENTICATED, |count| count == 0);
    drop(authenticated(source(addresses), node.btp, "mallory"));
    honest.pay();
}

#[test]
fn whoever_floods_from_one_address_keeps_nobody_else_out() {
    let node = Node::start(settings());
    let flood = flood_from(&node, 1, 100);
    node.wait_metric(REFUSED, |count| count == (100 - OF_ONE) as i64);
    assert_eq!(kept(&flood), OF_ONE);
    drop(authenticated(source(2), node.btp, "mallory"));
    node.honest().pay();
}

#[test]
fn a_ping_flood_is_answered_by_the_last_ping_alone_and_held_in_no_queue() {
    /// Far less than their pongs would take: 26 MB.
    const COST: u64 = 4 << 20;
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    let before = node.memory();
    let burst: Vec<u8> = (0..1_000).flat_map(|_| frame(PING, &[7; 125])).collect();
    for _ in 0..200 {
        // Nothing of what comes back is read: once the buffers between us are full the node drops its pongs.
        mallory.write_all(&burst).unwrap();
    }
    honest.pay();
    let grown = node.memory().saturating_sub(before);
    assert!(grown < COST, "{grown} bytes");
    // It is still a peer like others, and its last ping is not forgotten.
    mallory.write_all(&frame(PING, b"the last")).unwrap();
    while read_frame(&mut mallory).unwrap() != (0x8a, b"the last".to_vec()) {}
}

#[test]
fn whoever_earns_refusals_and_reads_none_is_cut_off() {
    let mut node = Node::start(settings().set("closeTimeout", "300ms"));
    let mut honest = node.honest();
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    let before = node.memory();
    // Readable and unacceptable, so each is answered; the socket takes some megabytes of that, a queue 256 KiB.
    let transfer = encode(&Frame::Transfer {
        id: 7,
        amount: 1,
        protocols: Protocols::EMPTY,
    });
    let burst: Vec<u8> = (0..1_000).flat_map(|_| frame(BINARY, &transfer)).collect();
    // What comes after the last refusal is read and thrown away until the timeout.
    let began = Instant::now();
    while mallory.write_all(&burst).is_ok() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "nobody cuts it off"
        );
    }
    let line = node.wait_about_mallory("btp_disconnect");
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.contains("no answer is read"), "{reason}");
    assert!(node.memory().saturating_sub(before) < 4 << 20);
    honest.pay();
}
