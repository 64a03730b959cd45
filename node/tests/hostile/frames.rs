//! WebSocket frames that no BTP peer sends.

use std::io::Write;

use crate::node::{Node, settings};
use crate::raw::{
    BINARY, UPGRADE, authenticated, close_code, connect_from, frame, read_head, source, upgraded,
};

const TEXT: u8 = 0x81;

#[test]
fn compression_is_not_agreed_to_and_a_compressed_frame_closes_the_link() {
    let mut node = Node::start(settings());
    let mut stream = connect_from(source(1), node.btp).unwrap();
    let offer = "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    stream
        .write_all(UPGRADE.replace("\r\n\r\n", offer).as_bytes())
        .unwrap();
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(!head.to_ascii_lowercase().contains("extensions"), "{head}");
    drop(stream);

    // RSV1 is what a compressed message begins with.
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    mallory
        .write_all(&frame(BINARY | 0x40, &[0x4b, 0x04, 0x00]))
        .unwrap();
    assert_eq!(close_code(&mut mallory), Some(1002));
    node.wait_about_mallory("btp_disconnect");
    node.honest().pay();
}

#[test]
fn text_closes_a_stranger_at_once_and_a_peer_at_the_third() {
    let mut node = Node::start(settings());
    let mut stranger = upgraded(source(1), node.btp).unwrap();
    stranger.write_all(&frame(TEXT, b"hello")).unwrap();
    assert_eq!(close_code(&mut stranger), Some(1003));

    let mut mallory = authenticated(source(1), node.btp, "mallory");
    for _ in 0..3 {
        mallory.write_all(&frame(TEXT, b"{}")).unwrap();
    }
    assert_eq!(close_code(&mut mallory), Some(1002));
    node.wait_about_mallory("btp_disconnect");
    node.honest().pay();
}

#[test]
fn a_frame_that_says_it_is_huge_is_refused_by_its_header_before_and_after_auth() {
    let node = Node::start(settings());
    let before = node.memory();
    let mut huge = vec![BINARY, 0x80 | 127];
    huge.extend((1_u64 << 40).to_be_bytes());
    huge.extend([0; 4]);
    let stranger = upgraded(source(1), node.btp).unwrap();
    let mallory = authenticated(source(1), node.btp, "mallory");
    for mut stream in [stranger, mallory] {
        stream.write_all(&huge).unwrap();
        assert_eq!(close_code(&mut stream), Some(1009));
    }
    assert!(node.memory().saturating_sub(before) < 2 << 20);
    node.honest().pay();
}

#[test]
fn fragments_without_end_are_refused_at_the_limit_of_a_message() {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    mallory.write_all(&frame(2, b"")).unwrap();
    // Empty ones add nothing, so there may be many.
    let empty: Vec<u8> = (0..10_000).flat_map(|_| frame(0, b"")).collect();
    let before = node.memory();
    for _ in 0..20 {
        mallory.write_all(&empty).unwrap();
    }
    honest.pay();
    assert!(node.memory().saturating_sub(before) < 2 << 20);
    // 64 KiB are the limit (maxMessage); the frame that goes beyond is not waited for.
    let kilobyte = frame(0, &[6; 1_024]);
    for _ in 0..64 {
        mallory.write_all(&kilobyte).unwrap();
    }
    honest.pay();
    mallory.write_all(&frame(0, &[6])[..6]).unwrap();
    assert_eq!(close_code(&mut mallory), Some(1009));
    honest.pay();
}

#[test]
fn a_message_that_never_ends_does_not_count_as_a_sign_of_life() {
    let mut node = Node::start(
        settings()
            .set("keepaliveInterval", "200ms")
            .set("keepaliveTimeout", "200ms"),
    );
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    mallory.write_all(&frame(2, b"")).unwrap();
    while mallory.write_all(&frame(0, b"")).is_ok() {
        std::thread::yield_now();
    }
    node.wait_about_mallory("btp_pong_timeout");
}
