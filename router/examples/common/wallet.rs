//! The simplest customer of a connector: pays, and is paid, over one BTP connection in memory.

use std::sync::Arc;
use std::time::Duration;

use btp_proto::{
    AnswerKind, Answers, Connection, Credentials, Inbound, Requests, Secret, Transmit,
};
use bytes::BytesMut;
use ilp_proto::{Addr, Fulfill, Fulfillment, Now, Packet, Prepare};

/// A BTP connection and the two things that outlive it: what was asked and what is owed.
pub(crate) struct Wallet {
    connection: Connection,
    asked: Requests<Payment>,
    owed: Answers,
    /// Units that it was paid.
    pub(crate) income: u64,
    /// Units that it has paid, proof in hand.
    pub(crate) spent: u64,
}

/// What a wallet remembers of a packet until the answer is there.
struct Payment {
    amount: u64,
}

/// What payments are locked with. Payer and payee would make it from a secret that they share; here both know it.
const PREIMAGE: Fulfillment = Fulfillment([7; 32]);
/// From a payment to its expiry.
const LIFETIME: Duration = Duration::from_secs(10);

impl Wallet {
    /// Connects, and authenticates as `name`.
    pub(crate) fn new(name: &str, token: &str, now: Now) -> Self {
        let credentials = Credentials {
            username: Some(name.to_owned()),
            token: Secret::new(token),
        };
        Self {
            connection: Connection::client(Arc::default(), &credentials, now.mono, 1),
            asked: Requests::new(16, 0),
            owed: Answers::new(1 << 16),
            income: 0,
            spent: 0,
        }
    }

    /// Sends a packet, unless the connection is not ready.
    pub(crate) fn pay(&mut self, now: Now, destination: Addr<'_>, amount: u64) -> bool {
        let packet = Prepare {
            amount,
            expires_at: now.wall.saturating_add(LIFETIME),
            condition: PREIMAGE.condition(),
            destination,
            data: &[],
        };
        let Ok(id) = self.asked.insert(Payment { amount }) else {
            return false;
        };
        let write = |out: &mut BytesMut| packet.encode(out);
        self.connection
            .request(
                now.mono,
                ilp_proto::Instant::MAX,
                id,
                packet.encoded_len(),
                write,
            )
            .is_ok()
    }

    /// One message for the connector, appended to `out`.
    pub(crate) fn transmit(&mut self, now: Now, out: &mut BytesMut) -> Option<Transmit> {
        self.connection
            .poll_transmit(now.mono, Some(&mut self.owed), out)
    }

    /// One message from the connector.
    pub(crate) fn receive(&mut self, now: Now, message: &[u8]) {
        match self.connection.handle_message(now, message) {
            Inbound::Request { id, ilp } => {
                let Ok(Packet::Prepare(prepare)) = Packet::parse(ilp) else {
                    return;
                };
                self.income += prepare.amount;
                let answer = Fulfill {
                    fulfillment: PREIMAGE,
                    data: &[],
                };
                let (kind, until) = (AnswerKind::Fulfill { amount: 1 }, now.mono + LIFETIME);
                let write = |out: &mut BytesMut| answer.encode(out);
                self.owed
                    .respond(kind, until, id, answer.encoded_len(), write);
            }
            Inbound::Answer { id, ilp } => {
                let payment = self.asked.take(id);
                if let (Some(payment), Ok(Packet::Fulfill(answer))) = (payment, Packet::parse(ilp))
                    && answer.fulfillment.fulfills(&PREIMAGE.condition())
                {
                    self.spent += payment.amount;
                }
            }
            _ => {} // the answer to our auth, which the connection sees to
        }
    }
}
