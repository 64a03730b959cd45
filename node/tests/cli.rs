//! The command line as people and scripts use it.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// What came of it: exit code, standard output, standard error.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn command(args: &[&str], vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ilp-connector"));
    command
        .env_clear()
        .envs(vars.iter().copied())
        .args(args)
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str], vars: &[(&str, &str)]) -> Ran {
    command(args, vars).output().unwrap().into()
}

#[test]
fn wrong_use_exits_with_2_and_shows_the_usage() {
    for args in [
        &["nope"][..],
        &["run", "--nope"],
        &["check"],
        &["decode"],
        &["decode", "--kind", "nope", "00"],
        &["run", "--set", "maxHoldTime"],
        &["help", "nope"],
    ] {
        let ran = run(args, &[]);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(
            ran.err.contains("Usage") || ran.err.contains("--help"),
            "{args:?}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn without_a_command_the_help_is_shown() {
    let ran = run(&[], &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("Commands:"));
}

#[test]
fn every_command_has_help_with_a_summary() {
    for name in [
        "run",
        "check",
        "demo",
        "send",
        "receive",
        "ping",
        "bench",
        "decode",
        "healthcheck",
        "help",
    ] {
        let short = run(&[name, "-h"], &[]);
        let long = run(&["help", name], &[]);
        assert_eq!((short.code, long.code), (0, 0), "{name}");
        assert!(
            short.out.contains(&format!("Usage: ilp-connector {name}")),
            "{name}: {}",
            short.out
        );
        assert!(long.out.contains("Usage:"), "{name}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(
        run(&["--version"], &[]).out,
        concat!("ilp-connector ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn the_settings_are_explained_in_three_ways() {
    let help = run(&["help", "config"], &[]);
    assert!(help.out.contains("BTP_PEER_<ID>_SECRET") && help.out.contains("maxHoldTime"));
    assert_eq!(run(&["--help", "config"], &[]).out, help.out);
    let markdown = run(&["help", "config", "--markdown"], &[]).out;
    assert!(
        markdown.starts_with("<!-- config-table -->\n")
            && markdown.trim().ends_with("<!-- /config-table -->")
    );
    assert!(markdown.contains("| `btpServerPort` | `BTP_SERVER_PORT` |"));
}

#[test]
fn help_does_not_show_secrets_of_the_environment() {
    let vars = [
        ("ILP_TOKEN", "S3CRETmark"),
        ("ILP_KEY", "S3CRETmark"),
        ("BTP_PEER_P_SECRET", "S3CRETmark"),
    ];
    for name in ["send", "receive", "ping", "run", "config"] {
        let ran = run(&["help", name], &vars);
        assert!(
            !ran.out.contains("S3CRETmark") && !ran.err.contains("S3CRETmark"),
            "{name}"
        );
    }
}

#[test]
fn a_bad_configuration_keeps_a_node_from_starting() {
    let vars = [
        ("NODE_ID", "n"),
        ("ILP_ADDRESS", "test.n"),
        ("BTP_SERVER_PORT", "http"),
        ("PEERS", "p=ws://u:S3CRETmark/x@p"),
        ("LOG_LEVEL", "loud"),
    ];
    // containers know 0 and 1 only
    for (name, code) in [("run", 2), ("healthcheck", 1)] {
        let ran = run(&[name], &vars);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""));
        let lines: Vec<&str> = ran.err.lines().collect();
        assert_eq!(lines.len(), 3, "{}", ran.err);
        assert!(lines[0].starts_with("environment variable BTP_SERVER_PORT: "));
        assert!(lines[1].starts_with("environment variable LOG_LEVEL: "));
        assert!(lines[2].starts_with("environment variable PEERS, entry 1: "));
        assert!(!ran.err.contains("S3CRETmark"));
    }
}

#[test]
fn a_file_without_its_flag_is_pointed_to_it() {
    let ran = run(&["run", "a.yaml"], &[]);
    assert_eq!(ran.code, 2);
    for hint in ["--config a.yaml", "-c a.yaml -c b.yaml", "--help"] {
        assert!(ran.err.contains(hint), "{hint}: {}", ran.err);
    }
    assert!(!run(&["run", "--help"], &[]).out.contains("[FILE]"));
}

#[test]
fn a_healthcheck_has_only_the_settings_that_say_where_to_ask() {
    let help = run(&["healthcheck", "--help"], &[]).out;
    for flag in [
        "--config",
        "--health-check-host",
        "--health-check-port",
        "--timeout",
    ] {
        assert!(help.contains(flag), "{flag}: {help}");
    }
    for flag in [
        "--node-id",
        "--btp-server-port",
        "--log-level",
        "--threads",
        "--set",
    ] {
        assert!(!help.contains(flag), "{flag}: {help}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn words_that_cannot_be_written_are_no_success() {
    for args in [
        &["help", "config"][..],
        &["--help"],
        &["run", "--help"],
        &["--version"],
        &["decode", "0100000001020100"],
        &["demo", "--count", "1"],
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let ran: Ran = command(args, &[]).stdout(full).output().unwrap().into();
        assert_eq!(ran.code, 1, "{args:?}");
        assert!(
            ran.err.contains("cannot write to standard output"),
            "{args:?}: {}",
            ran.err
        );
    }
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let mut child = command(&["help", "config"], &[])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_for_one_node_cannot_be_given_to_several() {
    let files = [
        "run",
        "-c",
        "no-a.yaml",
        "-c",
        "no-b.yaml",
        "--node-id",
        "x",
    ];
    let ran = run(&files, &[("ILP_ADDRESS", "test.x")]);
    assert_eq!(ran.code, 2);
    for part in [
        "flag --node-id: it is for one node",
        "environment variable ILP_ADDRESS: ",
        "Usage: ilp-connector run",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn a_healthcheck_of_a_node_that_is_not_there_fails() {
    // nobody listens on port 1
    let vars = [
        ("NODE_ID", "n"),
        ("ILP_ADDRESS", "test.n"),
        ("HEALTH_CHECK_PORT", "1"),
    ];
    assert_eq!(run(&["healthcheck"], &vars).code, 1);
}

#[test]
fn decode_prints_one_line_of_json_to_a_pipe() {
    let ran = run(&["decode", "0x01", "00000001", "02 0100"], &[]);
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.out,
        "{\"kind\":\"btp\",\"type\":\"response\",\"request_id\":1,\"protocol_data\":[]}\n"
    );
}

#[test]
fn decode_takes_its_flag_on_either_side_of_the_digits() {
    for args in [
        &["decode", "--kind", "address", "74657374", "2e61"][..],
        &["decode", "74657374", "2e61", "--kind", "address"],
        &["decode", "74657374", "2e61", "--kind=address"],
    ] {
        let ran = run(args, &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(ran.out.contains("\"test.a\""), "{args:?}: {}", ran.out);
    }
    let ran = run(&["decode", "00", "--knid", "ilp"], &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--kind"), "{}", ran.err);
}

fn decode_from_stdin(args: &[&str], input: &[u8]) -> Ran {
    let mut child = command(&[&["decode"], args].concat(), &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn decode_answers_bytes_that_are_no_text_with_json_too() {
    let ran = decode_from_stdin(&["-"], b"0100\xff\x00");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(
        ran.out
            .starts_with("{\"error\":\"bad_hex\",\"field\":\"hex\",\"offset\":4,"),
        "{}",
        ran.out
    );
}

#[test]
fn decode_reads_standard_input() {
    let ran = decode_from_stdin(&["--kind", "address", "-"], b"74 65 73 74\n2e 61\n");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "{\"address\":\"test.a\",\"scheme\":\"test\"}\n")
    );
}

#[test]
fn decode_tells_what_is_wrong_as_json_and_exits_with_1() {
    let ran = run(&["decode", "060000"], &[]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(
        ran.out
            .starts_with("{\"error\":\"eof\",\"field\":\"requestId\",\"offset\":1,"),
        "{}",
        ran.out
    );
}

/// A file for one test.
fn file(name: &str, text: &str) -> String {
    let path = format!(
        "{}/{}-{name}",
        env!("CARGO_TARGET_TMPDIR"),
        std::process::id()
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn nodes_that_clash_are_refused_before_one_of_them_starts() {
    let node = |id: &str, port: u16| {
        let text = format!(
            "nodeId: {id}\nilpAddress: test.{id}\nbtpServerPort: {port}\nhealthCheckPort: 0\n"
        );
        file(&format!("{id}-{port}.yaml"), &text)
    };
    let twice = run(&["run", "-c", &node("a", 41), "-c", &node("b", 41)], &[]);
    assert_eq!(twice.code, 2, "{}", twice.err);
    assert!(
        twice.err.contains("both listen on port 41"),
        "{}",
        twice.err
    );
    let twins = run(&["run", "-c", &node("a", 41), "-c", &node("a", 42)], &[]);
    assert_eq!(twins.code, 2, "{}", twins.err);
    assert!(
        twins.err.contains("two nodes are called a"),
        "{}",
        twins.err
    );
    assert!(
        twins.err.contains("two nodes have the address test.a"),
        "{}",
        twins.err
    );
}

#[test]
fn a_configuration_can_come_from_standard_input() {
    let mut child = command(&["check", "-"], &[])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"nodeId: a\nilpAddres: test.a\n").unwrap();
    drop(stdin);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("stdin:2:1: unknown key"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_no_configuration() {
    let ran = run(&["check", "/dev/zero"], &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no regular file"), "{}", ran.err);
    let mut child = command(&["check", "-"], &[])
        .stdin(std::fs::File::open("/dev/zero").unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

#[test]
fn a_typo_in_a_secret_variable_is_told_with_what_it_causes() {
    let ran = run(&["run"], &[("PEERS", "b"), ("BTP_PEER_B_SECRT", "x")]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("peer b has no secret"), "{}", ran.err);
    assert!(
        ran.err.contains("did you mean BTP_PEER_B_SECRET?"),
        "{}",
        ran.err
    );
}

#[test]
fn a_secret_by_flag_is_refused() {
    for peers in [
        "peers=b;authToken=FLAGSECRET",
        "peers=b=ws://u:FLAGSECRET@b",
    ] {
        let ran = run(&["run", "--set", peers], &[]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("set BTP_PEER_B_SECRET"), "{}", ran.err);
        assert!(!ran.err.contains("FLAGSECRET"), "{}", ran.err);
    }
}
