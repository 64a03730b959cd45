//! A connector that panicked takes the process with it.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use ilp_router::{Connector, config::Config};
use ilp_runtime::{Clock, Node, NodeOptions, Observer};

/// Set in the process that is to be aborted.
const VICTIM: &str = "ILP_TEST_ABORT_VICTIM";

struct LastWords;

impl Observer for LastWords {
    fn event(&self, _: &ilp_router::Event) {}

    fn fatal(&self, message: &str) {
        eprintln!("last words: {message}");
    }
}

#[test]
fn a_panic_inside_the_connector_aborts_the_process() {
    if std::env::var_os(VICTIM).is_some() {
        panic_under_the_lock();
        return;
    }
    let myself = std::env::current_exe().unwrap();
    let output = Command::new(myself)
        .args([
            "--exact",
            "a_panic_inside_the_connector_aborts_the_process",
            "--nocapture",
        ])
        .env(VICTIM, "1")
        .output()
        .unwrap();
    // SIGABRT
    assert_eq!(output.status.signal(), Some(6), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("last words: the connector panicked"),
        "{said}"
    );
}

fn panic_under_the_lock() {
    ilp_runtime_tokio::run(1, |runtime| async move {
        let config = Config::new("victim", "test.victim".parse().unwrap());
        let connector = Connector::new(config, 1, Clock::now()).unwrap();
        let options = NodeOptions::new(([127, 0, 0, 1], 0).into());
        let node = Node::start(runtime, connector, options, LastWords)
            .await
            .unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| node.with(|_| panic!("on purpose"))));
        assert!(panicked.is_err());
        node.with(|_| ());
    })
    .unwrap();
}
