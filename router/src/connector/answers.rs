//! The way of an answer back, and the end of every flight (RFC-0027).

use alloc::string::String;
use core::time::Duration;

use btp_proto::{AnswerKind, ilp_frame_len};
use ilp_proto::{ErrorCode, Fulfill, Instant, Now, Packet, PacketType, Prepare, Reject};

use super::Connector;
use super::packets::Arrival;
use super::receive::{MAX_TEXT, printable};
use super::takeover::unreachable;
use crate::accounts::Outcome;
use crate::config::PeerId;
use crate::event::{Event, Source};
use crate::forwarder::{Flight, Origin, deadline};
use crate::peer::PeerIndex;
use crate::refusal::Refusal;

impl Connector {
    /// A neighbour answers: a FULFILL, a REJECT, or bytes that are neither.
    pub(super) fn take_answer(&mut self, now: Now, from: PeerIndex, request: u32, ilp: &[u8]) {
        let landed = self.land(from, request);
        let Some(flight) = &landed else {
            self.peers[from].counters.late_answers += 1;
            let packet_type = PacketType::peek(ilp).unwrap_or(PacketType::Reject);
            let peer = self.peers[from].config.id.clone();
            let event = Event::LateAnswer {
                peer,
                request_id: request,
                packet_type,
            };
            self.complain(Some(from), event);
            return;
        };
        match &Packet::parse(ilp) {
            Ok(Packet::Fulfill(fulfill)) => self.take_fulfill(now, flight, fulfill, ilp),
            Ok(Packet::Reject(reject)) => {
                self.peers[from].counters.rejects_in += 1;
                self.stats
                    .hop_time
                    .record(now.mono.saturating_duration_since(flight.sent));
                self.relay_reject(now, flight, reject);
            }
            Ok(Packet::Prepare(_)) => self.bad_answer(now, flight, "answered with a PREPARE"),
            Err(error) => {
                let what = alloc::format!("answered with an unreadable packet: {error}");
                self.bad_answer(now, flight, &what);
            }
        }
    }

    /// `ilp` is what the FULFILL was read from.
    fn take_fulfill(&mut self, now: Now, flight: &Flight, fulfill: &Fulfill<'_>, ilp: &[u8]) {
        let from = flight.to;
        if now.mono >= flight.times.expires {
            // the books were closed at the expiry; the wheel is just not there yet
            self.peers[from].counters.late_answers += 1;
            let peer = self.peers[from].config.id.clone();
            let event = Event::LateAnswer {
                peer,
                request_id: flight.request,
                packet_type: PacketType::Fulfill,
            };
            self.complain(Some(from), event);
            return self.expire_flight(now, flight);
        }
        if !fulfill.fulfillment.fulfills(&flight.condition) {
            self.peers[from].counters.bad_fulfillments += 1;
            let peer = self.peers[from].config.id.clone();
            let event = Event::BadFulfillment {
                peer,
                packet: flight.packet,
                request_id: flight.request,
            };
            self.complain(Some(from), event);
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
        self.settle(flight, Outcome::Fulfilled);
        match flight.origin {
            Origin::Ildcp => self.take_address(now, from, fulfill),
            Origin::Peer { peer, request } => {
                self.peers[peer].counters.fulfills_out += 1;
                let kind = match flight.amount_in {
                    // as in `respond_fulfill`
                    0 => AnswerKind::Other,
                    amount => AnswerKind::Fulfill { amount },
                };
                let len = fulfill.encoded_len();
                let answers = &mut self.peers[peer].answers;
                answers.respond(kind, flight.times.answer_by, request, len, |out| {
                    // lengths are read in no other form than the canonical one, so as many bytes are the same bytes
                    if ilp.len() == len {
                        out.extend_from_slice(ilp);
                    } else {
                        fulfill.encode(out);
                    }
                });
                self.report_answer(now, flight, Source::Peer, None, b"");
                self.report_sent(peer, request, PacketType::Fulfill);
                self.answer_queued(now, peer);
            }
        }
        self.continue_drain(now);
    }

    /// Passes a neighbour's REJECT on as it is.
    fn relay_reject(&mut self, now: Now, flight: &Flight, reject: &Reject<'_>) {
        self.settle(flight, Outcome::Released);
        match flight.origin {
            Origin::Ildcp => {
                let message = self.words(flight.to, reject.message);
                let said = alloc::format!("{} {message}", reject.code);
                self.question_failed(now, flight, said);
            }
            Origin::Peer { peer, request } => {
                self.report_answer(now, flight, Source::Peer, Some(reject.code), reject.message);
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
        let (code, name) = (self.words(from, &code), self.words(from, name.as_bytes()));
        let data = self.words(from, data);
        match self.land(from, request) {
            Some(flight) => {
                let what = alloc::format!("answered with BTP error {code} {name}: {data}");
                self.bad_answer(now, &flight, what.trim_end_matches(": "));
            }
            None => self.peers[from].counters.late_answers += 1,
        }
    }

    /// What a peer says, for a log.
    fn words(&self, of: PeerIndex, said: &[u8]) -> String {
        printable(said, self.peers[of].config.secret.as_ref())
    }

    fn bad_answer(&mut self, now: Now, flight: &Flight, what: &str) {
        let from = flight.to;
        self.peers[from].counters.btp_errors += 1;
        let peer = self.peers[from].config.id.clone();
        let event = Event::BtpError {
            peer,
            error_type: "message",
            message: what.chars().take(MAX_TEXT).collect(),
        };
        self.complain(Some(from), event);
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
            self.fail_flight(now, &flight, refusal);
        }
    }

    /// The time of a flight is over, and it has been taken out of the forwarder.
    pub(super) fn expire_flight(&mut self, now: Now, flight: &Flight) {
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
    fn fail_flight(&mut self, now: Now, flight: &Flight, refusal: Refusal) {
        self.settle(flight, Outcome::Released);
        match flight.origin {
            Origin::Ildcp => {
                refusal.write_message(&self.peers, &mut self.text);
                let said = alloc::format!("{} {}", refusal.code, self.text);
                self.question_failed(now, flight, said);
            }
            Origin::Peer { peer, request } => {
                self.reject(
                    now,
                    peer,
                    request,
                    flight.times.answer_by,
                    refusal,
                    Some(flight),
                );
            }
        }
        self.continue_drain(now);
    }

    /// Closes the books on a flight, once.
    fn settle(&mut self, flight: &Flight, outcome: Outcome) {
        self.stats.in_flight = self.forwarder.len() as u64;
        if let Origin::Peer { peer, .. } = flight.origin {
            let sender = &mut self.peers[peer];
            sender.account.settle_incoming(flight.amount_in, outcome);
            sender.in_flight_in -= 1;
            self.peers[flight.to]
                .account
                .settle_outgoing(flight.amount_out, outcome);
        }
    }

    /// Answers a PREPARE that did not get far enough to have a flight.
    pub(super) fn refuse_packet(&mut self, now: Now, arrival: Arrival, refusal: Refusal) {
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
                took: Duration::ZERO,
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
        until: Instant,
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
        until: Instant,
        reject: &Reject<'_>,
    ) {
        // a peer that waits a little longer than its packet lives still learns how it ended
        let until = until.max(now.mono + self.timeouts.expiry_margin);
        let own = self.address.as_addr();
        // some peers cannot read a REJECT without triggeredBy; but nothing may grow beyond what they take
        let named = Reject {
            triggered_by: reject.triggered_by.or(Some(own)),
            ..*reject
        };
        let fits = ilp_frame_len(named.encoded_len()) <= self.limits.max_message;
        let reject = if fits { named } else { *reject };
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
        // no money rests on it: that it is lost must not look as if
        peer.answers.respond(
            AnswerKind::Other,
            until,
            request,
            fulfill.encoded_len(),
            |out| fulfill.encode(out),
        );
        if let Some(packet) = packet {
            let to = Source::Peer(peer.config.id.clone());
            let took = Duration::ZERO;
            let message = String::new();
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

    #[inline]
    fn report_answer(
        &mut self,
        now: Now,
        flight: &Flight,
        source: impl FnOnce(PeerId) -> Source,
        code: Option<ErrorCode>,
        message: &[u8],
    ) {
        // nobody wants to know: what follows stays out of the way of packets
        if flight.packet.is_some() {
            self.emit_answer(now, flight, source, code, message);
        }
    }

    #[cold]
    fn emit_answer(
        &mut self,
        now: Now,
        flight: &Flight,
        source: impl FnOnce(PeerId) -> Source,
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
            message: self.words(flight.to, message),
            took: now.mono.saturating_duration_since(flight.sent),
        };
        self.emit(event);
    }

    #[inline]
    fn report_sent(&mut self, to: PeerIndex, request_id: u32, packet_type: PacketType) {
        if self.packet_events {
            self.emit_sent(to, request_id, packet_type);
        }
    }

    #[cold]
    fn emit_sent(&mut self, to: PeerIndex, request_id: u32, packet_type: PacketType) {
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
