use std::fmt::Write as _;

use ilp_runtime::tls::{ClientCertificates, TlsIdentity, TlsServerOptions};

use super::*;
use crate::config::tests::from_text;

/// A node on a machine of its own, called like its id.
struct Draft {
    id: &'static str,
    top: String,
    peers: String,
    routes: String,
}

fn node(id: &'static str) -> Draft {
    Draft {
        id,
        top: format!("nodeId: {id}\nilpAddress: test.{id}\n"),
        peers: String::new(),
        routes: String::new(),
    }
}

impl Draft {
    fn top(mut self, line: &str) -> Self {
        let _ = writeln!(self.top, "{line}");
        self
    }

    /// A peer that we wait for.
    fn knows(self, id: &str) -> Self {
        self.peer(id, "authToken: t")
    }

    fn dials(self, id: &str) -> Self {
        let rest = format!("authToken: t, url: 'ws://{id}:3000'");
        self.peer(id, &rest)
    }

    fn peer(mut self, id: &str, rest: &str) -> Self {
        let _ = writeln!(self.peers, "  - {{id: {id}, {rest}}}");
        self
    }

    fn route(self, prefix: &str, next_hop: &str) -> Self {
        self.route_at(prefix, next_hop, 0)
    }

    fn route_at(mut self, prefix: &str, next_hop: &str, priority: u32) -> Self {
        let _ = writeln!(
            self.routes,
            "  - {{prefix: '{prefix}', nextHop: {next_hop}, priority: {priority}}}"
        );
        self
    }
}

fn load(draft: Draft) -> NodeConfig {
    let Draft {
        id,
        top,
        peers,
        routes,
    } = draft;
    from_text(
        &format!("{id}.yaml"),
        &format!("{top}peers:\n{peers}routes:\n{routes}"),
    )
}

/// What `check` says about the nodes: errors, and warnings with a `?` in front.
fn judge(drafts: impl IntoIterator<Item = Draft>) -> Vec<String> {
    let configs: Vec<NodeConfig> = drafts.into_iter().map(load).collect();
    said(&configs)
}

fn said(configs: &[NodeConfig]) -> Vec<String> {
    let mut report = nodes(configs);
    report.sort();
    let errors = report
        .errors
        .iter()
        .map(|problem| format!("{}: {}", problem.origin, problem.what));
    let warnings = report
        .warnings
        .iter()
        .map(|problem| format!("?{}: {}", problem.origin, problem.what));
    errors.chain(warnings).collect()
}

#[track_caller]
fn assert_judged(drafts: impl IntoIterator<Item = Draft>, expected: &[&str]) {
    let said = judge(drafts);
    assert_eq!(said, expected, "{said:#?}");
}

/// A - B - C, all routes there.
fn chain() -> [Draft; 3] {
    [
        node("a").dials("b").route("test", "b"),
        node("b")
            .knows("a")
            .dials("c")
            .route("test.a", "a")
            .route("test.c", "c"),
        node("c").knows("b").route("", "b"),
    ]
}

#[test]
fn a_chain_that_fits_has_no_problems() {
    assert_judged(chain(), &[]);
}

#[test]
fn a_peer_that_is_in_no_file_is_a_stranger() {
    assert_judged(
        [
            node("a").dials("b").dials("stranger").route("", "stranger"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &[],
    );
}

// Links

#[test]
fn a_peer_whose_own_file_lacks_us_is_told() {
    assert_judged(
        [node("a").dials("b").route("test.b", "b"), node("b")],
        &[
            "a.yaml:4:10: b is our peer, but has no peer a",
            "?b.yaml:1:1: b has no route to test.a",
        ],
    );
}

#[test]
fn a_dialler_and_its_listener_agree_about_tls() {
    let of = |dialler: Draft, scheme: &str| {
        dialler
            .peer("b", &format!("authToken: t, url: '{scheme}://b:3000'"))
            .route("test.b", "b")
    };
    let b = || node("b").knows("a").route("test.a", "a");
    let judged = |scheme, tls: bool, required: bool| {
        let mut nodes = [of(node("a"), scheme), b()].map(load).to_vec();
        if tls {
            let mut server = TlsServerOptions::new(TlsIdentity::new("cert.pem", "key.pem"));
            if required {
                let ca_file = "ca.pem".into();
                server.clients = ClientCertificates::Required { ca_file };
            }
            nodes[1].tls.server = Some(server);
        }
        said(&nodes)
    };
    assert!(judged("ws", false, false).is_empty());
    assert!(judged("wss", true, false).is_empty());
    assert_eq!(
        judged("ws", true, false),
        ["a.yaml:4:32: the url begins with ws://, but b listens with TLS only"]
    );
    assert_eq!(
        judged("wss", false, false),
        ["?a.yaml:4:32: the url begins with wss://, but b listens without TLS"]
    );
    assert_eq!(
        judged("wss", true, true),
        ["a.yaml:4:32: b asks for a client certificate, and there is none to show"]
    );
}

#[test]
fn nodes_of_one_process_share_no_name_and_no_port() {
    let alone = |id, port| node(id).top(&format!("btpServerPort: {port}\nhealthCheckPort: 0"));
    let judge = |drafts: [Draft; 2]| {
        let problems = together(&drafts.map(load));
        let text = problems.iter().map(|p| format!("{}: {}", p.origin, p.what));
        text.collect::<Vec<_>>()
    };
    assert!(judge([alone("a", 1), alone("b", 2)]).is_empty());
    assert!(judge([alone("a", 0), alone("b", 0)]).is_empty());
    let [port] = &judge([alone("a", 1), alone("b", 1)])[..] else {
        panic!()
    };
    assert!(
        port.contains("a and b run on one machine, and both listen on port 1"),
        "{port}"
    );
    let twice = judge([alone("a", 1), alone("a", 2)]);
    assert_eq!(twice.len(), 2, "{twice:?}");
}

#[test]
fn a_link_that_nobody_dials_is_told_once() {
    assert_judged(
        [
            node("a").knows("b").route("test.b", "b"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &[
            "a.yaml:4:10: neither a nor b has a url for the other, so nobody dials",
            "?b.yaml:1:1: b listens on port 3000 like a, which clashes if they share a machine",
        ],
    );
}

#[test]
fn secrets_that_differ_are_told_with_both_places_and_without_the_secrets() {
    let [a, _, c] = chain();
    let b = node("b")
        .peer("a", "authToken: S3CRET")
        .dials("c")
        .route("test.a", "a")
        .route("test.c", "c");
    let drafts = [a, b, c];
    let configs: Vec<NodeConfig> = drafts
        .into_iter()
        .map(|d| {
            from_text(
                &format!("{}.yaml", d.id),
                &format!("{}peers:\n{}routes:\n{}", d.top, d.peers, d.routes),
            )
        })
        .collect();
    let report = nodes(&configs);
    let said: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "b.yaml:4:24: the secrets that a and b have for each other differ: \
          both ends need the same one; the other is at a.yaml:4:24"
        ]
    );
}

#[test]
fn a_dialler_without_the_secret_that_is_asked_for_is_told() {
    assert_judged(
        [
            node("a")
                .peer("b", "noAuth: true, url: 'ws://b:3000'")
                .route("test.b", "b"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &["a.yaml:4:5: a dials b with noAuth, but b asks for a secret"],
    );
}

#[test]
fn a_secret_that_is_not_asked_for_is_a_warning() {
    assert_judged(
        [
            node("a").dials("b").route("test.b", "b"),
            node("b").peer("a", "noAuth: true").route("test.a", "a"),
        ],
        &["?a.yaml:4:24: only one of a and b has a secret for the other, it protects nothing"],
    );
}

#[test]
fn a_node_may_be_known_by_the_name_that_it_dials_with() {
    assert_judged(
        [
            node("a")
                .peer("b", "authToken: t, url: 'ws://b:3000', authUsername: alias")
                .route("test.b", "b"),
            node("b").knows("alias").route("test.a", "alias"),
        ],
        &[],
    );
}

#[test]
fn a_name_that_the_other_end_does_not_know_is_told() {
    assert_judged(
        [
            node("a")
                .peer("b", "authToken: t, url: 'ws://b:3000', authUsername: alias")
                .route("test.b", "b"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &["a.yaml:4:10: we authenticate with b as alias, but it knows us as a"],
    );
}

#[test]
fn relations_must_fit() {
    assert_judged(
        [
            node("a")
                .peer("b", "authToken: t, url: 'ws://b:3000', relation: child")
                .route("test.b", "b"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &["a.yaml:4:10: a calls b its child, and b calls a its peer"],
    );
}

#[test]
fn both_ends_must_count_the_same_asset() {
    assert_judged(
        [
            node("a").dials("b").route("test.b", "b"),
            node("b")
                .top("assetScale: 2")
                .knows("a")
                .route("test.a", "a"),
        ],
        &["a.yaml:4:10: a counts USD/9 with b, and b counts USD/2 with a"],
    );
}

// Ids, addresses and ports

#[test]
fn ids_and_addresses_must_differ() {
    let twin = Draft {
        id: "b",
        ..node("a")
    };
    assert_judged(
        [node("a").dials("x"), twin.dials("x")],
        &[
            "b.yaml:1:9: two nodes are called a",
            "b.yaml:2:13: two nodes have the address test.a",
            "?b.yaml:1:1: a listens on port 3000 like a, which clashes if they share a machine",
        ],
    );
}

fn local(id: &'static str, port: u16, other: &str, other_port: u16) -> Draft {
    let url = format!("authToken: t, url: 'ws://127.0.0.1:{other_port}'");
    node(id)
        .top(&format!("btpServerPort: {port}"))
        .top(&format!("healthCheckPort: {}", port + 1))
        .peer(other, &url)
        .route(&format!("test.{other}"), other)
}

#[test]
fn nodes_that_dial_each_other_over_loopback_cannot_share_a_port() {
    assert_judged(
        [local("a", 3001, "b", 3005), local("b", 3005, "a", 3001)],
        &[],
    );
    assert_judged(
        [local("a", 3001, "b", 3002), local("b", 3002, "a", 3001)],
        &["b.yaml:3:16: a and b run on one machine, and both listen on port 3002"],
    );
}

#[test]
fn nodes_in_containers_may_share_a_port() {
    // each listens on 3000 and 8080, and is dialled by a name of its own
    assert_judged(chain(), &[]);
}

#[test]
fn nodes_on_different_addresses_of_one_machine_may_share_a_port() {
    let own = |id, ip: &str, other, other_ip: &str| {
        node(id)
            .top(&format!("btpServerHost: {ip}"))
            .top(&format!("healthCheckHost: {ip}"))
            .peer(other, &format!("authToken: t, url: 'ws://{other_ip}:3000'"))
            .route(&format!("test.{other}"), other)
    };
    assert_judged(
        [
            own("a", "127.0.0.1", "b", "127.0.0.2"),
            own("b", "127.0.0.2", "a", "127.0.0.1"),
        ],
        &[],
    );
}

#[test]
fn a_url_with_another_port_than_the_node_listens_on_is_a_warning() {
    assert_judged(
        [
            node("a")
                .peer("b", "authToken: t, url: 'ws://b:3001'")
                .route("test.b", "b"),
            node("b").knows("a").route("test.a", "a"),
        ],
        &["?a.yaml:4:32: the url has port 3001, but b listens on 3000"],
    );
    assert_judged(
        [
            node("a").dials("b").route("test.b", "b"),
            node("b")
                .top("btpServerPort: 0")
                .knows("a")
                .route("test.a", "a"),
        ],
        &["?a.yaml:4:32: b takes a free port at its start, nobody knows it to be 3000"],
    );
}

// Routes

#[test]
fn a_route_to_a_neighbour_that_has_none_is_told() {
    let [a, _, c] = chain();
    assert_judged(
        [a, node("b").knows("a").dials("c").route("test.a", "a"), c],
        &[
            "a.yaml:6:5: packets for test.c would end at b, which has no route to it",
            "?b.yaml:1:1: b has no route to test.c",
        ],
    );
}

#[test]
fn a_dead_end_further_away_is_told_where_it_can_be_mended() {
    let [a, b, _] = chain();
    assert_judged(
        [
            a,
            b.route("test.d", "c"),
            node("c")
                .knows("b")
                .dials("d")
                .route("test.a", "b")
                .route("test.b", "b"),
            node("d").knows("c").route("", "c"),
        ],
        &[
            "b.yaml:9:5: packets for test.d would end at c, which has no route to it",
            "?c.yaml:1:1: c has no route to test.d",
        ],
    );
}

#[test]
fn a_route_below_an_address_needs_somebody_there() {
    let [a, b, c] = chain();
    assert_judged(
        [a, b.route("test.c.bob", "c"), c],
        &["b.yaml:9:5: packets for test.c.bob would end at c, which has no route to it"],
    );
    let [a, b, c] = chain();
    assert_judged(
        [
            a,
            b.route("test.c.bob", "c"),
            c.peer("bob", "authToken: t, relation: child"),
        ],
        &[],
    );
}

#[test]
fn routes_in_a_circle_are_told_once() {
    assert_judged(
        [
            node("a")
                .dials("b")
                .route("test.b", "b")
                .route("test.x", "b"),
            node("b")
                .knows("a")
                .route("test.a", "a")
                .route("test.x", "a"),
        ],
        &["a.yaml:7:5: packets for unknown addresses in test.x would go in circles between a, b"],
    );
}

#[test]
fn default_routes_that_point_at_each_other_are_a_circle() {
    assert_judged(
        [
            node("a").dials("b").route("", "b"),
            node("b").knows("a").route("", "a"),
        ],
        &["a.yaml:6:5: packets for unknown addresses in test would go in circles between a, b"],
    );
}

#[test]
fn a_detour_is_judged_too() {
    let triangle = |detour: bool| {
        let c = node("c").knows("a").knows("b").route("test.a", "a");
        let c = if detour { c.route("test.b", "b") } else { c };
        [
            node("a")
                .dials("b")
                .dials("c")
                .route("test.b", "b")
                .route_at("test.b", "c", 1)
                .route("test.c", "c"),
            node("b")
                .knows("a")
                .dials("c")
                .route("test.a", "a")
                .route("test.c", "c"),
            c,
        ]
    };
    assert_judged(triangle(true), &[]);
    assert_judged(
        triangle(false),
        &[
            "a.yaml:8:5: packets for test.b would end at c, which has no route to it",
            "?c.yaml:1:1: c has no route to test.b",
        ],
    );
}

#[test]
fn children_take_their_address_from_their_parent() {
    let hub = || {
        node("hub")
            .peer("s", "authToken: t, relation: child")
            .peer("r", "authToken: t, relation: child")
    };
    let spoke = |id: &'static str| Draft {
        top: format!("nodeId: {id}\n"),
        ..node(id)
            .peer(
                "hub",
                "authToken: t, url: 'ws://hub:3000', relation: parent",
            )
            .route("", "hub")
    };
    assert_judged([hub(), spoke("s"), spoke("r")], &[]);
    // without a route to the hub they reach nobody
    let mut lonely = spoke("r");
    lonely.routes.clear();
    assert_judged(
        [hub(), spoke("s"), lonely],
        &["?r.yaml:1:1: r has no route to test.hub, test.hub.s"],
    );
}

#[test]
fn the_last_line_counts() {
    let report = |errors, warnings| Report {
        errors: vec![Problem::new(&config::Origin::Default, "x", "y"); errors],
        warnings: vec![Problem::new(&config::Origin::Default, "x", "y"); warnings],
        nodes: 1,
        peers: 2,
        routes: 0,
    };
    assert_eq!(report(0, 0).to_string(), "ok: 1 node, 2 peers, 0 routes");
    assert_eq!(
        report(0, 1).to_string(),
        "ok: 1 node, 2 peers, 0 routes, 1 warning"
    );
    assert_eq!(report(2, 1).to_string(), "2 errors, 1 warning");
}
