//! Those who take their time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use btp_proto::{Frame, Protocol, Protocols};
use ilp_proto::{Addr, Condition, Packet, Prepare, Timestamp};

use crate::node::{Node, settings};
use crate::raw::{BINARY, UPGRADE, auth, authenticated, connect_from, frame, source, upgraded};
use crate::raw::{encode, read_frame};

const TIMEOUT: Duration = Duration::from_millis(1_000);

/// Sends a byte every now and then, until it is cut off; how long that took from before it connected, so never less than
/// the node has waited since.
fn drip(connect: impl FnOnce() -> io::Result<TcpStream>, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    let mut stream = connect().unwrap();
    let pause = Duration::from_millis(20);
    stream.set_read_timeout(Some(pause)).unwrap();
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        // The pause of a slow sender, unless the end comes first.
        match stream.read(&mut [0; 1024]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    began.elapsed()
}

/// All of the time that a handshake has, and not much more.
fn was_cut_in_time(took: Duration) {
    let late = TIMEOUT + Duration::from_secs(5);
    assert!((TIMEOUT..late).contains(&took), "{took:?}");
}

#[test]
fn a_slowloris_is_cut_off_by_the_handshake_timeout_wherever_it_dawdles() {
    let node = Node::start(settings().set("handshakeTimeout", "1s"));
    let mut honest = node.honest();
    let mut long_upgrade = UPGRADE.replace("\r\n\r\n", "\r\nX-Padding: ");
    long_upgrade += &"x".repeat(1_000);
    let guess = frame(BINARY, &auth("alice", &"x".repeat(1_000)));
    let (btp, one, two) = (node.btp, source(1), source(2));
    let before_the_upgrade =
        thread::spawn(move || drip(|| connect_from(one, btp), long_upgrade.as_bytes()));
    let before_the_auth = thread::spawn(move || drip(|| upgraded(two, btp), &guess));
    honest.pay();
    for attack in [before_the_upgrade, before_the_auth] {
        was_cut_in_time(attack.join().unwrap());
    }
    node.wait_metric("ilp_connections_unauthenticated", |count| count == 0);
    honest.pay();
}

#[test]
fn a_tls_handshake_that_never_ends_is_cut_off_too() {
    use crate::process::Process;
    let dir = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.self_signed(&key).unwrap();
    let name = |what: &str| dir.join(format!("slow-{}-{what}.pem", std::process::id()));
    std::fs::write(name("cert"), cert.pem()).unwrap();
    std::fs::write(name("key"), key.serialize_pem()).unwrap();
    let settings = settings()
        .set("handshakeTimeout", "1s")
        .set("certFile", name("cert").to_str().unwrap())
        .set("keyFile", name("key").to_str().unwrap());
    let process = Process::run(&[settings]);
    let btp = process.listens("a").0;
    // The header of a handshake record that says 512 bytes, and of a ClientHello within; the rest may take long.
    let mut hello = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    hello.extend([0; 500]);
    was_cut_in_time(drip(|| connect_from(source(1), btp), &hello));
}

/// A PREPARE of nearly the largest size.
fn large_prepare() -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = Timestamp::from_millis(i64::try_from(now.unwrap().as_millis()).unwrap());
    let mut ilp = Vec::new();
    Prepare {
        amount: 1,
        expires_at: now.saturating_add(Duration::from_secs(60)),
        condition: Condition::OF_ZERO,
        destination: Addr::new("test.bob").unwrap(),
        data: &[9; 32_000],
    }
    .encode(&mut ilp);
    let protocols = [Protocol::octets("ilp", &ilp)];
    encode(&Frame::Message {
        id: 77,
        protocols: Protocols::new(&protocols),
    })
}

/// Sends it in these pieces; bob gets it whole and it is answered.
fn pays_in_pieces(pieces: impl Iterator<Item = Vec<u8>>) {
    let node = Node::start(settings());
    let mut honest = node.honest();
    let mut mallory = authenticated(source(1), node.btp, "mallory");
    for (n, piece) in pieces.enumerate() {
        mallory.write_all(&piece).unwrap();
        if n % 4_000 == 0 {
            honest.pay();
        }
    }
    let (id, packet) = honest.bob.packet();
    let Packet::Prepare(prepare) = Packet::parse(&packet).unwrap() else {
        panic!("no PREPARE")
    };
    assert_eq!(prepare.data, [9; 32_000]);
    honest.bob.fulfill_as(id);
    let (_, answer) = read_frame(&mut mallory).unwrap();
    assert_eq!(Frame::parse(&answer).unwrap().id(), 77);
    honest.pay();
}

#[test]
fn a_message_that_comes_byte_by_byte_is_read_like_any_other() {
    let bytes = frame(BINARY, &large_prepare());
    pays_in_pieces(bytes.into_iter().map(|byte| vec![byte]));
}

#[test]
fn a_message_in_fragments_of_one_byte_is_read_like_any_other() {
    let message = large_prepare();
    let last = message.len() - 1;
    let fragments = message.into_iter().enumerate().map(move |(at, byte)| {
        let opcode = if at == 0 { 2 } else { 0 };
        let fin = if at == last { 0x80 } else { 0 };
        frame(fin | opcode, &[byte])
    });
    pays_in_pieces(fragments);
}
