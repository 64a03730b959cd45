//! Whatever arrives, in whatever order, nothing breaks and nothing grows without bound.

use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    Answers, Config, Connection, Inbound, Protocol, Protocols, Requests, State, Transmit,
};
use bytes::{BufMut, BytesMut};
use ilp_proto::{Instant, Now, Timestamp};
use proptest::prelude::*;

use crate::pair::*;

#[derive(Clone, Debug)]
enum Step {
    Message(Vec<u8>),
    Text,
    Control,
    Wait(u64),
    Accept,
    Refuse,
    Ask,
    Answer(u32),
    RespondEmpty(u32),
    Drain,
    Close,
}

fn messages() -> impl Strategy<Value = Vec<u8>> {
    let names = prop_oneof![Just("auth"), Just("auth_token"), Just("ilp"), Just("x")];
    let data = prop_oneof![
        Just(PREPARE.to_vec()),
        Just(FULFILL.to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let framed = (0u8..8, 0u32..4, prop::collection::vec((names, data), 0..4)).prop_map(
        |(kind, id, entries)| {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, data)| Protocol::octets(name, data))
                .collect();
            let mut bytes = encode(&message(id, Protocols::new(&entries)));
            if kind != 0 {
                bytes[0] = kind;
            }
            bytes
        },
    );
    let auth = Just(
        hex::decode("06000000011c0102046175746800000a617574685f746f6b656e0106736563726574")
            .unwrap(),
    );
    let reply = Just(encode(&response(AUTH_ID, Protocols::EMPTY)));
    prop_oneof![
        6 => framed,
        1 => auth,
        1 => reply,
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => messages().prop_map(Step::Message),
        1 => Just(Step::Text),
        1 => Just(Step::Control),
        3 => (0u64..20_000).prop_map(Step::Wait),
        2 => Just(Step::Accept),
        1 => Just(Step::Refuse),
        3 => Just(Step::Ask),
        2 => (0u32..4).prop_map(Step::Answer),
        1 => (0u32..4).prop_map(Step::RespondEmpty),
        4 => Just(Step::Drain),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_script_ends_well(client: bool, steps in steps()) {
        let cfg = Arc::new(Config::default());
        let mut link = if client {
            Connection::client(cfg, &credentials(None, SECRET), Instant::ZERO, AUTH_ID)
        } else {
            Connection::server(cfg, Instant::from_nanos(10_000_000_000), Instant::ZERO)
        };
        let mut answers = Answers::new(1000);
        let mut requests = Requests::new(8, 3);
        let mut now = Now { mono: Instant::ZERO, wall: Timestamp::from_millis(0) };
        let mut out = BytesMut::new();
        let (mut closes, mut asked, mut sent) = (0, Vec::new(), Vec::new());
        for step in steps {
            let before = link.state();
            match step {
                Step::Message(bytes) => {
                    let inbound = link.handle_message(now, &bytes);
                    let shown = format!("{inbound:?}");
                    prop_assert!(!shown.contains("secret"));
                    match inbound {
                        Inbound::Auth { .. } => prop_assert_eq!(link.state(), State::AuthPending),
                        Inbound::Answer { id, .. } | Inbound::Failed { id, .. } => {
                            let _ = requests.take(id);
                        }
                        Inbound::Unreadable { .. } | Inbound::Refused { .. } => {}
                        Inbound::Request { .. } => prop_assert!(
                            matches!(before, State::Open | State::Closing | State::Closed)
                        ),
                        Inbound::Nothing => {}
                    }
                }
                Step::Text => {
                    let _ = link.handle_text(now);
                }
                Step::Control => link.handle_control(now),
                Step::Wait(millis) => {
                    now.mono += Duration::from_millis(millis);
                    link.handle_timeout(now);
                    let later = link.poll_timeout().is_none_or(|at| at > now.mono);
                    let event = link.poll_event().is_some();
                    prop_assert!(later || event || link.has_output(Some(&answers)));
                }
                Step::Accept => link.accept_auth(now),
                Step::Refuse => link.refuse_auth(now, "no"),
                Step::Ask => {
                    if let Ok(id) = requests.insert(()) {
                        match link.request(Instant::ZERO, Instant::MAX, id, PREPARE.len(), |out| out.put_slice(PREPARE)) {
                            Ok(()) => asked.push(id.0),
                            Err(_) => {
                                let _ = requests.take(id.0);
                            }
                        }
                    }
                }
                Step::Answer(id) => {
                    let later = now.mono + Duration::from_secs(1);
                    answers.respond(btp_proto::AnswerKind::Reject, later, id, 2, |out| {
                        out.put_slice(REJECT);
                    });
                }
                Step::RespondEmpty(id) => link.respond_empty(id),
                Step::Drain => {
                    while let Some(pending) = link.poll_pending() {
                        let _ = link.handle_message(now, &pending);
                    }
                    while let Some(transmit) =
                        link.poll_transmit(now.mono, Some(&mut answers), &mut out)
                    {
                        prop_assert_eq!(closes, 0, "nothing follows a close");
                        match transmit {
                            Transmit::Binary { len } => {
                                prop_assert_eq!(len, out.len());
                                let frame = btp_proto::Frame::parse(&out).unwrap();
                                if let btp_proto::Frame::Message { id, protocols } = frame
                                    && protocols.get("ilp").is_some()
                                {
                                    sent.push(id);
                                }
                                out.clear();
                            }
                            Transmit::Ping => {}
                            Transmit::Close { .. } => closes += 1,
                        }
                    }
                    prop_assert!(!link.has_output(Some(&answers)));
                }
                Step::Close => link.close(1000, "bye"),
            }
        }
        // Every request that was taken in either left or is named as unsent, in order.
        sent.extend(link.unsent_requests());
        prop_assert_eq!(sent, asked);
    }
}
