use std::format;

use super::*;
use crate::{Addr, Condition, Timestamp};

fn prepare() -> Prepare<'static> {
    Prepare {
        amount: 1000,
        expires_at: Timestamp::from_millis(1_893_553_445_678),
        condition: Condition::OF_ZERO,
        destination: Addr::new("test.c.alice").unwrap(),
        data: b"hello",
    }
}

#[test]
fn amount_and_expiry_do_not_change_the_name() {
    let id = packet_id(&prepare());
    assert_eq!(
        id,
        packet_id(&Prepare {
            amount: 1,
            ..prepare()
        })
    );
    assert_eq!(
        id,
        packet_id(&Prepare {
            expires_at: Timestamp::LATEST,
            ..prepare()
        })
    );
}

#[test]
fn condition_destination_and_data_change_the_name() {
    let id = packet_id(&prepare());
    assert_ne!(
        id,
        packet_id(&Prepare {
            condition: Condition([7; 32]),
            ..prepare()
        })
    );
    let destination = Addr::new("test.c.bob").unwrap();
    assert_ne!(
        id,
        packet_id(&Prepare {
            destination,
            ..prepare()
        })
    );
    assert_ne!(
        id,
        packet_id(&Prepare {
            data: b"",
            ..prepare()
        })
    );
}

#[test]
fn a_name_prints_as_16_hex_digits() {
    let id = PacketId([0, 1, 2, 3, 0xab, 0xcd, 0xef, 0xff]);
    assert_eq!(format!("{id}"), "00010203abcdefff");
    assert_eq!(format!("{id:?}"), "PacketId(00010203abcdefff)");
}

#[test]
fn the_name_is_the_hash_that_any_tool_can_compute() {
    // printf '<condition>' | xxd -r -p; printf test.c.alicehello; both into sha256sum.
    assert_eq!(format!("{}", packet_id(&prepare())), "5cda2ca8d3cda883");
}
