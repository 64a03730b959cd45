//! The way of a packet to its next hop (RFC-0027).

use btp_proto::SendError;
use bytes::BytesMut;
use ilp_proto::{
    Addr, EchoPacket, ErrorCode, Instant, Now, Packet, PacketId, PacketType, Prepare, WholePrepare,
    ildcp, packet_id,
};

use super::Connector;
use super::takeover::unreachable;
use crate::accounts::{ConvertError, Outcome, rescale};
use crate::config::Relation;
use crate::event::{Event, Source};
use crate::forwarder::{Flight, FlightKey, Late, Origin, times};
use crate::peer::PeerIndex;
use crate::refusal::Refusal;
use crate::scope::Scope;
use crate::table::Match;

/// The data of an echo response.
const ECHO_RESPONSE: &[u8] = b"ECHOECHOECHOECHO\x01";

/// A PREPARE that wants its answer: from whom, under which id.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) from: PeerIndex,
    pub(super) request: u32,
    /// For logs; `None` while nobody wants to know.
    pub(super) packet: Option<PacketId>,
}

impl Connector {
    /// A neighbour wants something of us: a PREPARE, or bytes that are none.
    pub(super) fn take_prepare(&mut self, now: Now, from: PeerIndex, request: u32, ilp: &[u8]) {
        self.peers[from].counters.prepares_in += 1;
        let mut arrival = Arrival {
            from,
            request,
            packet: None,
        };
        let packet = Packet::parse_whole(ilp);
        // read where it was put: a copy would be read in wider pieces than it has just been written in, and wait
        let (prepare, whole) = match &packet {
            Ok((Packet::Prepare(prepare), whole)) => (prepare, whole.as_ref()),
            Ok(_) => {
                return self.refuse_packet(
                    now,
                    arrival,
                    Refusal::new(ErrorCode::F01_INVALID_PACKET, "not a PREPARE"),
                );
            }
            &Err(error) => {
                let peer = self.peers[from].config.id.clone();
                let event = Event::Malformed {
                    peer,
                    request_id: request,
                    error,
                };
                self.complain(Some(from), event);
                return self.refuse_packet(now, arrival, Refusal::malformed(error));
            }
        };
        if self.packet_events {
            let packet = packet_id(prepare);
            arrival.packet = Some(packet);
            self.emit(Event::PacketReceived {
                source: Source::Peer(self.peers[from].config.id.clone()),
                packet,
                destination: prepare.destination.to_owned(),
                amount: prepare.amount,
                expires_at: prepare.expires_at,
            });
        }
        if let Err(refusal) = self.admit(now, arrival, prepare, whole) {
            self.refuse_packet(now, arrival, refusal);
        }
    }

    fn admit(
        &mut self,
        now: Now,
        arrival: Arrival,
        prepare: &Prepare<'_>,
        whole: Option<&WholePrepare<'_>>,
    ) -> Result<(), Refusal> {
        if self.drain.is_some() {
            return Err(Refusal::new(ErrorCode::T03_CONNECTOR_BUSY, "shutting down"));
        }
        if !self.peers[arrival.from].wanted {
            // its link is closing and it is not let in again: it could not be told how the packet ended
            return Err(busy("this link is being closed"));
        }
        if now.wall >= prepare.expires_at {
            return Err(Refusal::new(
                ErrorCode::R00_TRANSFER_TIMED_OUT,
                "the packet arrived after its expiry",
            ));
        }
        let maximum = self.peers[arrival.from].max_packet_amount;
        if prepare.amount > maximum {
            return Err(Refusal::too_large(prepare.amount, maximum));
        }
        match Scope::of(prepare.destination) {
            Scope::Link if ildcp::is_request(prepare) => self.give_address(now, arrival, prepare),
            Scope::Link => Err(unreachable_here(
                "no such protocol between peers is spoken here",
            )),
            _ if prepare.destination == self.address.as_addr() => {
                let source = echo_source(prepare)?;
                if source == self.address.as_addr() || Scope::of(source) == Scope::Link {
                    return Err(Refusal::new(
                        ErrorCode::F01_INVALID_PACKET,
                        "an echo to this address makes no sense",
                    ));
                }
                let response = Prepare {
                    destination: source,
                    data: ECHO_RESPONSE,
                    ..*prepare
                };
                self.forward(now, arrival, &response, None)
                    .map_err(|refusal| match refusal.code {
                        ErrorCode::F02_UNREACHABLE => {
                            unreachable_here("no route back to the source of the echo request")
                        }
                        _ => refusal,
                    })
            }
            _ => self.forward(now, arrival, prepare, whole),
        }
    }

    /// `whole` is the packet as it came, if that is all that came and it is to be passed on as it is.
    fn forward(
        &mut self,
        now: Now,
        arrival: Arrival,
        prepare: &Prepare<'_>,
        whole: Option<&WholePrepare<'_>>,
    ) -> Result<(), Refusal> {
        let Arrival {
            from,
            request,
            packet,
        } = arrival;
        let to = self.next_hop(from, prepare, packet)?;
        let (times, expires_at) =
            times(now, prepare.expires_at, &self.timeouts).map_err(|late| match late {
                Late::Expired => Refusal::new(
                    ErrorCode::R00_TRANSFER_TIMED_OUT,
                    "the packet arrived after its expiry",
                ),
                Late::Margin => Refusal::new(
                    ErrorCode::R02_INSUFFICIENT_TIMEOUT,
                    "the packet expires too soon to be forwarded in time",
                ),
            })?;
        let amount_in = prepare.amount;
        let asset = self.peers[to].asset;
        let sender = &mut self.peers[from];
        let converted = if sender.asset.code == asset.code {
            rescale(amount_in, sender.asset.scale, asset.scale)
        } else {
            Err(ConvertError::NoRate)
        };
        let amount_out = converted.map_err(|error| inconvertible(amount_in, error))?;
        if sender.in_flight_in >= sender.max_in_flight {
            return Err(busy("too many packets in flight from this peer"));
        }
        let origin = Origin::Peer {
            peer: from,
            request,
        };
        let Some(key) = self.forwarder.vacant(origin) else {
            return Err(busy("too many packets in flight in this node"));
        };
        if sender.account.reserve_incoming(amount_in).is_err() {
            let text = "the packet would take the balance above its limit";
            return Err(Refusal::new(ErrorCode::T04_INSUFFICIENT_LIQUIDITY, text));
        }
        let sent = if let Some(whole) = whole {
            self.send(now, to, key, times.expires, whole.encoded_len(), |out| {
                whole.encode_with(amount_out, expires_at, out);
            })
        } else {
            let outgoing = Prepare {
                amount: amount_out,
                expires_at,
                ..*prepare
            };
            let len = outgoing.encoded_len();
            self.send(now, to, key, times.expires, len, |out| outgoing.encode(out))
        };
        let sent = match sent {
            Ok(sent) => sent,
            Err(refusal) => {
                self.peers[from]
                    .account
                    .settle_incoming(amount_in, Outcome::Released);
                return Err(refusal);
            }
        };
        self.peers[from].in_flight_in += 1;
        let receiver = &mut self.peers[to];
        receiver.account.reserve_outgoing(amount_out);
        let flight = Flight {
            origin,
            to,
            request: sent,
            epoch: receiver.epoch,
            amount_in,
            amount_out,
            condition: prepare.condition,
            times,
            sent: now.mono,
            packet,
        };
        self.forwarder.insert(key, flight);
        self.stats.in_flight = self.forwarder.len() as u64;
        if let Some(packet) = packet {
            let next_hop = self.peers[to].config.id.clone();
            let destination = prepare.destination.to_owned();
            self.emit(Event::PacketForwarded {
                packet,
                destination,
                next_hop,
                amount: amount_out,
            });
        }
        Ok(())
    }

    /// Which neighbour a packet goes to, if it has a link.
    fn next_hop(
        &mut self,
        from: PeerIndex,
        prepare: &Prepare<'_>,
        packet: Option<PacketId>,
    ) -> Result<PeerIndex, Refusal> {
        let destination = prepare.destination;
        if self.address_pending && self.may_be_ours(from, destination) {
            return Err(Refusal::new(
                ErrorCode::T00_INTERNAL_ERROR,
                "this node does not know its own address yet",
            ));
        }
        let found = self.route(destination, Some(from));
        let route = found.map(|found| (found.next_hop, found.usable));
        if let Some(packet) = packet {
            let event = Event::RouteLookup {
                packet,
                destination: destination.to_owned(),
                matched: found.ok().map(|found| found.prefix.as_str().into()),
                next_hop: route
                    .ok()
                    .map(|(peer, _)| self.peers[peer].config.id.clone()),
            };
            self.emit(event);
        }
        match route {
            Err(why) => Err(unreachable_here(why)),
            Ok((peer, false)) => Err(unreachable(peer)),
            Ok((peer, true)) => Ok(peer),
        }
    }

    /// Whether a packet that somebody else than a child sends may be for an address below ours, while our parent has
    /// not told us which that is. By the route to the parent it would go up, and come back down.
    #[cold]
    fn may_be_ours(&self, from: PeerIndex, destination: Addr<'_>) -> bool {
        let leads_up = |hop: PeerIndex| self.peers[hop].config.relation == Relation::Parent;
        let found = self.table.lookup(destination, leads_up);
        self.peers[from].config.relation != Relation::Child
            && found.is_some_and(|found| found.usable)
    }

    /// Where a packet to `destination` goes, or why it goes nowhere.
    ///
    /// A prefix with several next hops does not send it back where it is `from`: that neighbour took a detour because
    /// its own way is down, and would send it here again. It gets it back only where no other next hop is
    /// up and none is preferred to it: as when an account of its own is meant.
    pub(super) fn route(
        &self,
        destination: Addr<'_>,
        from: Option<PeerIndex>,
    ) -> Result<Match<'_, PeerIndex>, &'static str> {
        let own = self.address.as_addr();
        match (Scope::of(destination), Scope::of(own)) {
            (Scope::Link, _) => return Err("peer addresses are for the other end of a link"),
            (Scope::Node, _) => return Err("self and local addresses do not leave a node"),
            // which network we are on is not known before our address is
            _ if self.address_pending => {}
            (Scope::Live, Scope::Test) => return Err("this node is on the test network"),
            (Scope::Test, Scope::Live) => return Err("this node is on the live network"),
            _ => {}
        }
        let usable = |peer: PeerIndex| self.peers[peer].is_usable();
        let mut found = self
            .table
            .lookup(destination, |peer| Some(peer) != from && usable(peer));
        if found.is_some_and(|found| !found.usable && Some(found.next_hop) == from) {
            found = self.table.lookup(destination, usable);
        }
        // below our own address only our children's routes count: a default route would send it in circles
        let below =
            |found: &Match<'_, PeerIndex>| found.prefix.as_str().len() > own.as_bytes().len();
        found
            .filter(|found| below(found) || !destination.is_within(self.address.as_str()))
            .ok_or("No route to destination")
    }

    /// Hands a PREPARE of `len` bytes, which `write` appends, to a neighbour's link, as the request of flight `key`, which
    /// ends when it `expires`; the request's id.
    pub(super) fn send(
        &mut self,
        now: Now,
        to: PeerIndex,
        key: FlightKey,
        expires: Instant,
        len: usize,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<u32, Refusal> {
        let peer = &mut self.peers[to];
        let Some(link) = peer.link() else {
            return Err(unreachable(to));
        };
        let Some(entry) = self.links.get_mut(link) else {
            return Err(unreachable(to));
        };
        let direction = entry.direction;
        let Some(connection) = entry.connection() else {
            return Err(unreachable(to));
        };
        let Ok(id) = peer.requests.insert(key) else {
            return Err(Refusal::named(
                ErrorCode::T03_CONNECTOR_BUSY,
                "too many packets in flight to ",
                to,
                "",
            ));
        };
        if let Err(error) = connection.request(now.mono, expires, id, len, write) {
            let _ = peer.requests.take(id.0);
            return Err(match error {
                SendError::NotOpen => unreachable(to),
                SendError::BufferFull => Refusal::named(
                    ErrorCode::T03_CONNECTOR_BUSY,
                    "the send buffer to ",
                    to,
                    " is full",
                ),
            });
        }
        peer.counters.prepares_out += 1;
        if self.packet_events {
            let event = Event::MessageSent {
                peer: peer.config.id.clone(),
                direction,
                request_id: id.0,
                packet_type: PacketType::Prepare,
            };
            self.emit(event);
        }
        self.mark_writable(link);
        Ok(id.0)
    }
}

/// Who wants an echo. Anything else that is sent to our own address has nobody to go to.
fn echo_source<'a>(prepare: &Prepare<'a>) -> Result<Addr<'a>, Refusal> {
    match EchoPacket::parse(prepare.data) {
        None => Err(unreachable_here(
            "this node takes no packets but echo requests",
        )),
        Some(Ok(EchoPacket::Request { source })) => Ok(source),
        Some(Ok(EchoPacket::Response)) => Err(Refusal::new(
            ErrorCode::F01_INVALID_PACKET,
            "an echo response to a node that asked for none",
        )),
        Some(Err(error)) => Err(Refusal::malformed(error)),
    }
}

const fn unreachable_here(text: &'static str) -> Refusal {
    Refusal::new(ErrorCode::F02_UNREACHABLE, text)
}

const fn busy(text: &'static str) -> Refusal {
    Refusal::new(ErrorCode::T03_CONNECTOR_BUSY, text)
}

const fn inconvertible(amount: u64, error: ConvertError) -> Refusal {
    match error {
        ConvertError::NoRate => Refusal::new(
            ErrorCode::T00_INTERNAL_ERROR,
            "no exchange rate between the assets of the two peers",
        ),
        ConvertError::TooSmall => {
            let text = "the amount is less than one unit of the next hop's asset";
            Refusal::new(ErrorCode::R01_INSUFFICIENT_SOURCE_AMOUNT, text)
        }
        ConvertError::TooLarge { max } => Refusal::too_large(amount, max),
    }
}
