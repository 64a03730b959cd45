use std::net::TcpListener;
use std::thread;

use super::*;

/// A server that gives `answer` to one request, then closes.
fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        assert!(request.starts_with(b"GET /health HTTP/1.0\r\n"));
        stream.write_all(answer.as_bytes()).unwrap();
    });
    address
}

fn verdict(answer: &'static str) -> (bool, String) {
    let verdict = ask(server(answer), Duration::from_secs(60));
    (verdict.healthy, verdict.said)
}

#[test]
fn a_healthy_node_is_well() {
    let answer = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"status\":\"healthy\",\"reason\":null}";
    assert_eq!(verdict(answer), (true, "healthy".into()));
}

#[test]
fn an_unhealthy_node_says_why() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"unhealthy\",\"reason\":\"b is gone\"}";
    assert_eq!(verdict(answer), (false, "unhealthy: b is gone".into()));
}

#[test]
fn another_server_on_the_port_is_not_taken_for_a_node() {
    let (healthy, said) = verdict("HTTP/1.1 200 OK\r\n\r\n<html>welcome</html>");
    assert!(!healthy);
    assert!(said.contains("not a node's"), "{said}");
    assert!(!verdict("").0);
    assert!(!verdict("SSH-2.0-OpenSSH\r\n").0);
}

#[test]
fn nobody_there_is_not_healthy() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let verdict = ask(address, Duration::from_secs(60));
    assert!(!verdict.healthy);
    assert!(
        verdict.said.contains(&address.to_string()),
        "{}",
        verdict.said
    );
}

#[test]
fn a_node_that_does_not_answer_is_given_up_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let verdict = ask(listener.local_addr().unwrap(), Duration::from_millis(50));
    assert!(!verdict.healthy);
}

#[test]
fn an_endless_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert!(!ask(address, Duration::from_secs(60)).healthy);
}

#[test]
fn a_node_that_listens_everywhere_is_asked_on_loopback() {
    assert_eq!(
        reachable("0.0.0.0:8080".parse().unwrap()),
        "127.0.0.1:8080".parse().unwrap()
    );
    assert_eq!(
        reachable("[::]:8080".parse().unwrap()),
        "[::1]:8080".parse().unwrap()
    );
    assert_eq!(
        reachable("10.0.0.7:80".parse().unwrap()),
        "10.0.0.7:80".parse().unwrap()
    );
}
