//! What the keys of one node mean.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ilp_proto::Address;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{Config, Limits, OnDisconnect, PeerId, Relation, Retry, Timeouts};
use log::LevelFilter;

use super::env::Environment;
use super::fields::{Fields, Layer};
use super::itself;
use super::lists;
use super::peers::{self, Peer};
use super::problem::{Origin, Problem, quoted};
use super::routes;
use super::table::NODE;
use super::tls;
use super::value::{Invalid, show_bytes, show_time};
use super::yaml::{Node, Value};
use super::{Flag, Found, LogFormat, NodeConfig, Places};

/// The largest BTP frame that holds a legal ILP packet, in bytes.
const LARGEST_FRAME: usize = 42_015;
/// Where no `startTimeout` is given: the first round of tries takes 40 s at most, with the defaults.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What a node without a setting listens on.
pub(super) const BTP_PORT: u16 = 3000;
pub(super) const HEALTH_PORT: u16 = 8080;
/// Packets in flight per peer and direction.
pub(super) const IN_FLIGHT_PER_PEER: usize = 4096;

/// Reads one node; `None` if there were problems.
pub(super) fn build(
    tree: Option<Node>,
    directory: Option<&Path>,
    flags: &[Flag],
    env: &Environment,
    found: &mut Found,
) -> Option<NodeConfig> {
    let mut warnings = Vec::new();
    let node = read(tree, directory, flags, env, found, &mut warnings);
    match node {
        Some(node) => Some(NodeConfig { warnings, ..node }),
        None => {
            found.warnings.extend(warnings);
            None
        }
    }
}

/// The node without its warnings.
fn read(
    tree: Option<Node>,
    directory: Option<&Path>,
    flags: &[Flag],
    env: &Environment,
    found: &mut Found,
    warnings: &mut Vec<Problem>,
) -> Option<NodeConfig> {
    let Found {
        problems,
        peers: peers_found,
        ..
    } = found;
    let before = problems.len();
    let mut fields = Fields::new(NODE, String::new(), tree, problems, warnings);
    fields.overlay_env(env, |key| key.env.to_owned());
    for Flag { flag, key, value } in flags {
        fields.overlay_flag(flag, key, value);
    }
    let node = fields.origin.clone();
    let node_id = fields.parsed("nodeId", |text, _| {
        let id: Result<PeerId, _> = text.parse();
        id.map(|id| id.to_string())
            .map_err(|_| peers::invalid_id(text))
    });
    let address = fields.parsed("ilpAddress", |text, _| own_address(text));
    let given_id = fields.layer_of("nodeId").is_some();
    let given_address = fields.layer_of("ilpAddress").is_some();
    let places = Places {
        node_id: fields.origin_of("nodeId"),
        address: fields.origin_of("ilpAddress"),
        listen: fields.origin_of("btpServerPort"),
        health_listen: fields.origin_of("healthCheckPort"),
        peers: Vec::new(),
        routes: Vec::new(),
        node,
    };
    let log_packets_at = fields.origin_of("logPackets");
    let listen = socket(&mut fields, "btpServerHost", "btpServerPort", BTP_PORT);
    let health_listen = socket(
        &mut fields,
        "healthCheckHost",
        "healthCheckPort",
        HEALTH_PORT,
    );
    check_ports(&mut fields, listen, health_listen);
    let mut certificate_warnings = Vec::new();
    let tls = tls::read(&mut fields, directory, &mut certificate_warnings);
    let log_level = match fields.choice("logLevel") {
        Some("error") => LevelFilter::Error,
        Some("warn") => LevelFilter::Warn,
        Some("debug") => LevelFilter::Debug,
        Some("trace") => LevelFilter::Trace,
        _ => LevelFilter::Info,
    };
    let log_format = match fields.choice("logFormat") {
        Some("text") => LogFormat::Text,
        _ => LogFormat::Json,
    };
    let log_packets = fields.boolean("logPackets").unwrap_or(false);
    let start_timeout = fields.time("startTimeout").unwrap_or(START_TIMEOUT);
    let threads = fields.number("threads");
    let asset = peers::asset(&mut fields, &default_asset());
    let max_in_flight = fields
        .number("maxInFlightPerPeer")
        .unwrap_or(IN_FLIGHT_PER_PEER);
    let limits = limits(&mut fields);
    let unreachable = peers::above_node(
        &fields,
        "maxInFlightPerPeer",
        max_in_flight,
        limits.max_in_flight,
    );
    let timeouts = timeouts(&mut fields);
    let margin_at = fields.origin_of("expiryMargin");
    let retry = retry(&mut fields);
    let on_disconnect = match fields.choice("inFlightOnDisconnect") {
        Some("reject") => OnDisconnect::Reject,
        _ => OnDisconnect::Hold,
    };
    let peer_list = entries(&mut fields, "peers", lists::peers);
    let route_list = entries(&mut fields, "routes", lists::routes);
    let nobody = !fields.given_or_meant("peers");
    fields.finish();

    warnings.extend(unreachable);
    let node_id = node_id.unwrap_or_else(|| {
        let id = segment(env.host_name());
        if !given_id {
            let what = format!("nodeId is not set, the host name {id} is used");
            let fix = "set nodeId or NODE_ID";
            warnings.push(Problem::new(&places.node, what, fix));
        }
        id
    });
    let defaults = peers::Defaults {
        node_id: &node_id,
        asset,
        max_in_flight,
        max_in_flight_of_node: limits.max_in_flight,
        directory,
    };
    let (peers, ids) = peers::read(peer_list, &defaults, env, problems, warnings);
    peers_found.extend(ids.iter().cloned());
    let listeners = [
        (listen, "btpServerPort"),
        (health_listen, "healthCheckPort"),
    ];
    itself::warn(&node_id, listeners, &peers, warnings);
    if log_packets && log_level < LevelFilter::Info {
        let level = log_level.as_str().to_ascii_lowercase();
        let what = format!("logPackets has no effect while logLevel is {level}");
        let fix = "set logLevel to info, or leave logPackets out";
        warnings.push(Problem::new(&log_packets_at, what, fix));
    }
    if timeouts.expiry_margin >= timeouts.max_hold {
        let (margin, hold) = (
            show_time(timeouts.expiry_margin),
            show_time(timeouts.max_hold),
        );
        let what = format!("expiryMargin is {margin}, not less than maxHoldTime, which is {hold}");
        let fix =
            "lower it: a packet that has no more time left when it comes is rejected with R02";
        warnings.push(Problem::new(&margin_at, what, fix));
    }
    let routes = routes::read(route_list, &ids, problems, warnings);
    let address_from_parent = check_parents(&peers, given_address, problems);
    let address = match address {
        Some(address) => address,
        None => default_address(
            &node_id,
            address_from_parent,
            given_address,
            &places,
            problems,
            warnings,
        )?,
    };
    if !given_id && !given_address && nobody {
        // somebody who begins; who names a node knows what to do next
        let what = "no peers are set, so nobody can connect";
        warnings.push(Problem::new(&places.node, what, "set peers or PEERS"));
    }
    routes::check_address(&address, &routes, &peers, problems, warnings);
    if limits.max_message < LARGEST_FRAME {
        let what = format!("maxMessage is {}", show_bytes(limits.max_message as u64));
        let fix = format!(
            "legal BTP frames have up to {LARGEST_FRAME} bytes, and those that are longer will end their link"
        );
        warnings.push(Problem::new(&places.node, what, fix));
    }
    if problems.len() > before {
        return None;
    }
    let (peers, peer_places) = peers.into_iter().unzip();
    let (routes, route_places) = routes.into_iter().unzip();
    let router = Config {
        node_id,
        address,
        address_from_parent,
        peers,
        routes,
        on_disconnect,
        limits,
        timeouts,
        retry,
    };
    let places = Places {
        peers: peer_places,
        routes: route_places,
        ..places
    };
    Some(NodeConfig {
        router,
        listen,
        tls,
        health_listen,
        log_level,
        log_format,
        log_packets,
        start_timeout,
        threads,
        warnings: Vec::new(),
        certificate_warnings,
        places,
    })
}

/// What belongs to the process is what the first node says that says anything.
pub(super) fn agree(nodes: &mut [NodeConfig]) {
    let threads = nodes.iter().find_map(|node| node.threads);
    let text = nodes
        .iter()
        .find(|node| node.log_format != LogFormat::default());
    let log_format = text.map_or_else(LogFormat::default, |node| node.log_format);
    for node in nodes {
        node.threads = threads;
        node.log_format = log_format;
    }
}

pub(super) fn default_asset() -> PeerAsset {
    PeerAsset {
        code: "USD".into(),
        scale: 9,
    }
}

/// An address that a node may have.
fn own_address(text: &str) -> Result<Address, Invalid> {
    let invalid = |why: String| {
        let fix = "expected an address such as test.b or g.example.connector";
        Invalid::new(format!("is {}: {why}", quoted(text)), fix)
    };
    let address: Address = text
        .parse()
        .map_err(|error: ilp_proto::AddressError| invalid(error.to_string()))?;
    match routes::scheme(text) {
        scheme @ ("peer" | "self") => Err(invalid(format!("no node has an address in {scheme}"))),
        _ => Ok(address),
    }
}

fn default_address(
    node_id: &str,
    from_parent: bool,
    given: bool,
    places: &Places,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<Address> {
    let text = format!("test.{node_id}");
    if !from_parent && !given {
        let what = format!("ilpAddress is not set, {text} is used");
        warnings.push(Problem::new(
            &places.node,
            what,
            "set ilpAddress or ILP_ADDRESS",
        ));
    }
    match text.parse() {
        Ok(address) => Some(address),
        // A node id is one segment, so this is not taken.
        Err(_) => {
            problems.push(Problem::new(
                &places.node,
                "no ilpAddress",
                "set ilpAddress",
            ));
            None
        }
    }
}

/// A host name as one address segment.
fn segment(host_name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '~' | '-');
    let name: String = host_name
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .collect();
    let name: String = name
        .trim_matches('-')
        .chars()
        .take(PeerId::MAX_LEN)
        .collect();
    if name.is_empty() {
        "connector".to_owned()
    } else {
        name
    }
}

/// Whether the one parent gives us our address.
fn check_parents(peers: &[Peer], given_address: bool, problems: &mut Vec<Problem>) -> bool {
    let mut parents = peers
        .iter()
        .filter(|(peer, _)| peer.relation == Relation::Parent);
    let Some((first, _)) = parents.next() else {
        return false;
    };
    for (second, place) in parents {
        let what = format!("{} and {} are both parents", first.id, second.id);
        let fix = "a node has one parent at most; make the others `relation: peer`";
        problems.push(Problem::new(&place.id, what, fix));
    }
    !given_address
}

fn socket(
    fields: &mut Fields<'_>,
    host: &'static str,
    port: &'static str,
    default: u16,
) -> SocketAddr {
    let host = fields
        .host(host)
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    SocketAddr::new(host, fields.number(port).unwrap_or(default))
}

/// Whether two listeners would want one port of one address.
pub(crate) fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_host = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && same_host
}

fn check_ports(fields: &mut Fields<'_>, listen: SocketAddr, health: SocketAddr) {
    if !clash(listen, health) {
        return;
    }
    let key = if fields.layer_of("healthCheckPort").is_some() {
        "healthCheckPort"
    } else {
        "btpServerPort"
    };
    let origin = fields.origin_of(key);
    let what = format!(
        "btpServerPort and healthCheckPort are both {}",
        listen.port()
    );
    fields
        .problems
        .push(Problem::new(&origin, what, "give each its own port"));
}

fn limits(fields: &mut Fields<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        max_in_flight: fields
            .number("maxInFlight")
            .unwrap_or(default.max_in_flight),
        max_send_buffer: fields
            .number("maxSendBuffer")
            .unwrap_or(default.max_send_buffer),
        max_answer_buffer: fields
            .number("maxAnswerBuffer")
            .unwrap_or(default.max_answer_buffer),
        max_message: fields.number("maxMessage").unwrap_or(default.max_message),
        max_unauthenticated: fields
            .number("maxUnauthenticated")
            .unwrap_or(default.max_unauthenticated),
        max_unauthenticated_per_address: fields
            .number("maxUnauthenticatedPerAddress")
            .unwrap_or(default.max_unauthenticated_per_address),
        event_ring: fields.number("eventRing").unwrap_or(default.event_ring),
        max_unreadable: fields
            .number("maxUnreadable")
            .unwrap_or(default.max_unreadable),
        unreadable_window: fields
            .time("unreadableWindow")
            .unwrap_or(default.unreadable_window),
    };
    for (name, buffer) in [
        ("maxSendBuffer", limits.max_send_buffer),
        ("maxAnswerBuffer", limits.max_answer_buffer),
    ] {
        if buffer < limits.max_message {
            let at = if fields.layer_of(name).is_some() {
                name
            } else {
                "maxMessage"
            };
            let origin = fields.origin_of(at);
            let message = show_bytes(limits.max_message as u64);
            let what = format!(
                "{name} is {}, less than one message of {message}",
                show_bytes(buffer as u64)
            );
            fields.problems.push(Problem::new(
                &origin,
                what,
                format!("raise {name} or lower maxMessage"),
            ));
        }
    }
    limits
}

fn timeouts(fields: &mut Fields<'_>) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        connect: fields.time("connectTimeout").unwrap_or(default.connect),
        auth: fields.time("authTimeout").unwrap_or(default.auth),
        handshake: fields.time("handshakeTimeout").unwrap_or(default.handshake),
        keepalive_interval: fields
            .time("keepaliveInterval")
            .unwrap_or(default.keepalive_interval),
        keepalive: fields.time("keepaliveTimeout").unwrap_or(default.keepalive),
        stall: fields.time("stallTimeout").unwrap_or(default.stall),
        close: fields.time("closeTimeout").unwrap_or(default.close),
        shutdown: fields.time("shutdownTimeout").unwrap_or(default.shutdown),
        expiry_margin: fields.time("expiryMargin").unwrap_or(default.expiry_margin),
        max_hold: fields.time("maxHoldTime").unwrap_or(default.max_hold),
    }
}

fn retry(fields: &mut Fields<'_>) -> Retry {
    let default = Retry::default();
    let retry = Retry {
        initial: fields.time("retryInitialDelay").unwrap_or(default.initial),
        max: fields.time("retryMaxDelay").unwrap_or(default.max),
        tries: fields.number("retryAttempts").unwrap_or(default.tries),
        pause: fields.time("retryPause").unwrap_or(default.pause),
        jitter: fields.number("retryJitter").unwrap_or(default.jitter),
    };
    if retry.initial > retry.max {
        let at = if fields.layer_of("retryMaxDelay").is_some() {
            "retryMaxDelay"
        } else {
            "retryInitialDelay"
        };
        let origin = fields.origin_of(at);
        let (initial, max) = (show_time(retry.initial), show_time(retry.max));
        let what =
            format!("retryInitialDelay is {initial}, more than retryMaxDelay, which is {max}");
        fields.problems.push(Problem::new(
            &origin,
            what,
            "raise retryMaxDelay or lower retryInitialDelay",
        ));
    }
    retry
}

/// The entries of a list: as written in YAML, or taken from the short form of a variable.
fn entries(
    fields: &mut Fields<'_>,
    name: &'static str,
    short: fn(&str, &Origin, &mut Vec<Problem>) -> Vec<Node>,
) -> Vec<Node> {
    match fields.list(name) {
        Some(Value::List(nodes)) => nodes,
        Some(Value::Scalar(text)) => {
            let origin = fields.origin_of(name);
            if fields.layer_of(name) == Some(Layer::File) {
                let what = format!("{name} is a single value, not a list");
                let fix = format!("begin each entry of {name} with a dash");
                fields.problems.push(Problem::new(&origin, what, fix));
                return Vec::new();
            }
            short(&text, &origin, fields.problems)
        }
        _ => Vec::new(),
    }
}
