//! `/metrics`: the connector's numbers, for Prometheus.
//!
//! The connector counts in plain integers; they become metrics when somebody asks. Labels are of fixed sets: the
//! configured peers, directions, outcomes, error codes of our own. No packet and no stranger makes a series.

pub(crate) mod format;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ilp_proto::{ErrorCode, Timestamp};
use ilp_router::PeerState;
use ilp_router::stats::Histogram;
use ilp_runtime::tls::{TlsCertificate, TlsRole};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeLabelSet, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType::{self, Counter, Gauge};
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use crate::http::snapshot::{Peer, Snapshot};

/// All metrics of a node, in OpenMetrics; see [`mod@format`] for the other one.
pub(crate) fn text(now: Snapshot, node_id: &str, healthy: bool, started: Timestamp) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape {
        now,
        node_id: node_id.to_owned(),
        healthy,
        started,
    }));
    let mut out = String::new();
    // A `String` takes everything.
    let _ = text::encode(&mut out, &registry);
    out
}

struct Scrape {
    now: Snapshot,
    node_id: String,
    healthy: bool,
    started: Timestamp,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.process(&mut out)?;
        self.node(&mut out)?;
        self.packets(&mut out)?;
        self.links(&mut out)?;
        self.certificates(&mut out)?;
        self.accounts(&mut out)
    }
}

impl Scrape {
    fn process(&self, out: &mut Out<'_>) -> fmt::Result {
        out.info(
            "ilp_build",
            "What runs here",
            &[
                ("version", env!("CARGO_PKG_VERSION")),
                ("node", &self.node_id),
            ],
        )?;
        let started = Duration::from_millis(self.started.as_millis().unsigned_abs()).as_secs_f64();
        out.gauge(
            "process_start_time_seconds",
            "When the node was started, Unix time",
            started,
        )?;
        let dropped = crate::log::dropped();
        out.counters(
            "ilp_log_lines_dropped",
            "Log lines that were not written",
            [
                ([("why", "full")], dropped.ordinary),
                ([("why", "reserve_full")], dropped.severe),
                ([("why", "unwritable")], dropped.unwritable),
            ],
        )
    }

    fn node(&self, out: &mut Out<'_>) -> fmt::Result {
        let stats = &self.now.stats;
        out.gauge(
            "ilp_healthy",
            "1 while /health says healthy",
            f64::from(u8::from(self.healthy)),
        )?;
        out.gauge(
            "ilp_draining",
            "1 while the node is shutting down",
            f64::from(u8::from(self.now.draining)),
        )?;
        out.gauge(
            "ilp_in_flight_packets",
            "PREPAREs without an answer in the whole node",
            wide(stats.in_flight),
        )?;
        out.gauge(
            "ilp_in_flight_limit",
            "How many of these there may be (maxInFlight)",
            wide(self.now.max_in_flight as u64),
        )?;
        // also those that did not happen yet: who sees a counter begin with 1 does not see it grow
        let mut rejects: BTreeMap<_, _> = OWN_CODES.map(|code| (code, 0)).into();
        rejects.extend(&stats.own_rejects);
        out.counters(
            "ilp_own_rejects",
            "REJECTs that this node made itself",
            rejects
                .iter()
                .map(|(code, count)| ([("code", code.as_str())], *count)),
        )?;
        out.histogram(
            "ilp_hop_seconds",
            "From handing a PREPARE to the next hop to its answer",
            &stats.hop_time,
        )?;
        out.counter(
            "ilp_connections_accepted",
            "Connections that came in",
            stats.accepted,
        )?;
        out.counter(
            "ilp_connections_refused",
            "Connections that were closed at once",
            stats.refused,
        )?;
        out.counter(
            "ilp_connections_denied",
            "Connections that failed to authenticate",
            stats.auth_denied,
        )?;
        out.counter(
            "ilp_connections_unreadable",
            "Frames that are no BTP, from connections that had not authenticated",
            stats.unreadable,
        )?;
        out.gauge(
            "ilp_connections_unauthenticated",
            "Connections that have not authenticated yet",
            wide(stats.unauthenticated),
        )?;
        out.counter(
            "ilp_events_dropped",
            "Events that were too many for the log",
            stats.events_dropped,
        )
    }

    fn packets(&self, out: &mut Out<'_>) -> fmt::Result {
        let both = |name, help, of: fn(&Peer) -> [u64; 2]| (name, help, of);
        for (name, help, of) in [
            both(
                "ilp_prepares",
                "PREPAREs taken from a peer (in) and handed to it (out)",
                |p| [p.counters.prepares_in, p.counters.prepares_out],
            ),
            both("ilp_messages", "BTP messages", |p| {
                [p.counters.messages_in, p.counters.messages_out]
            }),
            both("ilp_message_bytes", "Bytes of BTP messages", |p| {
                [p.counters.bytes_in, p.counters.bytes_out]
            }),
        ] {
            let series = self.peers().flat_map(|peer| directions(peer, of(peer)));
            out.counters(name, help, series)?;
        }
        let outcomes = self.peers().flat_map(|peer| {
            let c = &peer.counters;
            [
                ("in", "fulfilled", c.fulfills_out),
                ("in", "rejected", c.rejects_out),
                ("out", "fulfilled", c.fulfills_in),
                ("out", "rejected", c.rejects_in),
                ("out", "expired", c.expired),
                ("out", "bad_fulfillment", c.bad_fulfillments),
            ]
            .map(|(direction, outcome, count)| {
                (
                    [
                        ("peer", peer.id.as_str()),
                        ("direction", direction),
                        ("outcome", outcome),
                    ],
                    count,
                )
            })
        });
        out.counters(
            "ilp_packets",
            "How packets from a peer (in) and to it (out) ended",
            outcomes,
        )?;
        let in_flight = self
            .peers()
            .flat_map(|p| directions(p, [p.in_flight_in as u64, p.in_flight_out as u64]));
        out.gauges(
            "ilp_peer_in_flight_packets",
            "PREPAREs without an answer, from a peer (in) and to it (out)",
            in_flight.map(|(labels, count)| (labels, wide(count))),
        )?;
        let limits = self
            .peers()
            .map(|peer| (label(peer), wide(peer.max_in_flight as u64)));
        out.gauges(
            "ilp_peer_in_flight_limit",
            "How many of these there may be in each direction (maxInFlight of the peer)",
            limits,
        )
    }

    fn links(&self, out: &mut Out<'_>) -> fmt::Result {
        let up = self
            .peers()
            .map(|peer| (label(peer), f64::from(u8::from(peer.is_connected()))));
        out.gauges("ilp_link_up", "1 while a peer has a usable link", up)?;
        let critical = self
            .peers()
            .map(|peer| (label(peer), f64::from(u8::from(peer.critical))));
        out.gauges(
            "ilp_peer_critical",
            "1 for a peer without which /health is bad",
            critical,
        )?;
        let attempts = self
            .peers()
            .map(|peer| (label(peer), f64::from(peer.attempts)));
        out.gauges(
            "ilp_dial_attempts",
            "Failed dials since a peer was last connected; a pause follows every retryAttempts of them",
            attempts,
        )?;
        let states = self.peers().flat_map(|peer| {
            [
                PeerState::Disconnected,
                PeerState::Connecting,
                PeerState::Connected,
                PeerState::Error,
            ]
            .map(|state| {
                let is = f64::from(u8::from(peer.state == state));
                ([("peer", peer.id.as_str()), ("state", state.as_str())], is)
            })
        });
        out.gauges(
            "ilp_peer_state",
            "1 for the state that a peer is in",
            states,
        )?;
        let waiting = self
            .peers()
            .map(|peer| (label(peer), wide(peer.answer_bytes as u64)));
        out.gauges(
            "ilp_answer_bytes",
            "Bytes of answers that wait for a peer",
            waiting,
        )?;

        let each = |name, help, of: fn(&Peer) -> u64| (name, help, of);
        for (name, help, of) in [
            each("ilp_connects", "Times a peer became connected", |p| {
                p.counters.connects
            }),
            each(
                "ilp_disconnects",
                "Times a peer stopped being connected",
                |p| p.counters.disconnects,
            ),
            each("ilp_dial_failures", "Dials that came to nothing", |p| {
                p.counters.dial_failures
            }),
            each(
                "ilp_auth_failures",
                "Failed authentications, in either direction",
                |p| p.counters.auth_failures,
            ),
            each("ilp_unreadable_frames", "Frames that are no BTP", |p| {
                p.counters.unreadable
            }),
            each(
                "ilp_btp_errors",
                "BTP ERRORs, and answers without a packet",
                |p| p.counters.btp_errors,
            ),
            each(
                "ilp_late_answers",
                "Answers that came for nothing in flight",
                |p| p.counters.late_answers,
            ),
            each(
                "ilp_dropped_answers",
                "Answers that could not be delivered",
                |p| p.counters.dropped_answers,
            ),
            each(
                "ilp_dropped_fulfills",
                "FULFILLs among the dropped answers, but those of amount 0: we may have paid and not been paid",
                |p| p.counters.dropped_fulfills,
            ),
        ] {
            out.counters(name, help, self.peers().map(|peer| (label(peer), of(peer))))?;
        }
        out.counters(
            "ilp_dropped_amount",
            "Amounts of these FULFILLs: by how much a peer's books may differ from ours",
            self.peers()
                .map(|peer| (label(peer), peer.counters.dropped_amount as f64)),
        )
    }

    /// Without TLS there are none, and no metric of them.
    fn certificates(&self, out: &mut Out<'_>) -> fmt::Result {
        if self.now.certificates.is_empty() {
            return Ok(());
        }
        let each = |name, help, of: fn(&TlsCertificate) -> Timestamp| (name, help, of);
        for (name, help, of) in [
            each(
                "ilp_tls_certificate_not_before_timestamp_seconds",
                "From when the certificate is good that clients (server) or servers that we dial (client) are shown",
                |one| one.not_before,
            ),
            each(
                "ilp_tls_certificate_not_after_timestamp_seconds",
                "Up to when it is good; it follows its file",
                |one| one.not_after,
            ),
        ] {
            let series = self.now.certificates.iter().map(|one| {
                let role = match one.role {
                    TlsRole::Client => "client",
                    TlsRole::Server => "server",
                };
                ([("role", role)], of(one).as_millis() as f64 / 1e3)
            });
            out.gauges(name, help, series)?;
        }
        Ok(())
    }

    /// Sums above 2^53 are rounded here; `/peers` has every digit.
    fn accounts(&self, out: &mut Out<'_>) -> fmt::Result {
        let each = |name, help, of: fn(&Peer) -> f64| (name, help, of);
        for (name, help, of) in [
            each(
                "ilp_account_balance",
                "What a peer owes us less what we owe it",
                |p| p.account.balance() as f64,
            ),
            each(
                "ilp_account_receivable",
                "All fulfilled amounts from a peer",
                |p| p.account.receivable() as f64,
            ),
            each(
                "ilp_account_payable",
                "All fulfilled amounts to a peer",
                |p| p.account.payable() as f64,
            ),
            each(
                "ilp_account_held_incoming",
                "Amounts in flight from a peer",
                |p| p.account.held_incoming() as f64,
            ),
            each(
                "ilp_account_held_outgoing",
                "Amounts in flight to a peer",
                |p| p.account.held_outgoing() as f64,
            ),
        ] {
            out.gauges(name, help, self.peers().map(|peer| (label(peer), of(peer))))?;
        }
        Ok(())
    }

    fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.now.peers.iter()
    }
}

type Labels<'a, const N: usize> = [(&'a str, &'a str); N];

fn label(peer: &Peer) -> Labels<'_, 1> {
    [("peer", peer.id.as_str())]
}

fn directions(peer: &Peer, [incoming, outgoing]: [u64; 2]) -> [(Labels<'_, 2>, u64); 2] {
    let id = peer.id.as_str();
    [
        ([("peer", id), ("direction", "in")], incoming),
        ([("peer", id), ("direction", "out")], outgoing),
    ]
}

/// Exact up to 2^53.
const fn wide(count: u64) -> f64 {
    count as f64
}

/// What this node rejects packets with.
const OWN_CODES: [ErrorCode; 12] = [
    ErrorCode::F00_BAD_REQUEST,
    ErrorCode::F01_INVALID_PACKET,
    ErrorCode::F02_UNREACHABLE,
    ErrorCode::F05_WRONG_CONDITION,
    ErrorCode::F08_AMOUNT_TOO_LARGE,
    ErrorCode::R00_TRANSFER_TIMED_OUT,
    ErrorCode::R01_INSUFFICIENT_SOURCE_AMOUNT,
    ErrorCode::R02_INSUFFICIENT_TIMEOUT,
    ErrorCode::T00_INTERNAL_ERROR,
    ErrorCode::T01_PEER_UNREACHABLE,
    ErrorCode::T03_CONNECTOR_BUSY,
    ErrorCode::T04_INSUFFICIENT_LIQUIDITY,
];

/// The encoder, with one call per metric.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, Counter)?;
        metric.encode_counter(&value, NO_EXEMPLAR)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, Gauge)?
            .encode_gauge(&value)
    }

    fn info(&mut self, name: &str, help: &str, labels: &Labels<'_, 2>) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Info)?
            .encode_info(labels)
    }

    fn counters<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'l, N>, impl EncodeCounterValue)>,
    ) -> fmt::Result
    where
        Labels<'l, N>: EncodeLabelSet,
    {
        let mut family = self.0.encode_descriptor(name, help, None, Counter)?;
        for (labels, value) in series {
            family
                .encode_family(&labels)?
                .encode_counter(&value, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'l, N>, f64)>,
    ) -> fmt::Result
    where
        Labels<'l, N>: EncodeLabelSet,
    {
        let mut family = self.0.encode_descriptor(name, help, None, Gauge)?;
        for (labels, value) in series {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let buckets: Vec<(f64, u64)> = histogram
            .buckets()
            .iter()
            .enumerate()
            .map(|(at, &count)| {
                (
                    Histogram::bound(at).map_or(f64::INFINITY, |bound| bound.as_secs_f64()),
                    count,
                )
            })
            .collect();
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(
            histogram.sum().as_secs_f64(),
            histogram.count(),
            &buckets,
            None,
        )
    }
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;
