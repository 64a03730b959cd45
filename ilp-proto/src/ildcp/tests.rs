use std::{string::ToString, vec::Vec};

use super::*;
use crate::AddressError;

const NOW: Timestamp = Timestamp::from_millis(1_434_412_800_000);

fn response() -> (IldcpResponse<'static>, Vec<u8>) {
    let response = IldcpResponse {
        client_address: Addr::new("example.client").unwrap(),
        asset_scale: 13,
        asset_code: "XAM",
    };
    let mut data = Vec::new();
    response.encode(&mut data);
    (response, data)
}

#[test]
fn our_own_destination_is_an_address() {
    assert!(Addr::new(ILDCP_DESTINATION).is_ok());
}

#[test]
fn our_own_request_passes_the_check_until_it_expires() {
    let request = request(NOW);
    assert!(is_request(&request));
    assert_eq!(request.amount, 0);
    assert_eq!(check_request(&request, NOW), Ok(()));
    let last = request.expires_at.saturating_sub(Duration::from_millis(1));
    assert_eq!(check_request(&request, last), Ok(()));
    assert_eq!(
        check_request(&request, request.expires_at),
        Err(IldcpError::Expired)
    );
}

#[test]
fn a_packet_to_another_name_is_no_request() {
    let other = Prepare {
        destination: Addr::new("peer.route").unwrap(),
        ..request(NOW)
    };
    assert!(!is_request(&other));
    assert_eq!(
        check_request(&other, NOW),
        Err(IldcpError::WrongDestination)
    );
}

#[test]
fn a_request_has_the_condition_of_zero() {
    let other = Prepare {
        condition: Condition([1; 32]),
        ..request(NOW)
    };
    assert_eq!(check_request(&other, NOW), Err(IldcpError::WrongCondition));
}

#[test]
fn a_response_comes_back_as_it_was_written() {
    let (response, mut data) = response();
    assert_eq!(data.len(), response.encoded_len());
    data.extend(b"ignored");
    assert_eq!(IldcpResponse::parse(&data), Ok(response));
    let fulfill = Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: &data,
    };
    assert_eq!(IldcpResponse::from_fulfill(&fulfill), Ok(response));
}

#[test]
fn a_response_needs_the_zero_fulfillment() {
    let (_, data) = response();
    let fulfill = Fulfill {
        fulfillment: Fulfillment([1; 32]),
        data: &data,
    };
    assert_eq!(
        IldcpResponse::from_fulfill(&fulfill),
        Err(IldcpError::WrongFulfillment)
    );
}

#[test]
fn a_response_cut_off_anywhere_is_an_error() {
    let (_, data) = response();
    for end in 0..data.len() {
        let error = IldcpResponse::parse(&data[..end]).unwrap_err();
        assert!(
            matches!(error.kind, DecodeErrorKind::Truncated { .. }),
            "{end}"
        );
    }
}

#[test]
fn an_unreadable_response_says_where_and_why() {
    let fulfill = Fulfill {
        fulfillment: Fulfillment::ZERO,
        data: b"\x03a.b\x09\x00",
    };
    let error = IldcpResponse::from_fulfill(&fulfill).unwrap_err();
    let kind = DecodeErrorKind::BadAddress(AddressError::UnknownScheme);
    let inner = DecodeError {
        field: "clientAddress",
        kind,
        offset: 1,
    };
    assert_eq!(error, IldcpError::Unreadable(inner));
    assert!(
        error
            .to_string()
            .starts_with("the ILDCP response cannot be read: clientAddress at byte 1: ")
    );
}

#[test]
fn an_asset_code_is_utf_8() {
    let error = IldcpResponse::parse(b"\x03g.a\x09\x03AB\xff").unwrap_err();
    let kind = DecodeErrorKind::NotUtf8;
    assert_eq!(
        error,
        DecodeError {
            field: "assetCode",
            kind,
            offset: 8
        }
    );
    assert_eq!(
        IldcpResponse::parse("\x03g.a\x02\x03€".as_bytes())
            .unwrap()
            .asset_code,
        "€"
    );
}
