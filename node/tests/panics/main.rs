//! Bugs in the binary itself: the task of one link panics, or somebody does who has the connector.
//!
//! For a build with the feature `fault-injection`, whose `src/faults.rs` has such bugs on purpose. The same in the
//! processes of tests, for each driver, is in `conformance`.
#![cfg(target_os = "linux")] // namespaces
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
#[path = "../run/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "../hostile/node.rs"]
#[allow(dead_code)]
mod node;
#[path = "../run/process.rs"]
#[allow(dead_code)]
mod process;

use link::Link;
use node::{Honest, settings};
use process::{Process, Settings, dials, own_address, run_command, secret_of, waits_for};

const SIGABRT: i32 = 6;
const WORD: &str = "bug";

/// Makes the node panic while it reads what mallory sends: bytes with a secret in them.
fn provoke(mallory: &mut TcpStream, what: &str) {
    let bytes = format!("{WORD} {what} {}", secret_of("mallory"));
    mallory.write_all(bytes.as_bytes()).unwrap();
}

fn armed(mut command: Command) -> Command {
    command.env("ILP_FAULT_INJECTION", WORD);
    command
}

fn assert_no_secret(log: &str) {
    for peer in ["alice", "bob", "mallory"] {
        assert!(!log.contains(&secret_of(peer)), "{log}");
    }
}

#[test]
fn a_panic_in_the_task_of_a_link_costs_that_peer_its_link_until_the_next_dial_and_nobody_else_anything()
 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mallory = dials("mallory", listener.local_addr().unwrap());
    let settings = settings()
        .peers(&[waits_for("alice"), waits_for("bob"), mallory])
        .set("retryInitialDelay", "20ms");
    let mut node = Process::spawn(armed(run_command(&[settings])));
    node.wait_for("connector_listening");
    let (btp, _) = node.listens("a");
    let mut mallory = Link::accept(&listener);
    let mut honest = Honest {
        alice: Link::dial(btp, "alice"),
        bob: Link::dial(btp, "bob"),
    };
    honest.alice.prepare("test.bob", 7, Duration::from_secs(30));
    let (in_flight, _) = honest.bob.packet();

    provoke(mallory.socket.get_mut(), "link");
    let line = node.wait_for("link_panicked");
    assert_eq!(line["level"], "error");
    let line = node.wait_for("btp_disconnected");
    assert_eq!(
        (&line["peerId"], &line["reason"]),
        (&"mallory".into(), &"internal error".into())
    );
    assert_eq!(mallory.receive(), None);

    // What was under way goes on, and what comes after.
    honest.bob.fulfill_as(in_flight);
    assert_eq!(honest.alice.outcome(), "fulfilled");
    honest.pay();
    let mut mallory = Link::accept(&listener);
    node.wait_until(
        |line| line["event"] == "btp_connected" && line["peerId"] == "mallory",
        "mallory is back",
    );
    honest
        .alice
        .prepare("test.mallory", 7, Duration::from_secs(30));
    mallory.fulfill();
    assert_eq!(honest.alice.outcome(), "fulfilled");
    let panics = node.all("panic");
    assert_eq!(panics.len(), 1);
    assert!(
        panics[0]["place"].as_str().unwrap().contains("faults.rs"),
        "{}",
        panics[0]
    );
    assert_no_secret(&node.show());
    drop((honest, mallory));
    assert_eq!(node.stop().code(), Some(0));
}

/// Starts a node by `command`, makes it panic while it has the connector, and has how it ended and all it said.
fn end_of(settings: Settings, command: impl FnOnce(&Settings) -> Command) -> (ExitStatus, String) {
    let btp = own_address();
    let settings = settings
        .set("btpServerHost", &btp.ip().to_string())
        .set("btpServerPort", &btp.port().to_string());
    let mut child = armed(command(&settings))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("connector_listening") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let mut links = ["alice", "bob", "mallory"].map(|user| Link::dial(btp, user));
    provoke(links[2].socket.get_mut(), "connector");
    for link in &mut links {
        assert_eq!(link.receive(), None, "it is gone");
    }
    stderr.read_to_string(&mut said).unwrap();
    assert_no_secret(&said);
    assert!(!said.contains("all others go on"), "{said}");
    (child.wait().unwrap(), said)
}

const LAST_WORDS: &str = "a bug in the connector: its books cannot be trusted, the process ends";

#[test]
fn a_panic_inside_the_connector_is_told_as_json_and_aborts_the_process() {
    let (status, said) = end_of(settings(), |settings| {
        run_command(std::slice::from_ref(settings))
    });
    assert_eq!(status.signal(), Some(SIGABRT), "{said}");
    let lines: Vec<serde_json::Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let position = |event: &str| lines.iter().position(|line| line["event"] == event);
    let (panic, fatal) = (position("panic").unwrap(), position("fatal").unwrap());
    assert!(panic < fatal);
    for line in [&lines[panic], &lines[fatal]] {
        assert_eq!(
            (&line["level"], &line["nodeId"]),
            (&"error".into(), &"a".into())
        );
    }
    assert_eq!(lines[fatal]["msg"], LAST_WORDS);
    assert!(
        lines[panic]["place"]
            .as_str()
            .unwrap()
            .contains("faults.rs"),
        "{said}"
    );
}

#[test]
fn a_panic_inside_the_connector_is_told_as_text_and_aborts_the_process() {
    let text = settings().set("logFormat", "text");
    let (status, said) = end_of(text, |settings| run_command(std::slice::from_ref(settings)));
    assert_eq!(status.signal(), Some(SIGABRT), "{said}");
    let last = said.lines().rfind(|line| line.contains(LAST_WORDS));
    assert!(last.is_some_and(|line| line.contains("ERROR")), "{said}");
    assert!(said.contains("faults.rs"), "{said}");
}

/// The first process of a container gets no signal that it does not handle, not even its own SIGABRT.
#[test]
fn a_panic_inside_the_connector_ends_the_first_process_of_a_container_too() {
    let unshare = ["--user", "--map-root-user", "--pid", "--fork"];
    let works = Command::new("unshare")
        .args(unshare)
        .arg("true")
        .stderr(Stdio::null())
        .status();
    if !works.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("ILP_TEST_NO_SKIP").is_none(),
            "there are no namespaces"
        );
        eprintln!("SKIPPED: there are no namespaces");
        return;
    }
    let (status, said) = end_of(settings(), |settings| {
        let node = run_command(std::slice::from_ref(settings));
        let mut command = Command::new("unshare");
        command
            .args(unshare)
            .arg(node.get_program())
            .args(node.get_args())
            .env_clear()
            .stdin(Stdio::null());
        for (name, value) in node.get_envs() {
            command.env(name, value.unwrap());
        }
        command
    });
    assert!(!status.success(), "{said}");
    assert!(said.contains(LAST_WORDS), "{said}");
}
