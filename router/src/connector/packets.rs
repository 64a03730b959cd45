//! The way of a packet: in, out, and the answer back (RFC-0027).

use alloc::string::ToString;
use alloc::sync::Arc;

use btp_proto::{AnswerKind, SendError};
use ilp_proto::{
    Addr, EchoPacket, ErrorCode, Fulfill, Now, Packet, PacketId, PacketType, Prepare, Reject,
    ildcp, packet_id,
};

use super::Connector;
use super::receive::printable;
use super::takeover::unreachable;
use crate::accounts::{ConvertError, Outcome, convert};
use crate::event::{Event, Source};
use crate::forwarder::{Flight, Late, Origin, deadline, times};
use crate::peer::PeerIndex;
use crate::refusal::Refusal;

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
        let prepare = match Packet::parse(ilp) {
            Ok(Packet::Prepare(prepare)) => prepare,
            Ok(_) => {
                return self.refuse_packet(
                    now,
                    arrival,
                    Refusal::new(ErrorCode::F01_INVALID_PACKET, "not a PREPARE"),
                );
            }
            Err(error) => return self.refuse_packet(now, arrival, Refusal::malformed(error)),
        };
        if self.packet_events {
            let packet = packet_id(&prepare);
            arrival.packet = Some(packet);
            self.emit(Event::PacketReceived {
                source: Source::Peer(self.peers[from].config.id.clone()),
                packet,
                destination: prepare.destination.to_owned(),
                amount: prepare.amount,
                expires_at: prepare.expires_at,
            });
        }
        if let Err(refusal) = self.admit(now, arrival, &prepare) {
            self.refuse_packet(now, arrival, refusal);
        }
    }

    fn admit(&mut self, now: Now, arrival: Arrival, prepare: &Prepare<'_>) -> Result<(), Refusal> {
        if self.drain.is_some() {
            return Err(Refusal::new(ErrorCode::T03_CONNECTOR_BUSY, "shutting down"));
        }
        if now.wall >= prepare.expires_at {
            return Err(Refusal::new(
                ErrorCode::R00_TRANSFER_TIMED_OUT,
                "the packet arrived after its expiry",
            ));
        }
        if let Some(maximum) = self.peers[arrival.from].config.max_packet_amount
            && prepare.amount > maximum
        {
            return Err(Refusal::too_large(prepare.amount, maximum));
        }
        match prepare.destination.scheme() {
            "peer" if ildcp::is_request(prepare) => self.give_address(now, arrival, prepare),
            "peer" => Err(unreachable_here(
                "no such protocol between peers is spoken here",
            )),
            _ if prepare.destination == self.address.as_addr() => {
                let source = echo_source(prepare)?;
                if source == self.address.as_addr() || source.scheme() == "peer" {
                    return Err(Refusal::new(
                        ErrorCode::F01_INVALID_PACKET,
                        "an echo to this address makes no sense",
                    ));
                }
                self.forward(
                    now,
                    arrival,
                    &Prepare {
                        destination: source,
                        data: ECHO_RESPONSE,
                        ..*prepare
                    },
                )
            }
            _ => self.forward(now, arrival, prepare),
        }
    }

    fn forward(
        &mut self,
        now: Now,
        arrival: Arrival,
        prepare: &Prepare<'_>,
    ) -> Result<(), Refusal> {
        let Arrival {
            from,
            request,
            packet,
        } = arrival;
        let to = self.next_hop(prepare, packet)?;
        let times = times(now, prepare.expires_at, &self.timeouts).map_err(|late| match late {
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
        let amount_out = convert(
            amount_in,
            &self.peers[from].config.asset,
            &self.peers[to].config.asset,
        )
        .map_err(|error| inconvertible(amount_in, error))?;
        if self.peers[from].in_flight_in >= self.peers[from].config.max_in_flight {
            return Err(busy("too many packets in flight from this peer"));
        }
        let Some(key) = self.forwarder.vacant() else {
            return Err(busy("too many packets in flight in this node"));
        };
        if self.peers[from]
            .account
            .reserve_incoming(amount_in)
            .is_err()
        {
            let text = "the packet would take the balance above its limit";
            return Err(Refusal::new(ErrorCode::T04_INSUFFICIENT_LIQUIDITY, text));
        }
        let outgoing = Prepare {
            amount: amount_out,
            expires_at: times.outgoing,
            ..*prepare
        };
        let sent = match self.send(to, key, &outgoing) {
            Ok(sent) => sent,
            Err(refusal) => {
                self.peers[from]
                    .account
                    .settle_incoming(amount_in, Outcome::Released);
                return Err(refusal);
            }
        };
        self.peers[from].in_flight_in += 1;
        self.peers[to].account.reserve_outgoing(amount_out);
        let flight = Flight {
            origin: Origin::Peer {
                peer: from,
                request,
            },
            to,
            request: sent,
            epoch: self.peers[to].epoch,
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
        prepare: &Prepare<'_>,
        packet: Option<PacketId>,
    ) -> Result<PeerIndex, Refusal> {
        let destination = prepare.destination;
        let own = self.address.as_str();
        match (destination.scheme(), self.address.as_addr().scheme()) {
            ("self" | "local", _) => {
                return Err(unreachable_here(
                    "self and local addresses do not leave a node",
                ));
            }
            ("g", here) if here.starts_with("test") => {
                return Err(unreachable_here("this node is on the test network"));
            }
            (there, "g") if there.starts_with("test") => {
                return Err(unreachable_here("this node is on the live network"));
            }
            _ => {}
        }
        let peers = &self.peers;
        let found = self.table.lookup(destination, |peer| peers[peer].is_up());
        // below our own address only our children's routes count: a default route would send it in circles
        let found = found
            .filter(|found| found.prefix.as_str().len() > own.len() || !destination.is_within(own));
        let route = found.as_ref().map(|found| (found.next_hop, found.usable));
        if let Some(packet) = packet {
            let matched: Option<Arc<str>> = found.map(|found| found.prefix.as_str().into());
            let next_hop = route.map(|(peer, _)| self.peers[peer].config.id.clone());
            self.emit(Event::RouteLookup {
                packet,
                destination: destination.to_owned(),
                matched,
                next_hop,
            });
        }
        match route {
            None => Err(unreachable_here("No route to destination")),
            Some((peer, false)) => Err(unreachable(peer)),
            Some((peer, true)) => Ok(peer),
        }
    }

    /// Hands a PREPARE to a neighbour's link, as the request of flight `key`; the request's id.
    pub(super) fn send(
        &mut self,
        to: PeerIndex,
        key: u32,
        prepare: &Prepare<'_>,
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
        if let Err(error) = connection.request(id, prepare.encoded_len(), |out| prepare.encode(out))
        {
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

    /// A neighbour answers: a FULFILL, a REJECT, or bytes that are neither.
    pub(super) fn take_answer(&mut self, now: Now, from: PeerIndex, request: u32, ilp: &[u8]) {
        let Some(flight) = self.land(from, request) else {
            self.peers[from].counters.late_answers += 1;
            let packet_type = PacketType::peek(ilp).unwrap_or(PacketType::Reject);
            let peer = self.peers[from].config.id.clone();
            return self.emit(Event::LateAnswer {
                peer,
                request_id: request,
                packet_type,
            });
        };
        match Packet::parse(ilp) {
            Ok(Packet::Fulfill(fulfill)) => self.take_fulfill(now, flight, &fulfill),
            Ok(Packet::Reject(reject)) => {
                self.peers[from].counters.rejects_in += 1;
                self.stats
                    .hop_time
                    .record(now.mono.saturating_duration_since(flight.sent));
                self.relay_reject(now, flight, &reject);
            }
            Ok(Packet::Prepare(_)) => self.bad_answer(now, flight, "answered with a PREPARE"),
            Err(error) => {
                let what = alloc::format!("answered with an unreadable packet: {error}");
                self.bad_answer(now, flight, &what);
            }
        }
    }

    fn take_fulfill(&mut self, now: Now, flight: Flight, fulfill: &Fulfill<'_>) {
        let from = flight.to;
        if now.mono >= flight.times.expires {
            // the books were closed at the expiry; the wheel is just not there yet
            self.peers[from].counters.late_answers += 1;
            let peer = self.peers[from].config.id.clone();
            self.emit(Event::LateAnswer {
                peer,
                request_id: flight.request,
                packet_type: PacketType::Fulfill,
            });
            return self.expire_flight(now, flight);
        }
        if !fulfill.fulfillment.fulfills(&flight.condition) {
            self.peers[from].counters.bad_fulfillments += 1;
            let peer = self.peers[from].config.id.clone();
            self.emit(Event::BadFulfillment {
                peer,
                packet: flight.packet,
                request_id: flight.request,
            });
            let text = " answered with a fulfillment that does not fulfill the condition";
            return self.fail_flight(
                now,
                flight,
                Refusal::named(ErrorCode::F05_WRONG_CONDITION, "", from, text),
            );
        }
        self.peers[from].counters.fulfills_in += 1;
        self.stats
            .hop_time
            .record(now.mono.saturating_duration_since(flight.sent));
        self.settle(&flight, Outcome::Fulfilled);
        match flight.origin {
            Origin::Ildcp => self.take_address(now, from, fulfill),
            Origin::Peer { peer, request } => {
                self.peers[peer].counters.fulfills_out += 1;
                let answers = &mut self.peers[peer].answers;
                answers.respond(
                    AnswerKind::Fulfill,
                    flight.times.answer_by,
                    request,
                    fulfill.encoded_len(),
                    |out| {
                        fulfill.encode(out);
                    },
                );
                self.report_answer(now, &flight, Source::Peer, None, b"");
                self.report_sent(peer, request, PacketType::Fulfill);
                self.answer_queued(now, peer);
            }
        }
        self.continue_drain(now);
    }

    /// Passes a neighbour's REJECT on as it is.
    fn relay_reject(&mut self, now: Now, flight: Flight, reject: &Reject<'_>) {
        self.settle(&flight, Outcome::Released);
        match flight.origin {
            Origin::Ildcp => {
                let said = alloc::format!("{} {}", reject.code, printable(reject.message));
                self.address_refused(now, flight.to, said);
            }
            Origin::Peer { peer, request } => {
                self.report_answer(
                    now,
                    &flight,
                    Source::Peer,
                    Some(reject.code),
                    reject.message,
                );
                self.respond_reject(now, peer, request, flight.times.answer_by, reject);
            }
        }
        self.continue_drain(now);
    }

    /// A neighbour answered with a BTP ERROR, or without a packet.
    pub(super) fn take_failure(
        &mut self,
        now: Now,
        from: PeerIndex,
        request: u32,
        code: [u8; 3],
        name: &str,
        data: &[u8],
    ) {
        let code = printable(&code);
        let (name, data) = (printable(name.as_bytes()), printable(data));
        match self.land(from, request) {
            Some(flight) => {
                let what = alloc::format!("answered with BTP error {code} {name}: {data}");
                self.bad_answer(now, flight, what.trim_end_matches(": "));
            }
            None => self.peers[from].counters.late_answers += 1,
        }
    }

    fn bad_answer(&mut self, now: Now, flight: Flight, what: &str) {
        let from = flight.to;
        self.peers[from].counters.btp_errors += 1;
        let peer = self.peers[from].config.id.clone();
        self.emit(Event::BtpError {
            peer,
            error_type: "message",
            message: what.to_string(),
        });
        let text = " did not answer with an ILP packet";
        self.fail_flight(
            now,
            flight,
            Refusal::named(ErrorCode::T01_PEER_UNREACHABLE, "", from, text),
        );
    }

    /// Takes the flight of one of our requests out, if it still is in flight.
    fn land(&mut self, to: PeerIndex, request: u32) -> Option<Flight> {
        let key = self.peers[to].requests.take(request)?;
        let flight = self.forwarder.remove(key);
        debug_assert!(flight.is_some(), "a request without a flight");
        flight
    }

    /// A request of ours will not be answered.
    pub(super) fn fail_request(&mut self, now: Now, to: PeerIndex, request: u32, refusal: Refusal) {
        if let Some(flight) = self.land(to, request) {
            self.fail_flight(now, flight, refusal);
        }
    }

    /// The time of a flight is over, and it has been taken out of the forwarder.
    pub(super) fn expire_flight(&mut self, now: Now, flight: Flight) {
        let peer = &mut self.peers[flight.to];
        let _ = peer.requests.take(flight.request);
        peer.counters.expired += 1;
        let refusal = if peer.epoch == flight.epoch && peer.is_up() {
            Refusal::named(
                ErrorCode::R00_TRANSFER_TIMED_OUT,
                "no answer in time from ",
                flight.to,
                "",
            )
        } else {
            unreachable(flight.to)
        };
        self.fail_flight(now, flight, refusal);
    }

    /// Ends a flight with a REJECT of our own.
    fn fail_flight(&mut self, now: Now, flight: Flight, refusal: Refusal) {
        self.settle(&flight, Outcome::Released);
        match flight.origin {
            Origin::Ildcp => {
                refusal.write_message(&self.peers, &mut self.text);
                let said = alloc::format!("{} {}", refusal.code, self.text);
                self.address_refused(now, flight.to, said);
            }
            Origin::Peer { peer, request } => {
                self.reject(
                    now,
                    peer,
                    request,
                    flight.times.answer_by,
                    refusal,
                    Some(&flight),
                );
            }
        }
        self.continue_drain(now);
    }

    /// Closes the books on a flight, once.
    fn settle(&mut self, flight: &Flight, outcome: Outcome) {
        self.stats.in_flight = self.forwarder.len() as u64;
        if let Origin::Peer { peer, .. } = flight.origin {
            self.peers[peer]
                .account
                .settle_incoming(flight.amount_in, outcome);
            self.peers[peer].in_flight_in -= 1;
            self.peers[flight.to]
                .account
                .settle_outgoing(flight.amount_out, outcome);
        }
    }

    /// Answers a PREPARE that did not get far enough to have a flight.
    fn refuse_packet(&mut self, now: Now, arrival: Arrival, refusal: Refusal) {
        let Arrival {
            from,
            request,
            packet,
        } = arrival;
        if let Some(packet) = packet {
            refusal.write_message(&self.peers, &mut self.text);
            let event = Event::PacketAnswered {
                packet,
                to: Source::Peer(self.peers[from].config.id.clone()),
                from: Source::Local,
                code: Some(refusal.code),
                message: self.text.clone(),
                took: core::time::Duration::ZERO,
            };
            self.emit(event);
        }
        let until = now.mono + self.timeouts.max_hold;
        self.reject(now, from, request, until, refusal, None);
    }

    fn reject(
        &mut self,
        now: Now,
        to: PeerIndex,
        request: u32,
        until: ilp_proto::Instant,
        refusal: Refusal,
        flight: Option<&Flight>,
    ) {
        *self.stats.own_rejects.entry(refusal.code).or_default() += 1;
        let mut text = core::mem::take(&mut self.text);
        refusal.write_message(&self.peers, &mut text);
        let own = self.address.clone();
        refusal.with_packet(own.as_addr(), &text, |packet| {
            if let Some(flight) = flight {
                self.report_answer(
                    now,
                    flight,
                    |_| Source::Local,
                    Some(packet.code),
                    packet.message,
                );
            }
            self.respond_reject(now, to, request, until, packet);
        });
        self.text = text;
    }

    fn respond_reject(
        &mut self,
        now: Now,
        to: PeerIndex,
        request: u32,
        until: ilp_proto::Instant,
        reject: &Reject<'_>,
    ) {
        // a peer that waits a little longer than its packet lives still learns how it ended
        let until = until.max(now.mono + self.timeouts.expiry_margin);
        let own = self.address.as_addr();
        // some peers cannot read a REJECT without triggeredBy
        let reject = Reject {
            triggered_by: reject.triggered_by.or(Some(own)),
            ..*reject
        };
        let peer = &mut self.peers[to];
        peer.counters.rejects_out += 1;
        peer.answers.respond(
            AnswerKind::Reject,
            until,
            request,
            reject.encoded_len(),
            |out| reject.encode(out),
        );
        self.report_sent(to, request, PacketType::Reject);
        self.answer_queued(now, to);
    }

    /// Fulfils a PREPARE ourselves: protocols between peers.
    pub(super) fn respond_fulfill(
        &mut self,
        now: Now,
        arrival: Arrival,
        prepare: &Prepare<'_>,
        fulfill: &Fulfill<'_>,
    ) {
        let Arrival {
            from,
            request,
            packet,
        } = arrival;
        let until = deadline(now, prepare.expires_at);
        let peer = &mut self.peers[from];
        peer.counters.fulfills_out += 1;
        peer.answers.respond(
            AnswerKind::Fulfill,
            until,
            request,
            fulfill.encoded_len(),
            |out| fulfill.encode(out),
        );
        if let Some(packet) = packet {
            let to = Source::Peer(peer.config.id.clone());
            let took = core::time::Duration::ZERO;
            let message = alloc::string::String::new();
            self.emit(Event::PacketAnswered {
                packet,
                to,
                from: Source::Local,
                code: None,
                message,
                took,
            });
        }
        self.report_sent(from, request, PacketType::Fulfill);
        self.answer_queued(now, from);
    }

    fn report_answer(
        &mut self,
        now: Now,
        flight: &Flight,
        source: impl FnOnce(crate::config::PeerId) -> Source,
        code: Option<ErrorCode>,
        message: &[u8],
    ) {
        let (Some(packet), Origin::Peer { peer, .. }) = (flight.packet, flight.origin) else {
            return;
        };
        let event = Event::PacketAnswered {
            packet,
            to: Source::Peer(self.peers[peer].config.id.clone()),
            from: source(self.peers[flight.to].config.id.clone()),
            code,
            message: printable(message),
            took: now.mono.saturating_duration_since(flight.sent),
        };
        self.emit(event);
    }

    fn report_sent(&mut self, to: PeerIndex, request_id: u32, packet_type: PacketType) {
        if !self.packet_events {
            return;
        }
        if let Some(direction) = self.peers[to]
            .current
            .as_ref()
            .map(|current| current.direction)
        {
            let peer = self.peers[to].config.id.clone();
            self.emit(Event::MessageSent {
                peer,
                direction,
                request_id,
                packet_type,
            });
        }
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
