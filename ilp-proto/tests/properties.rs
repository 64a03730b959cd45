//! What holds for all packets, and for all bytes.
#![allow(clippy::unwrap_used)]

use ilp_proto::{
    Addr, Condition, DecodeErrorKind, EchoPacket, ErrorCode, Fulfill, Fulfillment, IldcpResponse,
    Packet, Prepare, Reject, Timestamp, packet_id,
};
use proptest::{collection::vec, prelude::*};

const ADDRESS: &str =
    "(g|private|example|peer|self|test[1-3]?|local)([.][a-zA-Z0-9_~-]{1,12}){1,6}";

/// A packet that owns its parts, as strategies cannot lend.
#[derive(Clone, Debug)]
enum Owned {
    Prepare {
        amount: u64,
        millis: i64,
        condition: [u8; 32],
        destination: String,
        data: Vec<u8>,
    },
    Fulfill {
        fulfillment: [u8; 32],
        data: Vec<u8>,
    },
    Reject {
        code: [u8; 3],
        triggered_by: Option<String>,
        message: Vec<u8>,
        data: Vec<u8>,
    },
}

impl Owned {
    fn view(&self) -> Packet<'_> {
        match self {
            Self::Prepare {
                amount,
                millis,
                condition,
                destination,
                data,
            } => Prepare {
                amount: *amount,
                expires_at: Timestamp::from_millis(*millis),
                condition: Condition(*condition),
                destination: Addr::new(destination).unwrap(),
                data,
            }
            .into(),
            Self::Fulfill { fulfillment, data } => Fulfill {
                fulfillment: Fulfillment(*fulfillment),
                data,
            }
            .into(),
            Self::Reject {
                code,
                triggered_by,
                message,
                data,
            } => Reject {
                code: ErrorCode::new(*code).unwrap(),
                triggered_by: triggered_by.as_deref().map(|text| Addr::new(text).unwrap()),
                message,
                data,
            }
            .into(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.view().encode(&mut out);
        out
    }
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..400),
        1 => (32_700..=32_767usize).prop_map(|len| vec![0xa5; len]),
    ]
}

fn packet() -> impl Strategy<Value = Owned> {
    let millis = Timestamp::EARLIEST.as_millis()..=Timestamp::LATEST.as_millis();
    prop_oneof![
        (any::<u64>(), millis, any::<[u8; 32]>(), ADDRESS, data()).prop_map(
            |(amount, millis, condition, destination, data)| {
                Owned::Prepare {
                    amount,
                    millis,
                    condition,
                    destination,
                    data,
                }
            }
        ),
        (any::<[u8; 32]>(), data())
            .prop_map(|(fulfillment, data)| Owned::Fulfill { fulfillment, data }),
        (
            [0..128u8, 0..128u8, 0..128u8],
            proptest::option::of(ADDRESS),
            data(),
            data()
        )
            .prop_map(|(code, triggered_by, message, data)| {
                Owned::Reject {
                    code,
                    triggered_by,
                    message,
                    data,
                }
            }),
    ]
}

/// Whatever can be read must come out the same once written, and be the front of what was read but
/// for ignored bytes.
fn check_any(bytes: &[u8]) -> Result<(), TestCaseError> {
    match Packet::parse(bytes) {
        Ok(packet) => {
            let mut written = Vec::new();
            packet.encode(&mut written);
            prop_assert_eq!(written.len(), packet.encoded_len());
            prop_assert!(written.len() <= bytes.len());
            prop_assert_eq!(Packet::parse(&written), Ok(packet));
            if let Packet::Prepare(prepare) = packet {
                let _ = packet_id(&prepare).to_string();
                let _ = EchoPacket::parse(prepare.data);
            }
            let _ = format!("{packet:?}");
        }
        Err(error) => {
            prop_assert!(error.offset <= bytes.len(), "{}", error);
            prop_assert!(error.to_string().contains(error.field));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_packet_comes_back_as_it_was_written(packet in packet()) {
        let bytes = packet.bytes();
        prop_assert_eq!(Packet::parse(&bytes), Ok(packet.view()));
        prop_assert_eq!(bytes.len(), packet.view().encoded_len());
    }

    #[test]
    fn bytes_behind_a_packet_are_ignored(packet in packet(), junk in vec(any::<u8>(), 0..20)) {
        let mut bytes = packet.bytes();
        bytes.extend(junk);
        prop_assert_eq!(Packet::parse(&bytes), Ok(packet.view()));
    }

    #[test]
    fn a_packet_cut_off_anywhere_is_truncated(packet in packet(), cut: prop::sample::Index) {
        let bytes = packet.bytes();
        let error = Packet::parse(&bytes[..cut.index(bytes.len())]).unwrap_err();
        let truncated = matches!(error.kind, DecodeErrorKind::Truncated { .. });
        prop_assert!(truncated, "{}", error);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        check_any(&bytes)?;
        let _ = EchoPacket::parse(&bytes);
        let _ = IldcpResponse::parse(&bytes);
        let _ = Timestamp::parse_generalized(&bytes);
    }

    #[test]
    fn any_contents_are_read_or_refused(kind in 11..16u8, contents in vec(any::<u8>(), 0..127)) {
        let mut bytes = vec![kind, contents.len() as u8];
        bytes.extend(contents);
        check_any(&bytes)?;
    }

    #[test]
    fn a_damaged_packet_is_read_or_refused(
        packet in packet(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = packet.bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        check_any(&bytes)?;
    }

    #[test]
    fn a_time_comes_back_as_it_was_written(
        millis in Timestamp::EARLIEST.as_millis()..=Timestamp::LATEST.as_millis(),
    ) {
        let time = Timestamp::from_millis(millis);
        prop_assert_eq!(Timestamp::parse_interledger(&time.write_interledger()), Ok(time));
        prop_assert_eq!(Timestamp::parse_generalized(&time.write_generalized()), Ok(time));
    }

    #[test]
    fn there_is_one_way_to_write_a_time(text in "[0-9]{17}") {
        let text = text.as_bytes().try_into().unwrap();
        if let Ok(time) = Timestamp::parse_interledger(text) {
            prop_assert_eq!(&time.write_interledger(), text);
        }
    }

    #[test]
    fn an_ildcp_response_comes_back_as_it_was_written(
        address in ADDRESS, asset_scale: u8, asset_code in ".{0,200}",
    ) {
        let response = IldcpResponse {
            client_address: Addr::new(&address).unwrap(), asset_scale, asset_code: &asset_code,
        };
        let mut data = Vec::new();
        response.encode(&mut data);
        prop_assert_eq!(data.len(), response.encoded_len());
        prop_assert_eq!(IldcpResponse::parse(&data), Ok(response));
    }
}
