//! Which packets a receiver fulfils, and what it answers to the others.

use std::collections::BTreeMap;

use ilp_proto::{Address, EchoPacket, ErrorCode, Prepare};
use ilp_runtime::client::Reply;
use serde_json::{Value, json};

use super::fulfilment::Key;

/// Fulfils what is locked with its key.
#[derive(Debug)]
pub(crate) struct Judge {
    key: Key,
    address: Option<Address>,
    counts: Counts,
}

/// What became of the packets so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Packets.
    pub(crate) fulfilled: u64,
    /// What the fulfilled ones were worth.
    pub(crate) amount: u128,
    /// By code: how many, and what they were told.
    pub(crate) rejected: BTreeMap<ErrorCode, (u64, &'static str)>,
}

impl Judge {
    /// One that does not know its address yet, and takes packets to any.
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            address: None,
            counts: Counts::default(),
        }
    }

    /// From now on packets must be for this address, or below it. `None`: any.
    pub(crate) fn set_address(&mut self, address: Option<Address>) {
        self.address = address;
    }

    /// What there was so far.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Answers a packet that has not expired.
    pub(crate) fn judge(&mut self, prepare: &Prepare<'_>) -> Reply {
        let fulfillment = self.key.fulfillment(prepare.data);
        let elsewhere = |own: &Address| !prepare.destination.is_within(own.as_str());
        let refusal = if self.address.as_ref().is_some_and(elsewhere) {
            Some((
                ErrorCode::F02_UNREACHABLE,
                "this receiver has another address",
            ))
        } else if fulfillment.fulfills(&prepare.condition) {
            None
        } else if EchoPacket::parse(prepare.data).is_some() {
            Some((
                ErrorCode::F06_UNEXPECTED_PAYMENT,
                "this is a receiver, which does not echo; ping its connector",
            ))
        } else {
            Some((
                ErrorCode::F05_WRONG_CONDITION,
                "the condition does not fit the data: do sender and receiver have the same key?",
            ))
        };
        if let Some((code, message)) = refusal {
            self.counts.rejected.entry(code).or_insert((0, message)).0 += 1;
            return Reply::Reject {
                code,
                message: message.into(),
            };
        }
        self.counts.fulfilled += 1;
        self.counts.amount += u128::from(prepare.amount);
        Reply::Fulfill {
            fulfillment,
            data: Vec::new(),
        }
    }
}

impl Counts {
    /// Packets that were rejected.
    pub(crate) fn rejects(&self) -> u64 {
        self.rejected.values().map(|(count, _)| count).sum()
    }

    /// For `--json`. The amount is text, as it may not fit a number.
    pub(crate) fn to_json(&self) -> Value {
        let reject = |(code, (count, message)): (&ErrorCode, &(u64, &str))| json!({ "code": code.to_string(), "count": count, "message": message });
        let rejected: Vec<_> = self.rejected.iter().map(reject).collect();
        json!({ "fulfilled": self.fulfilled, "amount": self.amount.to_string(), "rejected": rejected })
    }
}

#[cfg(test)]
mod tests {
    use ilp_proto::{Addr, Timestamp};

    use super::*;

    fn prepare<'a>(key: &str, destination: &'a str, data: &'a [u8]) -> Prepare<'a> {
        Prepare {
            amount: 7,
            expires_at: Timestamp::from_millis(0),
            condition: Key::new(key).condition(data),
            destination: Addr::new(destination).unwrap(),
            data,
        }
    }

    fn judge() -> Judge {
        let mut judge = Judge::new(Key::new("secret"));
        judge.set_address(Some("test.c.bob".parse().unwrap()));
        judge
    }

    fn code(reply: Reply) -> Option<ErrorCode> {
        match reply {
            Reply::Fulfill { .. } => None,
            Reply::Reject { code, .. } => Some(code),
        }
    }

    #[test]
    fn a_packet_locked_with_the_key_is_fulfilled_and_counted() {
        let mut judge = judge();
        for destination in ["test.c.bob", "test.c.bob.shop"] {
            let prepare = prepare("secret", destination, b"x");
            let Reply::Fulfill { fulfillment, .. } = judge.judge(&prepare) else {
                panic!()
            };
            assert!(fulfillment.fulfills(&prepare.condition));
        }
        assert_eq!((judge.counts().fulfilled, judge.counts().amount), (2, 14));
    }

    #[test]
    fn another_key_gets_f05() {
        let mut judge = judge();
        assert_eq!(
            code(judge.judge(&prepare("other", "test.c.bob", b"x"))),
            Some(ErrorCode::F05_WRONG_CONDITION)
        );
        assert_eq!((judge.counts().fulfilled, judge.counts().rejects()), (0, 1));
    }

    #[test]
    fn another_address_gets_f02_even_with_the_right_key() {
        let mut judge = judge();
        for destination in ["test.c.alice", "test.c.bobby", "test.c"] {
            let reply = judge.judge(&prepare("secret", destination, b"x"));
            assert_eq!(
                code(reply),
                Some(ErrorCode::F02_UNREACHABLE),
                "{destination}"
            );
        }
        judge.set_address(None);
        assert_eq!(
            code(judge.judge(&prepare("secret", "test.c.alice", b"x"))),
            None
        );
    }

    #[test]
    fn a_ping_gets_f06() {
        let data = b"ECHOECHOECHOECHO\x00\x06test.a";
        assert_eq!(
            code(judge().judge(&prepare("other", "test.c.bob", data))),
            Some(ErrorCode::F06_UNEXPECTED_PAYMENT)
        );
    }

    #[test]
    fn amounts_add_up_beyond_64_bits() {
        let mut judge = judge();
        let largest = Prepare {
            amount: u64::MAX,
            ..prepare("secret", "test.c.bob", b"x")
        };
        judge.judge(&largest);
        judge.judge(&largest);
        assert_eq!(judge.counts().to_json()["amount"], "36893488147419103230");
    }
}
