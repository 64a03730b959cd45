//! What amounts are worth, reckoned without the code that is under test.

use ilp_router::config::Relation;

/// The finest scale that is drawn: all amounts are whole numbers of its units.
pub const FINEST: u32 = 12;
/// The coarsest.
pub const COARSEST: u32 = 6;

/// What an account is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    pub code: &'static str,
    pub scale: u32,
}

impl Asset {
    pub const USUAL: Self = Self {
        code: "USD",
        scale: 9,
    };

    /// In units of the finest scale.
    pub const fn value(self, amount: u128) -> u128 {
        amount * 10_u128.pow(FINEST - self.scale)
    }

    /// So much of the usual asset's units in units of this one, rounded down.
    pub const fn amount(self, usual: u64) -> u64 {
        (Self::USUAL.value(usual as u128) / self.value(1)) as u64
    }
}

/// What goes on of an amount: `None` when it must be refused, since there is no rate, nothing would be left, or it does not fit.
pub fn carried(amount: u64, from: Asset, to: Asset) -> Option<u64> {
    let units = from.value(amount.into()) / to.value(1);
    let lost = units == 0 && amount > 0;
    (from.code == to.code && !lost)
        .then_some(units)
        .and_then(|units| units.try_into().ok())
}

/// What a node has agreed with one neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub asset: Asset,
    /// What the neighbour may owe.
    pub max_balance: Option<u64>,
    /// What the neighbour is.
    pub relation: Relation,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            asset: Asset::USUAL,
            max_balance: None,
            relation: Relation::Peer,
        }
    }
}

#[test]
fn an_amount_is_rounded_down_and_neither_vanishes_nor_overflows() {
    let asset = |code, scale| Asset { code, scale };
    let (coarse, usual, fine) = (asset("USD", 6), asset("USD", 9), asset("USD", 12));
    assert_eq!(carried(1_999, usual, coarse), Some(1));
    assert_eq!(carried(999, usual, coarse), None);
    assert_eq!(carried(0, usual, coarse), Some(0));
    assert_eq!(carried(7, coarse, fine), Some(7_000_000));
    assert_eq!(carried(u64::MAX, usual, fine), None);
    assert_eq!(carried(u64::MAX, usual, usual), Some(u64::MAX));
    assert_eq!(carried(5, usual, asset("EUR", 9)), None);
    assert_eq!(
        (coarse.amount(1_999), usual.amount(7), fine.amount(7)),
        (1, 7, 7_000)
    );
}
