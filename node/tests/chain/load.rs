//! Signals while packets flow.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::chain::{Chain, Node, Plan};
use crate::wallet::{Outcome, Payment, Wallet, pay};

/// Packets that alice has under way at a time.
const WINDOW: u32 = 20;

/// Answers after which the stop begins.
const WARM: usize = 100;

/// Sends while the connection lasts and `go_on` says so: what came back, and how many were sent.
fn load(
    mut alice: Wallet,
    warm: Sender<()>,
    enough: Receiver<()>,
) -> JoinHandle<(Option<Wallet>, BTreeMap<u32, Outcome>, u32)> {
    thread::spawn(move || {
        let mut answers = BTreeMap::new();
        let mut sent: u32 = 0;
        let mut sending = true;
        loop {
            // Some more after the stop, so that the time after it is seen too.
            sending = sending && enough.try_recv().is_err();
            while sending && sent < answers.len() as u32 + WINDOW {
                let payment = Payment::new(sent + 1, "test.c.bob");
                if !alice.try_send(&payment.expires_in(Duration::from_secs(2))) {
                    break;
                }
                sent += 1;
            }
            if !sending && answers.len() as u32 == sent {
                return (Some(alice), answers, sent);
            }
            let Some((number, outcome)) = alice.try_answer() else {
                return (None, answers, sent);
            };
            assert!(number >= 1 && number <= sent, "{number} was never sent");
            let before = answers.insert(number, outcome);
            assert_eq!(before, None, "{number} is answered twice");
            if answers.len() == WARM {
                warm.send(()).unwrap();
            }
        }
    })
}

/// Stops one node of the chain in the middle of the load, and looks at what alice got.
fn stopped_under_load(stop: fn(&mut Chain) -> &mut Node) {
    let mut chain = Chain::up();
    let (alice, bob) = chain.alice_and_bob();
    let receiving = thread::spawn(move || bob.fulfill_all(b""));
    let (warm, is_warm) = channel();
    let (enough, is_enough) = channel();
    let sending = load(alice, warm, is_enough);
    is_warm.recv().unwrap();

    let node = stop(&mut chain);
    let status = node.stop();
    let last = node.process.log.last().unwrap().clone();
    assert_eq!(status.code(), Some(0), "{last}");
    assert_eq!(
        (&last["event"], &last["unanswered"]),
        (&"connector_stopped".into(), &0.into())
    );
    enough.send(()).unwrap();
    let (alice, answers, sent) = sending.join().unwrap();
    let mut alice = alice.expect("A is still there");
    assert_eq!(answers.len() as u32, sent, "every packet is answered");
    let count = |code: &str| {
        answers
            .values()
            .filter(|outcome| outcome.code() == code)
            .count()
    };
    let (fulfilled, busy, unreachable) = (count("fulfilled"), count("T03"), count("T01"));
    assert_eq!(fulfilled + busy + unreachable, answers.len(), "{answers:?}");
    assert!(fulfilled >= WARM, "{fulfilled}");
    alice.nothing_else_came();

    node_is_back(stop, &mut chain, alice);
    // What bob fulfilled was paid: nothing is lost when nodes stop in good order.
    for node in chain.nodes() {
        assert!(node.stop().success());
    }
    assert_eq!(receiving.join().unwrap(), fulfilled);
}

fn node_is_back(stop: fn(&mut Chain) -> &mut Node, chain: &mut Chain, mut alice: Wallet) {
    stop(chain).restart();
    chain.wait_up();
    let mut carol = chain.c.wallet("carol");
    pay(&mut alice, &mut carol, &Payment::new(1, "test.c.carol"));
}

#[test]
fn b_drains_under_load() {
    stopped_under_load(|chain| &mut chain.b);
}

#[test]
fn c_drains_under_load() {
    stopped_under_load(|chain| &mut chain.c);
}

#[test]
fn killing_b_under_load_leaves_no_packet_without_an_answer() {
    let mut chain = Chain::up();
    let (alice, bob) = chain.alice_and_bob();
    let receiving = thread::spawn(move || bob.fulfill_all(b""));
    let (warm, is_warm) = channel();
    let (enough, is_enough) = channel();
    let sending = load(alice, warm, is_enough);
    is_warm.recv().unwrap();
    chain.b.kill();
    chain.b.restart();
    chain.wait_up();
    enough.send(()).unwrap();
    let (alice, answers, sent) = sending.join().unwrap();
    let mut alice = alice.expect("A is still there");
    assert_eq!(answers.len() as u32, sent, "every packet is answered");
    let count = |code: &str| answers.values().filter(|o| o.code() == code).count();
    let fulfilled = count("fulfilled");
    assert_eq!(fulfilled + count("T01"), answers.len(), "{answers:?}");
    alice.nothing_else_came();
    for node in chain.nodes() {
        assert!(node.stop().success());
    }
    // What was on its way back when B died may be lost; what came back was paid.
    let paid = receiving.join().unwrap();
    assert!(
        (fulfilled..=fulfilled + WINDOW as usize).contains(&paid),
        "{fulfilled} of {paid}"
    );
}

#[test]
fn a_drains_under_load() {
    let mut chain = Chain::up();
    let (alice, bob) = chain.alice_and_bob();
    let receiving = thread::spawn(move || bob.fulfill_all(b""));
    let (warm, is_warm) = channel();
    let (_enough, is_enough) = channel();
    let sending = load(alice, warm, is_enough);
    is_warm.recv().unwrap();
    assert_eq!(chain.a.stop().code(), Some(0));
    let last = chain.a.process.log.last().unwrap();
    assert_eq!(last["unanswered"], 0, "{last}");

    // What A has read it has answered. What it had not read when it closed was never taken.
    let (alice, answers, _) = sending.join().unwrap();
    assert!(alice.is_none(), "the link is closed");
    let read = *answers.last_key_value().unwrap().0;
    assert_eq!(answers.len() as u32, read, "no number is left out");
    let fulfilled = answers.values().filter(|o| o.code() == "fulfilled").count();
    let busy = answers.values().filter(|o| o.code() == "T03").count();
    assert_eq!(fulfilled + busy, answers.len(), "{answers:?}");
    assert!(chain.c.stop().success());
    assert_eq!(receiving.join().unwrap(), fulfilled);
}

#[test]
fn what_is_in_flight_when_b_stops_is_seen_through_and_what_comes_is_turned_away() {
    const COUNT: u32 = 50;
    let mut chain = Chain::up();
    let (mut alice, mut bob) = chain.alice_and_bob();
    for number in 1..=COUNT {
        alice.send(&Payment::new(number, "test.c.bob"));
    }
    let held: Vec<_> = (0..COUNT).map(|_| bob.take()).collect();
    chain.b.process.signal("TERM");
    chain.b.process.wait_for("connector_draining");
    assert_eq!(chain.b.health().json()["status"], "draining");
    for number in COUNT + 1..=2 * COUNT {
        alice.send(&Payment::new(number, "test.c.bob"));
        assert_eq!(alice.answer_to(number).short(), "T03 by test.b");
    }
    for taken in held {
        bob.fulfill(taken, b"");
    }
    let mut answered: Vec<_> = (0..COUNT)
        .map(|_| {
            let (number, outcome) = alice.answer();
            assert_eq!(outcome.code(), "fulfilled");
            number
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (1..=COUNT).collect::<Vec<_>>());
    assert_eq!(chain.b.process.end().code(), Some(0));
    let last = chain.b.process.log.last().unwrap();
    assert_eq!(last["msg"], format!("drained {COUNT}, left 0"));
    alice.nothing_else_came();
}

#[test]
fn a_node_under_load_still_dials_a_peer_that_is_away() {
    // Turns every connection away, and tells of it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = Plan::new();
    plan.a.replace("<PORT>", "0");
    let next = listener.local_addr().unwrap().to_string();
    plan.a.replace("<NEXT>", &next);
    let (tell, dialed) = channel();
    thread::spawn(move || listener.incoming().try_for_each(|_| tell.send(())));
    let a = Node::start(plan.a);
    let (warm, is_warm) = channel();
    let (enough, is_enough) = channel();
    let sending = load(a.wallet("alice"), warm, is_enough);
    is_warm.recv().unwrap();
    // At most 100 ms apart, whatever else there is to do.
    for _ in 0..20 {
        dialed
            .recv_timeout(Duration::from_secs(2))
            .expect("A dials no more");
    }
    enough.send(()).unwrap();
    let (_, answers, _) = sending.join().unwrap();
    assert!(answers.values().all(|outcome| outcome.code() == "T01"));
}
