//! Every key there is, once: name, variable, type, default and a line of help.
//!
//! The check for unknown keys, the names of environment variables, the bounds that values are held
//! to, `help config` and the README's table all come from here; tests hold the defaults against the
//! code that uses them.

use std::time::Duration;

/// One setting.
pub(crate) struct Key {
    /// As written in YAML.
    pub(crate) name: &'static str,
    /// The environment variable; of a peer's key, what follows `BTP_PEER_<ID>_`. Empty: none.
    pub(crate) env: &'static str,
    /// What its value looks like.
    pub(crate) kind: Kind,
    /// What holds when it is not given: a value that could be given, or a remark in parentheses.
    pub(crate) default: &'static str,
    /// Whether a variable or flag means one node, and so cannot be given for several at once.
    pub(crate) scope: Scope,
    /// One line for people.
    pub(crate) help: &'static str,
}

/// Whom a setting is for when one process runs several nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Tells one node from another.
    OneNode,
    /// Makes sense for all nodes of a process.
    AnyNode,
    /// There is one per process; of several files, the first that sets it wins.
    Process,
}

/// The type of a setting, with its bounds (both included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One address segment: letters, digits, `_`, `~`, `-`; at most 64.
    Id,
    /// A free text.
    Text,
    /// An ILP address.
    Address,
    /// An ILP address, a bare scheme, or nothing.
    Prefix,
    /// `ws://…` or `wss://…`.
    Url,
    /// An IP address to bind to.
    Host,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Number(u64, u64),
    /// A number of bytes; `KiB` and `MiB` are understood.
    Bytes(u64, u64),
    /// A duration such as `30s`.
    Time(Duration, Duration),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// Never printed.
    Secret,
    /// The name of a file.
    Path,
    /// A list of [`PEER`] mappings; as a variable, the short form.
    Peers,
    /// A list of [`ROUTE`] mappings; as a variable, the short form.
    Routes,
}

use Kind::{
    Address, Bool, Bytes, Choice, Host, Id, Number, Path, Peers, Prefix, Routes, Secret, Text,
    Time, Url,
};
use Scope::{AnyNode, OneNode, Process};

const PORT: Kind = Number(0, 65_535);
const SCALE: Kind = Number(0, 255);
const AMOUNT: Kind = Number(0, u64::MAX);

const fn ms(min: u64, max: u64) -> Kind {
    Time(Duration::from_millis(min), Duration::from_millis(max))
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The most packets that can be in flight on one link: half of a request id counts slots.
const MAX_SLOTS: u64 = 65_536;

const fn key(
    name: &'static str,
    env: &'static str,
    kind: Kind,
    default: &'static str,
    scope: Scope,
    help: &'static str,
) -> Key {
    Key {
        name,
        env,
        kind,
        default,
        scope,
        help,
    }
}

/// The keys of a file's top level.
#[rustfmt::skip]
pub(crate) const NODE: &[Key] = &[
    key("nodeId", "NODE_ID", Id, "(host name)", OneNode, "Label in logs, and what we authenticate as with peers that we dial"),
    key("ilpAddress", "ILP_ADDRESS", Address, "(from the parent, else test.<nodeId>)", OneNode, "Our ILP address"),
    key("btpServerHost", "BTP_SERVER_HOST", Host, "0.0.0.0", AnyNode, "Address that the BTP server binds to; IPv6 such as :: too"),
    key("btpServerPort", "BTP_SERVER_PORT", PORT, "3000", OneNode, "Port of the BTP server; 0 takes a free one"),
    key("healthCheckHost", "HEALTH_CHECK_HOST", Host, "0.0.0.0", AnyNode, "Address that the HTTP server (/health, /metrics, …) binds to"),
    key("healthCheckPort", "HEALTH_CHECK_PORT", PORT, "8080", OneNode, "Port of the HTTP server; 0 takes a free one"),
    key("certFile", "CERT_FILE", Path, "(none: ws://, not wss://)", AnyNode, "Certificate (PEM) of the BTP server, then those between it and a root; read again when it changes"),
    key("keyFile", "KEY_FILE", Path, "(none)", AnyNode, "Its private key (PEM, not encrypted)"),
    key("clientCaFile", "CLIENT_CA_FILE", Path, "(none: not asked for)", AnyNode, "Authorities (PEM) of the certificates that clients may show; such a certificate names its peer"),
    key("requireClientCert", "REQUIRE_CLIENT_CERT", Bool, "false", AnyNode, "Refuse clients that show no certificate"),
    key("caFile", "CA_FILE", Path, "(those that browsers trust)", AnyNode, "Authorities (PEM) to trust when we dial wss://, instead of the public ones"),
    key("dialCertFile", "DIAL_CERT_FILE", Path, "(none)", AnyNode, "Certificate (PEM) that we show to servers that ask for one"),
    key("dialKeyFile", "DIAL_KEY_FILE", Path, "(none)", AnyNode, "Its private key (PEM, not encrypted)"),
    key("tlsReloadInterval", "TLS_RELOAD_INTERVAL", ms(0, 24 * HOUR), "10s", AnyNode, "How often the files above are looked at for changes; 0s: only at the start"),
    key("peers", "PEERS", Peers, "(none)", OneNode, "The neighbours"),
    key("routes", "ROUTES", Routes, "(none)", OneNode, "Where packets go, by longest prefix"),
    key("assetCode", "ASSET_CODE", Text, "USD", AnyNode, "Asset of the accounts with peers that name none"),
    key("assetScale", "ASSET_SCALE", SCALE, "9", AnyNode, "Its scale: one unit is 10^-scale of the asset"),
    key("logLevel", "LOG_LEVEL", Choice(&["error", "warn", "info", "debug", "trace"]), "info", AnyNode, "The least severe log lines to write"),
    key("logFormat", "LOG_FORMAT", Choice(&["json", "text"]), "json", Process, "json for machines, text for people"),
    key("logPackets", "LOG_PACKETS", Bool, "false", AnyNode, "Log each packet at info instead of debug"),
    key("threads", "THREADS", Number(1, 1024), "(one per CPU)", Process, "Worker threads of the process"),
    key("maxInFlight", "MAX_IN_FLIGHT", Number(1, 1 << 24), "65536", AnyNode, "Packets in flight in the node; beyond: T03"),
    key("maxInFlightPerPeer", "MAX_IN_FLIGHT_PER_PEER", Number(1, MAX_SLOTS), "4096", AnyNode, "Packets in flight per peer and direction, for peers that set none; beyond: T03"),
    key("maxSendBuffer", "MAX_SEND_BUFFER", Bytes(64 * KIB, 1 << 30), "1MiB", AnyNode, "Unsent requests per link; beyond: T03"),
    key("maxAnswerBuffer", "MAX_ANSWER_BUFFER", Bytes(64 * KIB, 1 << 30), "4MiB", AnyNode, "Unsent answers per peer; beyond, its socket is not read"),
    key("maxMessage", "MAX_MESSAGE", Bytes(KIB, 16 * MIB), "64KiB", AnyNode, "Largest WebSocket message; the largest legal BTP frame has 42015 bytes"),
    key("maxUnauthenticated", "MAX_UNAUTHENTICATED", Number(1, 65_536), "256", AnyNode, "Accepted links that have not authenticated yet"),
    key("maxUnauthenticatedPerAddress", "MAX_UNAUTHENTICATED_PER_ADDRESS", Number(1, 65_536), "16", AnyNode, "The same from one address (IPv6: one /64)"),
    key("maxUnreadable", "MAX_UNREADABLE", Number(1, 1000), "3", AnyNode, "Unreadable frames within unreadableWindow that close a link"),
    key("unreadableWindow", "UNREADABLE_WINDOW", ms(1, 24 * HOUR), "60s", AnyNode, "The window of maxUnreadable"),
    key("eventRing", "EVENT_RING", Number(16, 1 << 20), "4096", AnyNode, "Events kept for the log; what does not fit is counted"),
    key("connectTimeout", "CONNECT_TIMEOUT", ms(1, HOUR), "5s", AnyNode, "Dialling: DNS, TCP, TLS and WebSocket upgrade together"),
    key("authTimeout", "AUTH_TIMEOUT", ms(1, HOUR), "5s", AnyNode, "Dialling: wait for the answer to our auth frame"),
    key("handshakeTimeout", "HANDSHAKE_TIMEOUT", ms(1, HOUR), "10s", AnyNode, "Accepting: from TCP accept to a good auth frame"),
    key("keepaliveInterval", "KEEPALIVE_INTERVAL", ms(1, 24 * HOUR), "30s", AnyNode, "Silence after which a ping is sent"),
    key("keepaliveTimeout", "KEEPALIVE_TIMEOUT", ms(1, HOUR), "10s", AnyNode, "Further silence after which a link is dead"),
    key("stallTimeout", "STALL_TIMEOUT", ms(1, HOUR), "30s", AnyNode, "How long a peer may leave more than maxAnswerBuffer unread"),
    key("closeTimeout", "CLOSE_TIMEOUT", ms(1, MINUTE), "1s", AnyNode, "From our Close frame to dropping the socket"),
    key("startTimeout", "START_TIMEOUT", ms(0, 24 * HOUR), "60s", AnyNode, "How long /health may say starting; then it is unhealthy without a critical peer that never came"),
    key("shutdownTimeout", "SHUTDOWN_TIMEOUT", ms(0, HOUR), "8s", AnyNode, "How long a shutdown waits for packets in flight"),
    key("expiryMargin", "EXPIRY_MARGIN", ms(0, HOUR), "1s", AnyNode, "By how much an outgoing packet expires before the incoming one"),
    key("maxHoldTime", "MAX_HOLD_TIME", ms(1, HOUR), "30s", AnyNode, "The longest a packet is held for its answer"),
    key("retryInitialDelay", "RETRY_INITIAL_DELAY", ms(1, HOUR), "1s", AnyNode, "First delay before a peer is dialled again; doubles each time"),
    key("retryMaxDelay", "RETRY_MAX_DELAY", ms(1, HOUR), "16s", AnyNode, "The longest such delay"),
    key("retryAttempts", "RETRY_ATTEMPTS", Number(1, 1_000_000), "5", AnyNode, "Tries before retryPause"),
    key("retryPause", "RETRY_PAUSE", ms(1, 24 * HOUR), "60s", AnyNode, "Pause after retryAttempts tries; then again from the start, for ever"),
    key("retryJitter", "RETRY_JITTER", Number(0, 100), "20", AnyNode, "Percent by which a delay may be shortened at random"),
    key("inFlightOnDisconnect", "IN_FLIGHT_ON_DISCONNECT", Choice(&["hold", "reject"]), "hold", AnyNode, "Packets out on a lost link: hold until they expire, or reject with T01 at once (may lose money)"),
];

/// The keys of an entry of `peers`.
#[rustfmt::skip]
pub(crate) const PEER: &[Key] = &[
    key("id", "", Id, "(required)", OneNode, "What the neighbour authenticates as, and its label in logs"),
    key("url", "URL", Url, "(wait for it to dial us)", OneNode, "Where we dial it: ws://host:port or wss://host:port; user:token@ may stand before the host"),
    key("authToken", "SECRET", Secret, "(none)", OneNode, "The secret that both directions use"),
    key("authTokenFile", "SECRET_FILE", Path, "(none)", OneNode, "A file that holds it; relative to the configuration file"),
    key("noAuth", "NO_AUTH", Bool, "false", OneNode, "Let it in without a secret"),
    key("authUsername", "AUTH_USERNAME", Text, "(our nodeId)", OneNode, "What we send as auth_username when we dial; null leaves it out"),
    key("relation", "RELATION", Choice(&["peer", "child", "parent"]), "peer", OneNode, "child: gets <our address>.<id> from us; parent: we get our address from it"),
    key("assetCode", "ASSET_CODE", Text, "(the node's)", OneNode, "Asset of the account with it"),
    key("assetScale", "ASSET_SCALE", SCALE, "(the node's)", OneNode, "Its scale"),
    key("maxInFlight", "MAX_IN_FLIGHT", Number(1, MAX_SLOTS), "(maxInFlightPerPeer)", OneNode, "Packets in flight from it, and to it; beyond: T03"),
    key("maxPacketAmount", "MAX_PACKET_AMOUNT", AMOUNT, "(no limit)", OneNode, "Largest amount of one packet from it; beyond: F08"),
    key("maxBalance", "MAX_BALANCE", AMOUNT, "(no limit)", OneNode, "What it may owe us, packets in flight included; beyond: T04"),
    key("critical", "CRITICAL", Bool, "(true with a url)", OneNode, "Whether /health is bad while it is down"),
];

/// The keys of an entry of `routes`.
#[rustfmt::skip]
pub(crate) const ROUTE: &[Key] = &[
    key("prefix", "", Prefix, "(required)", OneNode, "An address, a bare scheme such as g, or \"\" for everything else"),
    key("nextHop", "", Id, "(required)", OneNode, "The peer that such packets go to"),
    key("priority", "", Number(0, u32::MAX as u64), "0", OneNode, "Lower is preferred; the next one takes over when it is down"),
];

/// Keys of other connectors that are read past, with a warning.
pub(crate) const IGNORED: &[&str] = &["dashboardTelemetryUrl"];

/// The variable that names the configuration file.
pub(crate) const CONFIG_FILE: &str = "CONFIG_FILE";

/// What the variables of a peer start with; its id in capitals and the key's own part follow.
pub(crate) const PEER_VARIABLE: &str = "BTP_PEER_";

/// The variable of a key of peer `id`: `BTP_PEER_CONNECTOR_B_SECRET`.
pub(crate) fn peer_variable(id: &str, suffix: &str) -> String {
    let id: String = id.chars().map(variable_char).collect();
    format!("{PEER_VARIABLE}{id}_{suffix}")
}

fn variable_char(c: char) -> char {
    match c {
        '-' | '~' => '_',
        c => c.to_ascii_uppercase(),
    }
}

/// The key called `name`.
pub(crate) fn find(table: &'static [Key], name: &str) -> Option<&'static Key> {
    table.iter().find(|key| key.name == name)
}
