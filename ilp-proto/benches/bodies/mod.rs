//! What is measured of packets. A body is made once and called often; each call is one operation. Criterion times it
//! (`packets.rs`) and `.ci/instructions` counts its instructions.

use std::hint::black_box;
use std::time::Duration;

use ilp_proto::{Addr, Fulfillment, Packet, Prepare, Timestamp};

/// A PREPARE as payments have them: 256 bytes of data, a destination of six segments.
pub(crate) fn prepare(expires_at: Timestamp) -> Vec<u8> {
    let prepare = Prepare {
        amount: 1_000_000,
        expires_at,
        condition: Fulfillment([7; 32]).condition(),
        destination: Addr::new("test.hub.shop.alice.checkout.f3a9b2").unwrap(),
        data: &[0x5a; 256],
    };
    let mut wire = Vec::new();
    prepare.encode(&mut wire);
    wire
}

/// Reads a PREPARE, and writes it with a new amount and expiry.
pub(crate) fn forward() -> impl FnMut() {
    let wire = prepare(Timestamp::from_millis(1_795_219_225_000));
    let mut out = Vec::with_capacity(2 * wire.len());
    move || {
        let Ok(Packet::Prepare(incoming)) = Packet::parse(black_box(&wire)) else {
            panic!("no PREPARE");
        };
        let outgoing = Prepare {
            amount: incoming.amount - 1,
            expires_at: incoming.expires_at.saturating_sub(Duration::from_secs(1)),
            ..incoming
        };
        out.clear();
        outgoing.encode(&mut out);
        black_box(&out);
    }
}

/// Hashes a fulfillment and compares it with its condition.
pub(crate) fn fulfills() -> impl FnMut() {
    let fulfillment = Fulfillment([7; 32]);
    let condition = fulfillment.condition();
    move || assert!(black_box(&fulfillment).fulfills(black_box(&condition)))
}
