//! A connector that panicked takes the process with it.

use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

use ilp_router::Connector;
use ilp_runtime::{Clock, Node, NodeOptions, Observer, Runtime};

use super::setup::{LOCALHOST, config};

/// Set in the process that is to be aborted.
const VICTIM: &str = "ILP_TEST_ABORT_VICTIM";
#[cfg(unix)]
const SIGABRT: i32 = 6;

struct LastWords;

impl Observer for LastWords {
    fn event(&self, _: &ilp_router::Event) {}

    fn fatal(&self, message: &str) {
        eprintln!("last words: {message}");
    }
}

pub async fn a_panic_inside_the_connector_aborts_the_process<R: Runtime>(runtime: R) {
    if std::env::var_os(VICTIM).is_some() {
        return panic_under_the_lock(runtime).await;
    }
    let runtime = if type_name::<R>().starts_with("ilp_runtime_smol") {
        "smol"
    } else {
        "tokio"
    };
    // this test once more, in a process of its own
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(format!(
            "{runtime}::a_panic_inside_the_connector_aborts_the_process"
        ))
        .args(["--exact", "--nocapture"])
        .env(VICTIM, "1")
        .output()
        .unwrap();
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&output.status),
        Some(SIGABRT),
        "{output:?}"
    );
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("last words: the connector panicked"),
        "{said}"
    );
}

async fn panic_under_the_lock<R: Runtime>(runtime: R) {
    let connector = Connector::new(config("victim"), 1, Clock::now()).unwrap();
    let node = Node::start(runtime, connector, NodeOptions::new(LOCALHOST), LastWords)
        .await
        .unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| node.with(|_| panic!("on purpose"))));
    assert!(panicked.is_err());
    node.with(|_| ());
}
