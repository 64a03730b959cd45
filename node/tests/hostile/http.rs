//! The health port, for those who hope that two readers of HTTP disagree.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::client::{connect, get};
use crate::node::{Node, settings};

/// Everything that comes back for these bytes, and for an ordinary last request behind them.
fn answers(node: &Node, request: &str) -> String {
    let mut stream = connect(node.http);
    let last = "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let all = [request, last].concat();
    stream.write_all(all.as_bytes()).unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8(all).unwrap()
}

/// The statuses in it.
fn statuses(answers: &str) -> Vec<&str> {
    let lines = answers.lines();
    lines
        .filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3))
        .collect()
}

const SMUGGLED: &str = "GET /peers HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn a_request_whose_length_is_ambiguous_is_refused_and_nothing_behind_it_is_read() {
    let node = Node::start(settings());
    for headers in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Content-Length: 0\r\nContent-Length: 37\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: 0, 37\r\n",
        "Transfer-Encoding: identity, gzip\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 4\r\n : 0\r\n",
        "Content-Length\u{b}: 0\r\n",
    ] {
        for method in ["GET", "POST"] {
            let request =
                format!("{method} /live HTTP/1.1\r\nHost: x\r\n{headers}\r\n0\r\n\r\n{SMUGGLED}");
            let answers = answers(&node, &request);
            assert!(!answers.contains("nodeId"), "{request:?} gets {answers}");
            let statuses = statuses(&answers);
            assert!(statuses.len() <= 1, "{request:?} gets {answers}");
        }
    }
    assert_eq!(get(node.http, "/live").status, 200);
}

#[test]
fn a_body_is_never_taken_for_a_request() {
    let node = Node::start(settings());
    assert!(
        get(node.http, "/peers").body.contains("nodeId"),
        "what they hope for"
    );
    let len = SMUGGLED.len();
    for head in [
        format!("POST /live HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{SMUGGLED}"),
        format!("GET /live HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{SMUGGLED}"),
        format!(
            "POST /live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{len:x}\r\n{SMUGGLED}\r\n0\r\n\r\n"
        ),
    ] {
        let answers = answers(&node, &head);
        let statuses = statuses(&answers);
        assert!((1..=2).contains(&statuses.len()), "{head:?} gets {answers}");
        assert!(!answers.contains("nodeId"), "{head:?} gets {answers}");
    }
}

#[test]
fn neither_another_protocol_nor_another_host_is_reached_through_the_health_port() {
    let node = Node::start(settings());
    let upgrade = "GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let first = answers(&node, upgrade);
    assert_eq!(statuses(&first), ["200", "200"], "{first}");
    let websocket = crate::raw::UPGRADE.replace("GET / ", "GET /live ");
    let second = answers(&node, &websocket);
    assert_eq!(statuses(&second), ["200", "200"], "{second}");
    let absolute = "GET http://elsewhere.example/secret HTTP/1.1\r\nHost: x\r\n\r\n";
    let third = answers(&node, absolute);
    assert_eq!(statuses(&third), ["404", "200"], "{third}");
    let connect = "CONNECT elsewhere.example:22 HTTP/1.1\r\nHost: x\r\n\r\n";
    let fourth = answers(&node, connect);
    assert!(
        ["400", "404", "405"].contains(&statuses(&fourth)[0]),
        "{fourth}"
    );
}

#[test]
fn pipelined_requests_that_nobody_reads_the_answers_of_end_and_cost_little() {
    let node = Node::start(settings());
    let before = node.memory();
    let mut stream = connect(node.http);
    let burst = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    stream
        .set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let began = Instant::now();
    // The node stops reading when its answers do not go out, and hangs up after ten seconds of that.
    while stream.write_all(burst.as_bytes()).is_ok() {}
    assert_eq!(get(node.http, "/live").status, 200);
    assert!(node.memory().saturating_sub(before) < 4 << 20);
    stream.set_write_timeout(None).unwrap();
    while stream.write_all(b"GET").is_ok() {}
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(30)).contains(&took),
        "{took:?}"
    );
}
