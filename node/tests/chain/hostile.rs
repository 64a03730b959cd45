//! Peers that send what they should not, and a secret that is wrong.

use serde_json::Value as Json;

use crate::chain::{Chain, MARK_OF_SECRETS, Plan};
use crate::wallet::{Payment, pay};

#[test]
fn a_peer_that_sends_garbage_is_closed_after_three_and_nobody_else_is_hurt() {
    let mut chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    let mut mallory = chain.b.wallet("mallory");
    // Packets are under way while it happens.
    for number in 1..=3 {
        alice.send(&Payment::new(number, "test.c.bob"));
    }
    let held: Vec<_> = (1..=3).map(|_| bob.take()).collect();
    for garbage in [
        &b"\xff\xff\xff\xff\xff\xff"[..],
        b"\x06",
        b"\x06\0\0\0\x09\x7f",
    ] {
        assert!(mallory.try_send_bytes(garbage.to_vec()));
    }
    let (code, _) = mallory.closed().expect("with a Close frame");
    assert_eq!(code, 1002);

    let wanted = |line: &Json| line["event"] == "btp_error" && line["peerId"] == "mallory";
    for line in chain.b.wait_lines(3, wanted, "three errors") {
        assert_eq!(line["level"], "error");
        assert!(line["offset"].is_u64() && line["bytes"].is_u64(), "{line}");
        assert!(!line["message"].as_str().unwrap().is_empty(), "{line}");
    }
    chain.b.wait_event("btp_disconnect", "mallory");

    for taken in held {
        bob.fulfill(taken, b"");
    }
    for _ in 1..=3 {
        assert_eq!(alice.answer().1.code(), "fulfilled");
    }
    pay(&mut alice, &mut bob, &Payment::new(4, "test.c.bob"));
    chain.wait_up();
    for node in chain.nodes() {
        let lost = ["btp_disconnect", "btp_disconnected"].map(|event| {
            let lines = node.process.all(event).into_iter();
            lines
                .filter(|line| line["peerId"] != "mallory")
                .cloned()
                .collect::<Vec<_>>()
        });
        assert_eq!(lost.concat(), Vec::<Json>::new());
    }

    // It is not banned: three more tries are its right.
    let mut mallory = chain.b.wallet("mallory");
    pay(&mut mallory, &mut bob, &Payment::new(1, "test.c.bob"));
}

#[test]
fn garbage_before_the_handshake_hurts_nobody() {
    use std::io::{Read, Write};
    let chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4096],
    ] {
        let mut stream = crate::client::connect(chain.b.btp);
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));
    assert_eq!(chain.b.health().status, 200);
}

#[test]
fn a_wrong_secret_is_told_on_both_sides_and_tried_again_and_shown_by_nobody() {
    let mut plan = Plan::new().set("logLevel", "trace");
    let right = format!("secret-of-a-and-b-{MARK_OF_SECRETS}");
    let wrong = format!("a-wrong-one-{MARK_OF_SECRETS}");
    plan.a.replace(&right, &wrong);
    let mut chain = plan.start();

    let failed =
        |line: &Json| line["event"] == "btp_auth_failed" && line["peerId"] == "connector-b";
    for line in chain.a.wait_lines(2, failed, "two failures") {
        assert_eq!(line["level"], "error");
        assert!(!line["reason"].as_str().unwrap().is_empty(), "{line}");
    }
    let retry = chain.a.wait_event("btp_retry", "connector-b");
    assert_eq!(retry["level"], "warn");
    let refused = |line: &Json| line["event"] == "btp_auth" && line["success"] == false;
    for line in chain.b.wait_lines(2, refused, "two refusals") {
        assert_eq!(
            (&line["level"], &line["peerId"]),
            (&"warn".into(), &"connector-a".into())
        );
        assert!(
            line["reason"].as_str().unwrap().contains("auth_token"),
            "{line}"
        );
    }
    assert_eq!(chain.a.health().json()["status"], "starting");
    let mut alice = chain.a.wallet("alice");
    alice.send(&Payment::new(1, "test.c.bob"));
    assert_eq!(alice.answer_to(1).short(), "T01 by test.a");
    drop(alice);

    let log_of_a = {
        assert!(chain.a.stop().success());
        chain.a.process.show()
    };
    chain.a.restart_with(|file| file.replace(&wrong, &right));
    chain.wait_up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    pay(&mut alice, &mut bob, &Payment::new(2, "test.c.bob"));
    drop((alice, bob));
    for node in chain.nodes() {
        assert!(node.stop().success());
        assert!(!node.process.show().contains(MARK_OF_SECRETS));
    }
    assert!(!log_of_a.contains(MARK_OF_SECRETS), "{log_of_a}");
}
