use proptest::prelude::*;

use super::*;

fn asset(code: &str, scale: u8) -> PeerAsset {
    PeerAsset {
        code: code.into(),
        scale,
    }
}

fn usd(scale: u8) -> PeerAsset {
    asset("USD", scale)
}

#[test]
fn a_fulfilled_incoming_packet_is_owed_to_us() {
    let mut account = Account::default();
    account.reserve_incoming(70).unwrap();
    assert_eq!((account.held_incoming(), account.balance()), (70, 0));
    account.settle_incoming(70, Outcome::Fulfilled);
    assert_eq!((account.held_incoming(), account.receivable()), (0, 70));
    assert_eq!(account.balance(), 70);
}

#[test]
fn a_fulfilled_outgoing_packet_is_owed_by_us() {
    let mut account = Account::default();
    account.reserve_outgoing(70);
    assert_eq!((account.held_outgoing(), account.balance()), (70, 0));
    account.settle_outgoing(70, Outcome::Fulfilled);
    assert_eq!((account.held_outgoing(), account.payable()), (0, 70));
    assert_eq!(account.balance(), -70);
}

#[test]
fn a_released_packet_leaves_no_trace() {
    let mut account = Account::default();
    account.reserve_incoming(5).unwrap();
    account.reserve_outgoing(6);
    account.settle_incoming(5, Outcome::Released);
    account.settle_outgoing(6, Outcome::Released);
    assert_eq!(account, Account::default());
}

#[test]
fn there_is_no_limit_unless_one_is_set() {
    let mut account = Account::default();
    for _ in 0..3 {
        account.reserve_incoming(u64::MAX).unwrap();
        account.settle_incoming(u64::MAX, Outcome::Fulfilled);
    }
    assert_eq!(account.balance(), 3 * i128::from(u64::MAX));
}

#[test]
fn the_limit_itself_may_be_reached_but_not_passed() {
    let mut account = Account::new(Some(100));
    account.reserve_incoming(100).unwrap();
    let refused = OverLimit {
        would_be: 101,
        limit: 100,
    };
    assert_eq!(account.reserve_incoming(1), Err(refused));
    assert_eq!(account.held_incoming(), 100);
}

#[test]
fn packets_in_flight_count_against_the_limit_until_they_are_released() {
    let mut account = Account::new(Some(100));
    account.reserve_incoming(60).unwrap();
    assert!(account.reserve_incoming(60).is_err());
    account.settle_incoming(60, Outcome::Released);
    account.reserve_incoming(60).unwrap();
    account.settle_incoming(60, Outcome::Fulfilled);
    assert!(account.reserve_incoming(60).is_err());
}

#[test]
fn what_we_owe_the_peer_makes_room_below_the_limit() {
    let mut account = Account::new(Some(100));
    account.reserve_outgoing(50);
    assert!(
        account.reserve_incoming(150).is_err(),
        "not while it is in flight"
    );
    account.settle_outgoing(50, Outcome::Fulfilled);
    account.reserve_incoming(150).unwrap();
}

#[test]
fn a_packet_without_an_amount_passes_whatever_the_balance() {
    let mut account = Account {
        receivable: 11,
        ..Account::new(Some(10))
    };
    account.reserve_incoming(0).unwrap();
    account.settle_incoming(0, Outcome::Fulfilled);
    assert_eq!(account.balance(), 11);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "settled 1 of only 0 reserved")]
fn settling_twice_is_caught_in_debug_builds() {
    let mut account = Account::default();
    account.reserve_incoming(1).unwrap();
    account.settle_incoming(1, Outcome::Released);
    account.settle_incoming(1, Outcome::Released);
}

#[test]
fn the_same_asset_needs_no_conversion() {
    assert_eq!(convert(u64::MAX, &usd(9), &usd(9)), Ok(u64::MAX));
}

#[test]
fn a_finer_scale_multiplies_and_a_coarser_one_rounds_down() {
    assert_eq!(convert(15, &usd(2), &usd(9)), Ok(150_000_000));
    assert_eq!(convert(159_999_999, &usd(9), &usd(2)), Ok(15));
}

#[test]
fn something_never_becomes_nothing() {
    assert_eq!(
        convert(9_999_999, &usd(9), &usd(2)),
        Err(ConvertError::TooSmall)
    );
    assert_eq!(
        convert(u64::MAX, &usd(255), &usd(0)),
        Err(ConvertError::TooSmall)
    );
}

#[test]
fn zero_stays_zero_at_any_scale() {
    assert_eq!(convert(0, &usd(0), &usd(255)), Ok(0));
    assert_eq!(convert(0, &usd(255), &usd(0)), Ok(0));
}

#[test]
fn an_overflow_tells_the_largest_amount_that_fits() {
    let max = u64::MAX / 1000;
    assert_eq!(convert(max, &usd(6), &usd(9)), Ok(max * 1000));
    assert_eq!(
        convert(max + 1, &usd(6), &usd(9)),
        Err(ConvertError::TooLarge { max })
    );
    assert_eq!(
        convert(1, &usd(0), &usd(20)),
        Err(ConvertError::TooLarge { max: 0 })
    );
}

#[test]
fn different_codes_have_no_rate() {
    let eur = asset("EUR", 9);
    assert_eq!(convert(1, &usd(9), &eur), Err(ConvertError::NoRate));
    assert_eq!(convert(0, &usd(9), &eur), Err(ConvertError::NoRate));
}

proptest! {
    #[test]
    fn conversion_is_exact_arithmetic_rounded_down(
        amount: u64, shift in 0..64, from in 0..16u8, to in 0..16u8,
    ) {
        let amount = amount >> shift;
        let up = 10u128.pow(u32::from(to.saturating_sub(from)));
        let down = 10u128.pow(u32::from(from.saturating_sub(to)));
        let exact = u128::from(amount) * up / down;
        match convert(amount, &usd(from), &usd(to)) {
            Ok(converted) => prop_assert_eq!(u128::from(converted), exact),
            Err(ConvertError::TooSmall) => prop_assert!(exact == 0 && amount > 0),
            Err(ConvertError::TooLarge { max }) => {
                prop_assert!(exact > u128::from(u64::MAX));
                prop_assert!(convert(max, &usd(from), &usd(to)).is_ok());
                prop_assert!(convert(max + 1, &usd(from), &usd(to)).is_err());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn the_books_are_the_sums_of_the_packets(
        packets in prop::collection::vec((any::<bool>(), any::<u64>(), any::<bool>()), 0..50),
    ) {
        let mut account = Account::default();
        for &(incoming, amount, _) in &packets {
            if incoming {
                account.reserve_incoming(amount).unwrap();
            } else {
                account.reserve_outgoing(amount);
            }
        }
        let sum = |incoming, fulfilled: Option<bool>| -> u128 {
            packets
                .iter()
                .filter(|p| p.0 == incoming && fulfilled.is_none_or(|f| p.2 == f))
                .map(|p| u128::from(p.1))
                .sum()
        };
        prop_assert_eq!(account.held_incoming(), sum(true, None));
        prop_assert_eq!(account.held_outgoing(), sum(false, None));
        for &(incoming, amount, fulfilled) in packets.iter().rev() {
            let outcome = if fulfilled { Outcome::Fulfilled } else { Outcome::Released };
            if incoming {
                account.settle_incoming(amount, outcome);
            } else {
                account.settle_outgoing(amount, outcome);
            }
        }
        prop_assert_eq!((account.held_incoming(), account.held_outgoing()), (0, 0));
        prop_assert_eq!(account.receivable(), sum(true, Some(true)));
        prop_assert_eq!(account.payable(), sum(false, Some(true)));
        let balance = sum(true, Some(true)) as i128 - sum(false, Some(true)) as i128;
        prop_assert_eq!(account.balance(), balance);
    }
}
