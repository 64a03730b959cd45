//! Peers that do not read what they are sent.

use std::thread;

use crate::chain::{Chain, Node, Plan};
use crate::wallet::{Payment, Wallet, pay};

/// What is pushed at a peer that does not read: 48 MB.
const ROUNDS: u32 = 192;
const PER_ROUND: u32 = 8;
const SIZE: usize = 32_000;

/// A good part of that may be in socket buffers, and a node may keep its share; not all of it. That share is four times
/// `maxAnswerBuffer`, 16 MiB: answers to packets in flight come in after reading has stopped, up to as much again, and a ring
/// takes twice what is in it. The rest is what the node is busy with.
const GROWTH: u64 = 24 << 20;

fn memory(chain: &mut Chain) -> [u64; 3] {
    chain.nodes().map(|node| Node::memory(node))
}

fn has_not_grown(chain: &mut Chain, before: [u64; 3]) {
    let after = memory(chain);
    for (after, before) in after.into_iter().zip(before) {
        let grown = after.saturating_sub(before);
        assert!(grown < GROWTH, "from {before} to {after} bytes");
    }
}

#[test]
fn a_receiver_that_never_reads_costs_little_memory_and_no_other_peer() {
    let plan = Plan::new().set("logPackets", "false");
    let mut chain = plan.set("shutdownTimeout", "50ms").up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    let mut flooder = chain.a.wallet("mallory");
    let _deaf = chain.c.wallet("carol");
    pay(&mut alice, &mut bob, &Payment::new(1, "test.c.bob"));
    let before = memory(&mut chain);

    for round in 1..=ROUNDS {
        for n in 0..PER_ROUND {
            let number = round * PER_ROUND + n;
            flooder.send(&Payment::new(number, "test.c.carol").padded(SIZE));
        }
        // Bob's packets take the same links, so this also keeps the flood from running ahead.
        pay(&mut alice, &mut bob, &Payment::new(1 + round, "test.c.bob"));
    }
    has_not_grown(&mut chain, before);
    // What did not fit was turned away, by the node that could not get rid of it.
    assert_eq!(flooder.answer().1.short(), "T03 by test.c");
    drop((alice, bob, flooder));
    assert_eq!(chain.c.stop().code(), Some(0), "it does not wait for carol");
}

#[test]
fn a_sender_that_never_reads_its_answers_is_closed_and_no_other_peer_is() {
    let mut plan = Plan::new().set("logPackets", "false");
    plan.a.set("stallTimeout", "200ms");
    let mut chain = plan.up();
    let (mut alice, bob) = chain.alice_and_bob();
    let mut carol = chain.c.wallet("carol");
    let receiving = thread::spawn(move || bob.fulfill_all(&[0xd7; SIZE]));
    let mut deaf: Wallet = chain.a.wallet("mallory");
    pay(&mut alice, &mut carol, &Payment::new(1, "test.c.carol"));
    let before = memory(&mut chain);

    let mut number = 0;
    for round in 1..=ROUNDS {
        for _ in 0..PER_ROUND {
            number += 1;
            // It may have been closed already.
            let _ = deaf.try_send(&Payment::new(number, "test.c.bob"));
        }
        pay(
            &mut alice,
            &mut carol,
            &Payment::new(1 + round, "test.c.carol"),
        );
    }
    has_not_grown(&mut chain, before);
    let stalled = chain.a.wait_event("btp_stalled", "mallory");
    assert_eq!(stalled["level"], "warn");
    chain.a.wait_event("btp_disconnect", "mallory");
    pay(&mut alice, &mut carol, &Payment::new(9999, "test.c.carol"));
    alice.nothing_else_came();
    drop((alice, carol));
    assert!(chain.c.stop().success());
    assert!(receiving.join().unwrap() > 0);
}
