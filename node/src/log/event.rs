//! Every event of the connector and the lines it becomes: name, level, fields.
//!
//! Read it as a table. Links that others opened to us have events of their own names, and so have links that we
//! opened. Lines per packet are of the level that the node's settings give them.
//!
//! An error has one line, whose `errorType` says of which family it is:
//!
//! | `errorType` | events |
//! |---|---|
//! | `connection` | `btp_connection_error` |
//! | `authentication` | `btp_auth_failed`, `btp_auth` that is no success |
//! | `message` | `btp_error` |

#[cfg(test)]
mod tests;

use std::fmt;

use ilp_proto::PacketType;
use ilp_router::{Direction, Event, PeerId, Source};
use log::Level::{self, Debug, Error, Info, Warn};

use super::line::Field::{self, Bool, Null, Number, Shown, Text};
use super::line::component::{CLIENT, FORWARDER, NODE, SERVER};
use super::line::{Fields, Line};

/// Hands the lines of `event` to `emit`. `per_packet` is the level of per-packet lines.
#[rustfmt::skip] // a table: name, level and sentence of an event in one row
pub(crate) fn describe(event: &Event, per_packet: Level, emit: &mut dyn FnMut(Line<'_>)) {
    let mut line = |level, component, event, msg: fmt::Arguments<'_>, fields: &Fields<'_>| {
        emit(Line { level, component, event, msg, packet: None, fields });
    };
    match event {
        // Links that we open
        Event::Dialing { peer, url } => line(
            Info, CLIENT, "btp_connection_attempt", format_args!("connecting to {peer}"),
            &[("peerId", id(peer)), ("url", Text(url))],
        ),
        Event::DialFailed { peer, error } => line(
            Warn, CLIENT, "btp_connection_error", format_args!("could not connect to {peer}"),
            &[("peerId", id(peer)), ("errorType", Text("connection")), ("error", Text(error))],
        ),
        Event::AuthSent { peer } => line(
            Info, CLIENT, "btp_auth_attempt", format_args!("authenticating with {peer}"),
            &[("peerId", id(peer))],
        ),
        Event::AuthAccepted { peer } => line(
            Info, CLIENT, "btp_auth_success", format_args!("{peer} took our authentication"),
            &[("peerId", id(peer))],
        ),
        Event::AuthFailed { peer, reason } => line(
            Error, CLIENT, "btp_auth_failed", format_args!("{peer} did not take our authentication"),
            &[("peerId", id(peer)), ("errorType", Text("authentication")), ("reason", Text(reason))],
        ),
        Event::RetryScheduled { peer, attempt, delay } => line(
            Warn, CLIENT, "btp_retry", format_args!("will try {peer} again"),
            &[("peerId", id(peer)), ("retryCount", Number((*attempt).into())), ("backoffMs", millis(*delay))],
        ),
        Event::RetriesExhausted { peer, attempts, pause } => line(
            Error, CLIENT, "btp_max_retries", format_args!("{peer} cannot be reached; a pause, then from the start"),
            &[("peerId", id(peer)), ("retryCount", Number((*attempts).into())), ("pauseMs", millis(*pause))],
        ),

        // Links that are opened to us
        Event::Accepted { remote } => line(
            Debug, SERVER, "btp_accepted", format_args!("a connection came in"),
            &[("remoteAddress", Shown(remote))],
        ),
        Event::Refused { remote, reason } => line(
            Warn, SERVER, "btp_connection_refused", format_args!("a connection was not taken"),
            &[("remoteAddress", Shown(remote)), ("reason", Text(reason))],
        ),
        Event::HandshakeFailed { remote, reason } => line(
            Debug, SERVER, "btp_handshake_failed", format_args!("a connection ended before it said whose it is"),
            &[("remoteAddress", Shown(remote)), ("reason", Text(reason))],
        ),
        Event::AuthGranted { peer, remote } => {
            line(
                Info, SERVER, "btp_connection", format_args!("{peer} opened a connection"),
                &[("peerId", id(peer)), ("remoteAddress", Shown(remote))],
            );
            line(
                Info, SERVER, "btp_auth", format_args!("{peer} authenticated"),
                &[("peerId", id(peer)), ("success", Bool(true))],
            );
        }
        Event::AuthDenied { claimed, remote, reason } => line(
            Warn, SERVER, "btp_auth", format_args!("authentication refused"),
            &[
                ("peerId", claimed.as_deref().map_or(Null, Text)),
                ("success", Bool(false)),
                ("errorType", Text("authentication")),
                ("reason", Text(reason)),
                ("remoteAddress", Shown(remote)),
            ],
        ),

        // Links of either kind
        Event::Connected { peer, direction: Direction::Dialed, remote } => {
            line(
                Info, CLIENT, "btp_connected", format_args!("connected to {peer}"),
                &[("peerId", id(peer)), ("url", Text(remote))],
            );
            line(Info, CLIENT, "btp_client_connected", format_args!("{peer} is usable"), &[("peerId", id(peer))]);
        }
        Event::Connected { peer, direction: Direction::Accepted, remote } => line(
            Info, SERVER, "btp_server_peer_connected", format_args!("{peer} is usable"),
            &[("peerId", id(peer)), ("remoteAddress", Text(remote))],
        ),
        Event::Disconnected { peer, direction: Direction::Dialed, reason } => {
            line(
                Info, CLIENT, "btp_disconnected", format_args!("the connection to {peer} ended"),
                &[("peerId", id(peer)), ("reason", Text(reason))],
            );
            line(
                Info, CLIENT, "btp_client_disconnected", format_args!("{peer} is not usable"),
                &[("peerId", id(peer)), ("reason", Text(reason))],
            );
        }
        Event::Disconnected { peer, direction: Direction::Accepted, reason } => {
            line(
                Info, SERVER, "btp_disconnect", format_args!("the connection of {peer} ended"),
                &[("peerId", id(peer)), ("reason", Text(reason))],
            );
            line(Info, SERVER, "btp_server_peer_disconnected", format_args!("{peer} is not usable"), &[("peerId", id(peer))]);
        }
        Event::Replaced { peer, direction, remote, reason } => {
            let (component, name) = match direction {
                Direction::Dialed => (CLIENT, "btp_disconnected"),
                Direction::Accepted => (SERVER, "btp_disconnect"),
            };
            line(
                Info, NODE, "btp_link_replaced", format_args!("one of two connections with {peer} is given up"),
                &[("peerId", id(peer)), ("remote", Text(remote)), ("reason", Text(reason))],
            );
            line(
                Info, component, name, format_args!("a connection with {peer} ended, another is in use"),
                &[("peerId", id(peer)), ("reason", Shown(&format_args!("replaced: {reason}")))],
            );
        }
        Event::PingSent { peer } => line(
            Debug, NODE, "btp_ping_sent", format_args!("pinged {peer}"),
            &[("peerId", id(peer))],
        ),
        Event::PongTimeout { peer } => line(
            Warn, NODE, "btp_pong_timeout", format_args!("{peer} did not answer a ping"),
            &[("peerId", id(peer))],
        ),
        Event::Stalled { peer, bytes } => line(
            Warn, NODE, "btp_stalled", format_args!("{peer} does not read its answers"),
            &[("peerId", id(peer)), ("bytes", count(*bytes))],
        ),

        // What peers do wrong
        Event::Unreadable { peer, error, len } => line(
            Error, NODE, "btp_error", format_args!("a message is no BTP"),
            &[
                ("peerId", maybe(peer.as_ref())),
                ("errorType", Text("message")),
                ("message", Shown(error)),
                ("field", Text(error.field)),
                ("offset", count(error.offset)),
                ("bytes", count(*len)),
            ],
        ),
        Event::TextMessage { peer } => line(
            Error, NODE, "btp_error", format_args!("a message is no BTP"),
            &[("peerId", maybe(peer.as_ref())), ("errorType", Text("message")), ("message", Text("a text message"))],
        ),
        Event::Unacceptable { peer, request_id, why } => line(
            Error, NODE, "btp_error", format_args!("a request of {peer} cannot be taken"),
            &[
                ("peerId", id(peer)),
                ("errorType", Text("message")),
                ("message", Text(why)),
                ("requestId", Number((*request_id).into())),
            ],
        ),
        Event::Malformed { peer, request_id, error } => line(
            Error, NODE, "btp_error", format_args!("a request of {peer} holds no ILP packet"),
            &[
                ("peerId", id(peer)),
                ("errorType", Text("message")),
                ("message", Shown(error)),
                ("field", Text(error.field)),
                ("offset", count(error.offset)),
                ("requestId", Number((*request_id).into())),
            ],
        ),
        Event::BtpError { peer, error_type, message } => line(
            Error, NODE, "btp_error", format_args!("{peer} did not answer a request with a packet"),
            &[("peerId", id(peer)), ("errorType", Text(error_type)), ("message", Text(message))],
        ),
        Event::BadFulfillment { peer, request_id, packet } => emit(Line {
            packet: *packet,
            level: Error, component: FORWARDER, event: "bad_fulfillment",
            msg: format_args!("{peer} fulfilled with a wrong preimage"),
            fields: &[("peerId", id(peer)), ("requestId", Number((*request_id).into()))],
        }),
        Event::LateAnswer { peer, request_id, packet_type } => line(
            if *packet_type == PacketType::Fulfill { Warn } else { Debug },
            FORWARDER, "late_answer", format_args!("{peer} answered nothing that is in flight"),
            &[("peerId", id(peer)), ("requestId", Number((*request_id).into())), ("packetType", kind(*packet_type))],
        ),
        Event::AnswersDropped { peer, fulfills, amount, rejects } => line(
            if *fulfills > 0 { Error } else { Warn },
            FORWARDER, "answers_dropped", format_args!("answers to {peer} could not be delivered"),
            &[("peerId", id(peer)), ("fulfills", Number(*fulfills)), ("amount", Shown(amount)), ("rejects", Number(*rejects))],
        ),

        // Messages
        Event::MessageReceived { peer, direction, request_id, packet_type } => line(
            per_packet, side(*direction), "btp_message_received", format_args!("a message from {peer}"),
            &[
                ("peerId", id(peer)),
                ("requestId", Number((*request_id).into())),
                ("messageType", message_type(*packet_type)),
                ("packetType", kind(*packet_type)),
            ],
        ),
        Event::MessageSent { peer, direction: Direction::Accepted, request_id, packet_type }
            if *packet_type != PacketType::Prepare => line(
            per_packet, SERVER, "btp_response_sent", format_args!("an answer to {peer}"),
            &[
                ("peerId", id(peer)),
                ("requestId", Number((*request_id).into())),
                ("messageType", message_type(*packet_type)),
                ("responseType", kind(*packet_type)),
            ],
        ),
        Event::MessageSent { peer, direction, request_id, packet_type } => line(
            per_packet, side(*direction), "btp_message_sent", format_args!("a message to {peer}"),
            &[
                ("peerId", id(peer)),
                ("requestId", Number((*request_id).into())),
                ("messageType", message_type(*packet_type)),
                ("packetType", kind(*packet_type)),
            ],
        ),

        // Packets
        Event::PacketReceived { source, packet, destination, amount, expires_at } => emit(Line {
            packet: Some(*packet),
            level: per_packet, component: FORWARDER, event: "packet_received",
            msg: format_args!("a packet for {destination}"),
            fields: &[
                ("source", match source { Source::Peer(_) => Text("btp"), Source::Local => Text("local") }),
                ("peerId", peer_of(source)),
                ("destination", Shown(destination)),
                ("amount", Shown(amount)),
                ("expiresAt", Shown(expires_at)),
            ],
        }),
        Event::RouteLookup { packet, destination, matched, next_hop } => emit(Line {
            packet: Some(*packet),
            level: per_packet, component: FORWARDER, event: "route_lookup",
            msg: format_args!("asked the routing table"),
            fields: &[
                ("destination", Shown(destination)),
                ("nextHop", maybe(next_hop.as_ref())),
                ("matched", matched.as_deref().map_or(Null, Text)),
            ],
        }),
        Event::PacketForwarded { packet, destination, next_hop, amount } => {
            emit(Line {
                packet: Some(*packet),
                level: per_packet, component: CLIENT, event: "btp_forward",
                msg: format_args!("handed to {next_hop}"),
                fields: &[("peerId", id(next_hop)), ("destination", Shown(destination))],
            });
            emit(Line {
                packet: Some(*packet),
                level: per_packet, component: FORWARDER, event: "packet_forwarded",
                msg: format_args!("forwarded to {next_hop}"),
                fields: &[
                    ("destination", Shown(destination)),
                    ("nextHop", id(next_hop)),
                    ("amount", Shown(amount)),
                ],
            });
        }
        Event::PacketAnswered { packet, to, from, code, message, took } => {
            let took = Number(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            let mut answered = |msg: fmt::Arguments<'_>, fields: &Fields<'_>| {
                emit(Line {
                    packet: Some(*packet),
                    level: per_packet, component: FORWARDER, event: "packet_response", msg, fields,
                });
            };
            match code {
                None => answered(format_args!("fulfilled"), &[
                    ("responseType", Text("FULFILL")),
                    ("peerId", peer_of(to)),
                    ("answeredBy", peer_of(from)),
                    ("durationUs", took),
                ]),
                Some(code) => answered(format_args!("rejected with {code}"), &[
                    ("responseType", Text("REJECT")),
                    ("code", Shown(code)),
                    ("message", Text(message)),
                    ("peerId", peer_of(to)),
                    ("answeredBy", peer_of(from)),
                    ("durationUs", took),
                ]),
            }
        }

        // The node
        Event::AddressLearned { parent, address } => line(
            Info, NODE, "ildcp_address", format_args!("{parent} gave us an address"),
            &[("peerId", id(parent)), ("address", Shown(address))],
        ),
        Event::AddressRefused { parent, reason } => line(
            Warn, NODE, "ildcp_failed", format_args!("{parent} gave us no address"),
            &[("peerId", id(parent)), ("reason", Text(reason))],
        ),
        Event::Draining { in_flight, connected, accepted } => {
            line(
                Info, NODE, "connector_draining", format_args!("no new packets; those in flight may finish"),
                &[("inFlight", count(*in_flight)), ("connectedPeers", count(*connected))],
            );
            line(
                Info, SERVER, "btp_server_shutdown", format_args!("connections will be closed"),
                &[("activeConnections", count(*accepted))],
            );
        }
        Event::Drained { unanswered } => line(
            if *unanswered > 0 { Warn } else { Info },
            NODE, "connector_drained", format_args!("closing all connections"),
            &[("unanswered", count(*unanswered))],
        ),
        // `Event` may grow; a test holds this table against it.
        other => line(Debug, NODE, "other", format_args!("{other:?}"), &[]),
    }
}

fn id(peer: &PeerId) -> Field<'_> {
    Text(peer.as_str())
}

fn maybe(peer: Option<&PeerId>) -> Field<'_> {
    peer.map_or(Null, id)
}

fn peer_of(source: &Source) -> Field<'_> {
    match source {
        Source::Peer(peer) => id(peer),
        Source::Local => Null,
    }
}

const fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::Dialed => CLIENT,
        Direction::Accepted => SERVER,
    }
}

const fn kind(packet: PacketType) -> Field<'static> {
    Text(match packet {
        PacketType::Prepare => "PREPARE",
        PacketType::Fulfill => "FULFILL",
        PacketType::Reject => "REJECT",
    })
}

/// The kind of BTP message that carries such a packet; peers that swap the two notwithstanding.
const fn message_type(packet: PacketType) -> Field<'static> {
    Text(match packet {
        PacketType::Prepare => "MESSAGE",
        PacketType::Fulfill | PacketType::Reject => "RESPONSE",
    })
}

fn count(n: usize) -> Field<'static> {
    Number(n as u64)
}

fn millis(duration: std::time::Duration) -> Field<'static> {
    Number(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
