use http_body_util::BodyExt;
use ilp_router::accounts::PeerAsset;
use ilp_router::config::{
    Config, Endpoint, Limits, OnDisconnect, PeerConfig, Relation, Retry, RouteConfig, Timeouts,
};
use ilp_router::{Connector, PeerState};
use log::LevelFilter;
use serde_json::Value as Json;

use super::*;

const SECRET: &str = "hunter2";

const PATIENCE: Patience = Patience {
    tries: 5,
    time: Duration::from_secs(60),
};
const SOON: Duration = Duration::from_secs(59);

fn peer(id: &str, critical: bool) -> PeerConfig {
    PeerConfig {
        id: id.parse().unwrap(),
        endpoint: Some(Endpoint {
            tls: false,
            host: "127.0.0.1".into(),
            port: 3000,
            path: "/".into(),
        }),
        secret: Some(SECRET.into()),
        username: Some("a".into()),
        relation: Relation::Peer,
        asset: PeerAsset {
            code: "USD".into(),
            scale: 9,
        },
        max_packet_amount: None,
        max_balance: None,
        max_in_flight: 10,
        critical,
    }
}

fn route(prefix: &str, next_hop: &str, priority: u32) -> RouteConfig {
    RouteConfig {
        prefix: prefix.parse().unwrap(),
        next_hop: next_hop.parse().unwrap(),
        priority,
    }
}

fn config(peers: Vec<PeerConfig>) -> Config {
    let routes = if peers.is_empty() {
        Vec::new()
    } else {
        vec![
            route("test", "b", 0),
            route("test.c", "c", 0),
            route("test.c", "b", 5),
        ]
    };
    Config {
        node_id: "a".into(),
        address: "test.a".parse().unwrap(),
        address_from_parent: false,
        peers,
        routes,
        on_disconnect: OnDisconnect::Hold,
        limits: Limits::default(),
        timeouts: Timeouts::default(),
        retry: Retry::default(),
    }
}

impl Inspect for Mutex<Connector> {
    fn inspect(&self, look: &mut dyn FnMut(&Connector)) {
        look(&self.lock().unwrap());
    }
}

fn connector(peers: Vec<PeerConfig>) -> Connector {
    Connector::new(config(peers), 7, Clock::now()).unwrap()
}

fn app(connector: Connector) -> App {
    App::new(
        "a",
        Box::new(Mutex::new(connector)),
        PATIENCE,
        NodeLog::new("a", LevelFilter::Off, false),
    )
}

fn two_peers() -> App {
    app(connector(vec![peer("b", true), peer("c", false)]))
}

fn ask(app: &App, method: Method, uri: &str) -> (u16, Response<()>, String) {
    let request = Request::builder().method(method).uri(uri).body(()).unwrap();
    let (parts, body) = app
        .respond(&request, "127.0.0.1:9".parse().unwrap())
        .into_parts();
    let body = futures_lite::future::block_on(body.collect())
        .unwrap()
        .to_bytes();
    (
        parts.status.as_u16(),
        Response::from_parts(parts, ()),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

fn get(app: &App, uri: &str) -> (u16, Json) {
    let (status, _, body) = ask(app, Method::GET, uri);
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_node_without_peers_is_healthy() {
    let (status, body) = get(&app(connector(vec![])), "/health");
    assert_eq!(status, 200);
    assert_eq!(body["status"], "healthy");
    assert_eq!(body["nodeId"], "a");
    assert_eq!(body["totalPeers"], 0);
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert!(body["uptime"].is_u64());
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_node_that_dials_its_critical_peer_for_the_first_time_is_starting() {
    let (status, body) = get(&two_peers(), "/health");
    assert_eq!(status, 503);
    assert_eq!(body["status"], "starting");
    assert_eq!(body["criticalPeersDown"], json!(["b"]));
    assert_eq!(
        (&body["peersConnected"], &body["totalPeers"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(body["peers"][1]["id"], "c");
    assert_eq!(body["peers"][1]["state"], "connecting");
    assert_eq!(body["peers"][1]["lastSeenMsAgo"], Json::Null);
}

#[test]
fn health_is_what_becomes_of_critical_peers() {
    let mut now = two_peers().snapshot();
    assert_eq!(Status::of(&now, SOON, PATIENCE), Status::Starting);
    now.peers[0].attempts = 4;
    assert_eq!(
        Status::of(&now, SOON, PATIENCE),
        Status::Starting,
        "the first round of tries goes on"
    );
    now.peers[0].attempts = 5;
    assert_eq!(
        Status::of(&now, SOON, PATIENCE),
        Status::Unhealthy,
        "the first round is over"
    );
    now.peers[0].state = PeerState::Connected;
    assert_eq!(
        Status::of(&now, SOON, PATIENCE),
        Status::Healthy,
        "nobody needs c"
    );
    now.peers[0].counters.connects = 1;
    now.peers[0].attempts = 0;
    now.peers[0].state = PeerState::Error;
    assert_eq!(
        Status::of(&now, SOON, PATIENCE),
        Status::Unhealthy,
        "it was up once"
    );
    now.draining = true;
    assert_eq!(Status::of(&now, SOON, PATIENCE), Status::Draining);
}

#[test]
fn a_critical_peer_that_never_dials_us_makes_the_node_unhealthy_in_the_end() {
    let mut config = peer("b", true);
    config.endpoint = None;
    let now = app(connector(vec![config, peer("c", false)])).snapshot();
    assert_eq!(Status::of(&now, SOON, PATIENCE), Status::Starting);
    let late = Status::of(&now, PATIENCE.time, PATIENCE);
    assert_eq!(late, Status::Unhealthy);
    assert_eq!(
        reason(late, &now).unwrap(),
        "b is to dial us (it has no url) and has not"
    );
}

#[test]
fn health_says_why_it_is_bad() {
    let mut now = two_peers().snapshot();
    let why = |now: &Snapshot| reason(Status::Unhealthy, now).unwrap();
    assert_eq!(
        why(&now),
        "b has not been reached at ws://127.0.0.1:3000",
        "nobody needs c"
    );
    now.peers[1].critical = true;
    now.peers[0].attempts = 2;
    now.peers[1].counters.connects = 1;
    now.peers[1].attempts = 1;
    assert_eq!(
        why(&now),
        "b has not been reached at ws://127.0.0.1:3000 (2 tries failed); \
         c is not reached any more at ws://127.0.0.1:3000 (1 try failed)"
    );
    for peer in &mut now.peers {
        peer.endpoint = None;
    }
    now.peers[0].counters.auth_failures = 1;
    assert_eq!(
        why(&now),
        "b is to dial us, and whoever did in its name failed to authenticate; \
         c is gone; it is to dial us (it has no url)"
    );
    assert_eq!(reason(Status::Healthy, &now), None);
    let draining = reason(Status::Draining, &now).unwrap();
    assert_eq!(draining, "the node is shutting down");
}

#[test]
fn a_reason_tells_of_five_peers_and_counts_the_others() {
    let mut many = vec![peer("b", true), peer("c", true)];
    many.extend((0..98).map(|n| peer(&format!("p{n}"), true)));
    let (_, body) = get(&app(connector(many)), "/health");
    let reason = body["reason"].as_str().unwrap();
    assert_eq!(reason.matches("not been reached").count(), 5);
    assert!(reason.ends_with("; and 95 more"), "{reason}");
}

#[test]
fn a_node_that_drains_is_alive_but_not_ready() {
    let mut connector = connector(vec![]);
    connector.shutdown(Clock::now());
    let app = app(connector);
    assert_eq!(get(&app, "/live"), (200, json!({ "live": true })));
    assert_eq!(get(&app, "/ready"), (503, json!({ "ready": false })));
    let (status, body) = get(&app, "/health");
    assert_eq!((status, &body["status"]), (503, &json!("draining")));
}

#[test]
fn a_node_is_ready_whatever_its_peers_do() {
    assert_eq!(get(&two_peers(), "/ready"), (200, json!({ "ready": true })));
}

#[test]
fn peers_are_shown_with_their_books_and_without_their_secret() {
    let (status, body) = get(&two_peers(), "/peers");
    assert_eq!(status, 200);
    let b = &body["peers"][0];
    assert_eq!(b["id"], "b");
    assert_eq!(b["url"], "ws://127.0.0.1:3000");
    assert_eq!(b["relation"], "peer");
    assert_eq!(b["account"]["balance"], "0");
    assert_eq!(b["account"]["maxBalance"], Json::Null);
    assert_eq!(b["counters"]["preparesIn"], 0);
    assert!(!body.to_string().contains(SECRET));
}

#[test]
fn every_counter_of_a_peer_is_shown() {
    let (_, body) = get(&two_peers(), "/peers");
    let shown = body["peers"][0]["counters"].as_object().unwrap().len();
    let counters = format!("{:?}", ilp_router::stats::PeerCounters::default());
    assert_eq!(shown, counters.matches(": 0").count(), "{counters}");
}

#[test]
fn routes_are_shown_in_order() {
    let (status, body) = get(&two_peers(), "/routes");
    assert_eq!(status, 200);
    assert_eq!(
        body["routes"],
        json!([
            { "prefix": "test", "nextHop": "b", "priority": 0, "up": false },
            { "prefix": "test.c", "nextHop": "c", "priority": 0, "up": false },
            { "prefix": "test.c", "nextHop": "b", "priority": 5, "up": false },
        ])
    );
}

#[test]
fn the_way_to_an_address_is_explained() {
    let app = two_peers();
    let way = |address: &str| {
        let (status, body) = get(&app, &format!("/routes?for={address}"));
        assert_eq!(status, 200);
        (
            body["matched"].clone(),
            body["nextHop"].clone(),
            body["why"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        way("test.c.x"),
        (
            json!("test.c"),
            json!("c"),
            "longest prefix, but no next hop is up: T01".into()
        )
    );
    assert_eq!(way("test.cc").0, "test", "prefixes end where segments end");
    assert_eq!(
        way("private.x"),
        (
            Json::Null,
            Json::Null,
            "No route to destination: F02".into()
        )
    );
    assert_eq!(
        way("test.a.nobody").2,
        "No route to destination: F02",
        "test covers it, but would send it in circles"
    );
    assert_eq!(way("g.x").2, "this node is on the test network: F02");
    assert!(way("local.x").2.contains("do not leave a node"));
    assert!(way("test.a").2.contains("own address"));
    assert!(way("peer.config").2.contains("the other end of a link"));
    assert_eq!(way("test%2Ec").0, "test.c");
}

#[test]
fn an_address_that_is_none_is_refused() {
    let (status, body) = get(&two_peers(), "/routes?for=no%20address");
    assert_eq!(status, 400);
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .starts_with("no ILP address: "),
        "{body}"
    );
}

#[test]
fn a_question_that_nobody_answers_is_refused() {
    for query in ["fo=test.c", "for=test.c&verbose"] {
        let (status, body) = get(&two_peers(), &format!("/routes?{query}"));
        assert_eq!(status, 400);
        assert!(
            body["error"].as_str().unwrap().contains("?for=ADDRESS"),
            "{body}"
        );
    }
}

#[test]
fn an_unknown_path_lists_those_that_exist() {
    let (status, body) = get(&two_peers(), "/");
    assert_eq!(status, 404);
    assert_eq!(body["paths"], json!(PATHS));
}

#[test]
fn only_get_and_head_are_answered() {
    let app = two_peers();
    for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
        let (status, answer, _) = ask(&app, method, "/health");
        assert_eq!(status, 405);
        assert_eq!(answer.headers()[ALLOW], "GET, HEAD");
    }
    assert_eq!(ask(&app, Method::HEAD, "/live").0, 200);
}

#[test]
fn nothing_is_to_be_cached() {
    for path in PATHS {
        let (_, answer, _) = ask(&two_peers(), Method::GET, path);
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store", "{path}");
    }
}
