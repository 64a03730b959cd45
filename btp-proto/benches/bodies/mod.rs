//! What is measured of links. A body is made once and called often; each call is one operation. Criterion times it
//! (`links.rs`) and `.ci/instructions` counts its instructions.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Carrier, Config, Connection, Credentials, Frame, Inbound, Requests,
    Secret, put_ilp_frame,
};
use bytes::{BufMut, BytesMut};
use ilp_proto::{Addr, Fulfill, Fulfillment, Now, Packet, Prepare, Timestamp};

fn prepare() -> Prepare<'static> {
    Prepare {
        amount: 1_000_000,
        expires_at: Timestamp::from_millis(1_795_219_225_000),
        condition: Fulfillment([7; 32]).condition(),
        destination: Addr::new("test.hub.shop.alice.checkout.f3a9b2").unwrap(),
        data: &[0x5a; 256],
    }
}

/// Reads a PREPARE in its MESSAGE, and writes both with a new id, amount and expiry.
pub(crate) fn forward() -> impl FnMut() {
    let mut wire = BytesMut::new();
    put_ilp_frame(&mut wire, Carrier::Message, 17, prepare().encoded_len());
    prepare().encode(&mut wire);
    let mut out = BytesMut::with_capacity(2 * wire.len());
    move || {
        let Ok(Frame::Message { id, protocols }) = Frame::parse(black_box(&wire)) else {
            panic!("no MESSAGE");
        };
        let ilp = protocols.get("ilp").unwrap();
        let Ok(Packet::Prepare(incoming)) = Packet::parse(ilp.data) else {
            panic!("no PREPARE");
        };
        let outgoing = Prepare {
            amount: incoming.amount - 1,
            expires_at: incoming.expires_at.saturating_sub(Duration::from_secs(1)),
            ..incoming
        };
        out.clear();
        put_ilp_frame(&mut out, Carrier::Message, id + 1, outgoing.encoded_len());
        outgoing.encode(&mut out);
        black_box(&out);
    }
}

/// Two ends of a link that have authenticated.
fn pair(now: Now) -> (Connection, Connection) {
    let cfg = Arc::new(Config::default());
    let token = Secret::new("a secret between them");
    let credentials = Credentials {
        username: Some("alice".into()),
        token,
    };
    let mut alice = Connection::client(cfg.clone(), &credentials, now.mono, 1);
    let mut bob = Connection::server(cfg, now.mono + Duration::from_secs(10), now.mono);
    let mut wire = BytesMut::new();
    assert!(alice.poll_transmit(now.mono, None, &mut wire).is_some());
    let Inbound::Auth { .. } = bob.handle_message(now, &wire) else {
        panic!("no auth");
    };
    bob.accept_auth(now);
    wire.clear();
    assert!(bob.poll_transmit(now.mono, None, &mut wire).is_some());
    assert_eq!(alice.handle_message(now, &wire), Inbound::Nothing);
    assert!(alice.poll_event().is_some());
    (alice, bob)
}

/// A PREPARE from one end to the other and a FULFILL back: both ends' work, what the packets say left aside.
pub(crate) fn exchange() -> impl FnMut() {
    let now = Now::default();
    let (mut alice, mut bob) = pair(now);
    let mut waiting = Requests::new(4096, 0x5eed);
    let mut owed = Answers::new(4 << 20);
    let deadline = now.mono + Duration::from_secs(30);
    let mut request = Vec::new();
    prepare().encode(&mut request);
    let fulfill = Fulfill {
        fulfillment: Fulfillment([7; 32]),
        data: b"",
    };
    let mut answer = Vec::new();
    fulfill.encode(&mut answer);
    let mut wire = BytesMut::with_capacity(4096);
    move || {
        let id = waiting.insert(()).unwrap();
        alice
            .request(now.mono, deadline, id, request.len(), |out| {
                out.put_slice(black_box(&request));
            })
            .unwrap();
        wire.clear();
        assert!(alice.poll_transmit(now.mono, None, &mut wire).is_some());
        let Inbound::Request { id, .. } = bob.handle_message(now, &wire) else {
            panic!("no request");
        };
        owed.respond(
            AnswerKind::Fulfill { amount: 1 },
            deadline,
            id,
            answer.len(),
            |out| {
                out.put_slice(black_box(&answer));
            },
        );
        wire.clear();
        assert!(
            bob.poll_transmit(now.mono, Some(&mut owed), &mut wire)
                .is_some()
        );
        let Inbound::Answer { id, .. } = alice.handle_message(now, &wire) else {
            panic!("no answer");
        };
        assert_eq!(waiting.take(id), Some(()));
    }
}
