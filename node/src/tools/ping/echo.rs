//! The packets of a ping, in both directions.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ilp_proto::{Address, Condition, EchoPacket, ErrorCode, Fulfillment, Prepare};
use ilp_runtime::Clock;
use ilp_runtime::client::Reply;

use crate::tools::fulfilment::Key;

/// Pings that wait for their echo. Their fulfillments come from a secret that nobody else has.
#[derive(Debug)]
pub(super) struct Echoes {
    key: Key,
    waiting: Mutex<BTreeMap<Condition, Fulfillment>>,
}

/// One ping.
#[derive(Debug)]
pub(super) struct Ping {
    condition: Condition,
    data: Vec<u8>,
}

impl Echoes {
    /// `secret` must be random.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self {
            key: Key::from_bytes(&secret),
            waiting: Mutex::default(),
        }
    }

    /// A new ping that `own` shall get the echo of.
    pub(super) fn ping(&self, seq: u64, own: &Address) -> Ping {
        let fulfillment = self.key.fulfillment(&seq.to_be_bytes());
        let condition = fulfillment.condition();
        self.lock().insert(condition, fulfillment);
        let request = EchoPacket::Request {
            source: own.as_addr(),
        };
        let mut data = Vec::with_capacity(request.encoded_len());
        request.encode(&mut data);
        Ping { condition, data }
    }

    /// Nobody waits for this any more: an echo that comes late is rejected, so that no money moves.
    pub(super) fn forget(&self, ping: &Ping) {
        self.lock().remove(&ping.condition);
    }

    /// Fulfils the echo of a ping that waits for it, once.
    pub(super) fn answer(&self, prepare: &Prepare<'_>) -> Reply {
        let is_echo = matches!(
            EchoPacket::parse(prepare.data),
            Some(Ok(EchoPacket::Response))
        );
        let waiting = if is_echo {
            self.lock().remove(&prepare.condition)
        } else {
            None
        };
        match waiting {
            Some(fulfillment) => Reply::Fulfill {
                fulfillment,
                data: Vec::new(),
            },
            None => Reply::Reject {
                code: ErrorCode::F06_UNEXPECTED_PAYMENT,
                message: "no ping waits for this".into(),
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Condition, Fulfillment>> {
        // insert and remove do not panic half-way
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ping {
    /// The packet that asks for the echo.
    pub(super) fn prepare<'a>(
        &'a self,
        destination: &'a Address,
        amount: u64,
        expiry: Duration,
    ) -> Prepare<'a> {
        Prepare {
            amount,
            expires_at: Clock::now().wall.saturating_add(expiry),
            condition: self.condition,
            destination: destination.as_addr(),
            data: &self.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use ilp_proto::{Addr, echo};

    use super::*;

    fn response(condition: Condition) -> Prepare<'static> {
        const DATA: [u8; 17] = *b"ECHOECHOECHOECHO\x01";
        Prepare {
            amount: 0,
            expires_at: Clock::now().wall.saturating_add(Duration::from_secs(1)),
            condition,
            destination: Addr::new("test.a.alice").unwrap(),
            data: &DATA,
        }
    }

    fn is_fulfilled(reply: &Reply) -> bool {
        matches!(reply, Reply::Fulfill { .. })
    }

    #[test]
    fn a_ping_names_its_own_address() {
        let own = "test.a.alice".parse().unwrap();
        let ping = Echoes::new([1; 32]).ping(1, &own);
        assert!(ping.data.starts_with(&echo::PREFIX));
        let parsed = EchoPacket::parse(&ping.data).unwrap().unwrap();
        assert_eq!(
            parsed,
            EchoPacket::Request {
                source: own.as_addr()
            }
        );
    }

    #[test]
    fn an_echo_is_fulfilled_once() {
        let echoes = Echoes::new([1; 32]);
        let ping = echoes.ping(1, &"test.a.alice".parse().unwrap());
        let Reply::Fulfill { fulfillment, .. } = echoes.answer(&response(ping.condition)) else {
            panic!()
        };
        assert!(fulfillment.fulfills(&ping.condition));
        assert!(!is_fulfilled(&echoes.answer(&response(ping.condition))));
    }

    #[test]
    fn what_nobody_waits_for_is_rejected() {
        let echoes = Echoes::new([1; 32]);
        let ping = echoes.ping(1, &"test.a.alice".parse().unwrap());
        let request = Prepare {
            data: &ping.data,
            ..response(ping.condition)
        };
        assert!(
            !is_fulfilled(&echoes.answer(&request)),
            "a request is no echo"
        );
        echoes.forget(&ping);
        assert!(!is_fulfilled(&echoes.answer(&response(ping.condition))));
    }

    #[test]
    fn no_two_pings_have_one_condition() {
        let (own, echoes) = ("test.a".parse().unwrap(), Echoes::new([1; 32]));
        assert_ne!(
            echoes.ping(1, &own).condition,
            echoes.ping(2, &own).condition
        );
        assert_ne!(
            echoes.ping(1, &own).condition,
            Echoes::new([2; 32]).ping(1, &own).condition
        );
    }
}
