//! Addresses between parent and child (RFC-0031).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use ilp_proto::ildcp::{self, IldcpError, IldcpResponse};
use ilp_proto::{Address, ErrorCode, Fulfill, Fulfillment, Now, Prefix, Prepare};

use super::Connector;
use super::packets::Arrival;
use crate::config::Relation;
use crate::event::Event;
use crate::forwarder::{Flight, Origin, Times, deadline};
use crate::peer::PeerIndex;
use crate::refusal::Refusal;
use crate::timers::Timer;

/// A parent that gave no address is asked again after this long, while it is connected.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Connector {
    /// A neighbour asks for its address.
    pub(super) fn give_address(
        &mut self,
        now: Now,
        arrival: Arrival,
        prepare: &Prepare<'_>,
    ) -> Result<(), Refusal> {
        match ildcp::check_request(prepare, now.wall) {
            Ok(()) => {}
            Err(IldcpError::Expired) => {
                return Err(Refusal::new(
                    ErrorCode::R00_TRANSFER_TIMED_OUT,
                    "the packet arrived after its expiry",
                ));
            }
            Err(_) => {
                let text = "the condition of a packet between peers is the hash of 32 zero bytes";
                return Err(Refusal::new(ErrorCode::F01_INVALID_PACKET, text));
            }
        }
        let config = &self.peers[arrival.from].config;
        if config.relation != Relation::Child {
            return Err(Refusal::new(
                ErrorCode::F00_BAD_REQUEST,
                "only a child of this node is given an address",
            ));
        }
        if self.address_pending {
            return Err(Refusal::new(
                ErrorCode::T00_INTERNAL_ERROR,
                "this node does not know its own address yet",
            ));
        }
        let asset = config.asset.clone();
        let Ok(address) = self.child_address(arrival.from) else {
            return Err(Refusal::new(
                ErrorCode::T00_INTERNAL_ERROR,
                "the address would be longer than an address may be",
            ));
        };
        let response = IldcpResponse {
            client_address: address.as_addr(),
            asset_scale: asset.scale,
            asset_code: &asset.code,
        };
        let mut data = Vec::with_capacity(response.encoded_len());
        response.encode(&mut data);
        let fulfill = Fulfill {
            fulfillment: Fulfillment::ZERO,
            data: &data,
        };
        self.respond_fulfill(now, arrival, prepare, &fulfill);
        Ok(())
    }

    /// Asks our parent for our address, over its link.
    pub(super) fn ask_for_address(&mut self, now: Now, parent: PeerIndex) {
        if self.drain.is_some() || !self.peers[parent].is_up() {
            return;
        }
        let mut request = ildcp::request(now.wall);
        request.expires_at = request
            .expires_at
            .min(now.wall.saturating_add(self.timeouts.max_hold));
        let expires = deadline(now, request.expires_at);
        let sent = self.forwarder.vacant(Origin::Ildcp).map(|key| {
            let len = request.encoded_len();
            let sent = self.send(now, parent, key, expires, len, |out| request.encode(out));
            (key, sent)
        });
        let Some((key, Ok(sent))) = sent else {
            return self.address_refused(
                now,
                parent,
                "too many packets in flight to ask".to_string(),
            );
        };
        let flight = Flight {
            origin: Origin::Ildcp,
            to: parent,
            request: sent,
            epoch: self.peers[parent].epoch,
            amount_in: 0,
            amount_out: 0,
            condition: request.condition,
            times: Times {
                expires,
                answer_by: expires,
            },
            sent: now.mono,
            packet: None,
        };
        self.forwarder.insert(key, flight);
        self.stats.in_flight = self.forwarder.len() as u64;
    }

    /// Our parent answered.
    pub(super) fn take_address(&mut self, now: Now, parent: PeerIndex, fulfill: &Fulfill<'_>) {
        let address = match IldcpResponse::from_fulfill(fulfill) {
            Ok(response) => response.client_address.to_owned(),
            Err(error) => return self.address_refused(now, parent, error.to_string()),
        };
        if let scheme @ ("peer" | "self") = address.as_addr().scheme() {
            let said = alloc::format!("it says {address}, but no node has an address in {scheme}");
            return self.address_refused(now, parent, said);
        }
        if !self.address_from_parent {
            if address != self.address {
                let said = alloc::format!(
                    "it says {address}, but ilpAddress is set to {} and stays",
                    self.address
                );
                let parent = self.peers[parent].config.id.clone();
                self.emit(Event::AddressRefused {
                    parent,
                    reason: said,
                });
            }
            return;
        }
        if self.address_pending || address != self.address {
            self.move_to(address.clone());
            let parent = self.peers[parent].config.id.clone();
            self.emit(Event::AddressLearned { parent, address });
        }
    }

    /// Our address changes, and with it those of our children and the routes to them.
    fn move_to(&mut self, address: Address) {
        for child in self.children() {
            if let Ok(old) = self.child_address(child) {
                self.table.remove(&Prefix::from(old), child);
            }
        }
        self.address = address;
        self.address_pending = false;
        // a child whose address has become too long gets none, and is told so when it asks
        for child in self.children() {
            if let Ok(new) = self.child_address(child) {
                self.table.insert(Prefix::from(new), child, 0);
            }
        }
    }

    /// A question of ours to our parent came to nothing. One that went out on an earlier link was asked again on this one.
    pub(super) fn question_failed(&mut self, now: Now, flight: &Flight, reason: String) {
        if flight.epoch == self.peers[flight.to].epoch {
            self.address_refused(now, flight.to, reason);
        }
    }

    /// Our parent gave no address, or none that is of use.
    pub(super) fn address_refused(&mut self, now: Now, parent: PeerIndex, reason: String) {
        let name = self.peers[parent].config.id.clone();
        self.emit(Event::AddressRefused {
            parent: name,
            reason,
        });
        if self.peers[parent].is_up() && self.drain.is_none() {
            self.timers
                .set(Timer::Ildcp(parent), Some(now.mono + ASK_AGAIN));
        }
    }
}
