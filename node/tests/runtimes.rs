//! Every command that needs a runtime, on each that is compiled in; together they are the same network.
#![allow(clippy::unwrap_used)]

#[path = "run/process.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod process;
#[path = "tools/tool.rs"]
#[allow(dead_code)]
mod tool;

use std::fs;
use std::process::Command;

use process::{Process, Settings, command, run_command, secret_of};
use tool::{Tool, run};

/// Those that the features of this build have.
const RUNTIMES: &[&str] = &[
    #[cfg(feature = "tokio")]
    "tokio",
    #[cfg(feature = "smol")]
    "smol",
];

fn on(runtime: &str, mut command: Command) -> Command {
    command.args(["--runtime", runtime]);
    command
}

fn hub() -> Settings {
    let child = |id: &str| {
        let secret = secret_of(id);
        format!("{{id: {id}, authToken: {secret}, relation: child}}")
    };
    Settings::new("hub").peers(&[child("alice"), child("bob")])
}

#[cfg(target_os = "linux")]
#[test]
fn a_node_runs_on_the_runtime_that_it_is_told() {
    for runtime in RUNTIMES {
        let mut node = Process::spawn(on(runtime, run_command(&[hub()])));
        node.wait_for("connector_ready");
        let threads = fs::read_dir(format!("/proc/{}/task", node.id())).unwrap();
        let workers: Vec<String> = threads
            .map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap())
            .filter(|name| name.starts_with("ilp-") && name != "ilp-connector\n")
            .collect();
        // as many as there are cores, and the one that said it is ready is up
        let name = format!("ilp-{runtime}\n");
        assert!(
            !workers.is_empty() && workers.iter().all(|worker| *worker == name),
            "{workers:?}"
        );
        assert_eq!(node.stop().code(), Some(0), "{}", node.show());
    }
}

#[test]
fn tools_on_any_runtime_use_a_node_on_any_runtime() {
    for of_node in RUNTIMES {
        let mut node = Process::spawn(on(of_node, run_command(&[hub()])));
        node.wait_for("connector_listening");
        let address = node.listens("hub").0;
        let account = |user: &str| format!("ws://{user}:{}@{address}", secret_of(user));
        for of_tools in RUNTIMES {
            let what = format!("node on {of_node}, tools on {of_tools}");
            let (alice, bob) = (account("alice"), account("bob"));
            let mut receiver = Tool::spawn(&[
                "receive",
                "--via",
                &bob,
                "--key",
                "k",
                "--runtime",
                of_tools,
            ]);
            receiver.wait_for("receiving at test.hub.bob");
            let sent = run(&[
                "--runtime",
                of_tools,
                "send",
                "--via",
                &alice,
                "--key",
                "k",
                "--to",
                "test.hub.bob",
                "--count",
                "100",
            ]);
            assert_eq!(sent.code, Some(0), "{what}: {}{}", sent.out, sent.err);
            let pinged = run(&[
                "ping",
                "test.hub",
                "--via",
                &alice,
                "--count",
                "1",
                "--runtime",
                of_tools,
            ]);
            assert_eq!(pinged.code, Some(0), "{what}: {}{}", pinged.out, pinged.err);
            receiver.signal("INT");
            assert_eq!(receiver.end(), Some(0), "{what}");
        }
        assert_eq!(node.stop().code(), Some(0), "{}", node.show());
    }
}

#[test]
fn the_demo_holds_on_each() {
    for runtime in RUNTIMES {
        let output = command(&["demo", "--count", "50"])
            .env("ILP_RUNTIME", runtime)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{runtime}: {output:?}");
    }
}

#[test]
fn a_runtime_that_is_not_compiled_in_is_wrong_use() {
    let there = RUNTIMES.join(", ");
    let missing = ["tokio", "smol"]
        .into_iter()
        .find(|name| !RUNTIMES.contains(name));
    for name in ["async-std"].into_iter().chain(missing) {
        for command in [
            on(name, command(&["run"])),
            on(
                name,
                command(&["ping", "test.b", "--via", "ws://localhost"]),
            ),
        ] {
            let (output, said) = refused(command);
            assert_eq!(output, Some(2));
            assert!(
                said.contains("--runtime: ") && said.contains(&there),
                "{said}"
            );
        }
        let mut by_variable = command(&["demo"]);
        by_variable.env("ILP_RUNTIME", name);
        let (output, said) = refused(by_variable);
        assert_eq!(output, Some(2));
        assert!(
            said.contains("ILP_RUNTIME: ") && said.contains(&there),
            "{said}"
        );
    }
}

fn refused(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
