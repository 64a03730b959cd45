use clap::{CommandFactory, Parser};

use super::*;

#[derive(Parser, Debug)]
enum Tool {
    Send(SendArgs),
    Receive(ReceiveArgs),
    Ping(PingArgs),
    Demo(DemoArgs),
}

fn parse(line: &str) -> Result<Tool, clap::Error> {
    Tool::try_parse_from(["ilp-connector"].into_iter().chain(line.split(' ')))
}

fn receive(line: &str) -> ReceiveArgs {
    match parse(&format!("receive {line}")).unwrap() {
        Tool::Receive(args) => args,
        other => panic!("{other:?}"),
    }
}

fn no_env(_: &str) -> Option<String> {
    None
}

#[test]
fn the_definitions_do_not_contradict_themselves() {
    Tool::command().debug_assert();
}

#[test]
fn defaults_are_those_of_the_help() {
    let Tool::Send(send) = parse("send --via ws://h --to test.b --key k").unwrap() else {
        panic!()
    };
    assert_eq!((send.count, send.in_flight, send.amount), (1, 32, 1));
    assert_eq!(
        (send.expiry, send.data.as_str(), send.json),
        (Duration::from_secs(30), "", false)
    );
    let Tool::Ping(ping) = parse("ping test.b --via ws://h").unwrap() else {
        panic!()
    };
    assert_eq!(
        (ping.count, ping.interval, ping.timeout),
        (None, Duration::from_secs(1), Duration::from_secs(10))
    );
    let Tool::Demo(demo) = parse("demo").unwrap() else {
        panic!()
    };
    assert_eq!((demo.count, demo.in_flight), (10_000, 64));
}

#[test]
fn flags_the_url_and_the_environment_all_can_hold_the_token() {
    let env = |name: &str| (name == "ILP_TOKEN").then(|| "from-env".to_owned());
    for (line, user, token) in [
        ("--via ws://h --user u --token t", Some("u"), "t"),
        ("--via ws://u:t@h", Some("u"), "t"),
        ("--via ws://:t@h", None, "t"),
        ("--via ws://h --user u", Some("u"), "from-env"),
        ("--via ws://:t@h --user u", Some("u"), "t"),
        ("--via ws://u@h", Some("u"), "from-env"),
        ("--via ws://u@h --token t", Some("u"), "t"),
        ("--via ws://a%40b@h:1/x?y", Some("a@b"), "from-env"),
    ] {
        let target = receive(line).attach.target(env).unwrap();
        assert_eq!(target.credentials.username.as_deref(), user, "{line}");
        assert_eq!(target.credentials.token.as_str(), token, "{line}");
    }
    let target = receive("--via ws://h").attach.target(no_env).unwrap();
    assert!(target.credentials.token.is_empty());
}

#[test]
fn a_user_in_the_url_without_any_token_is_a_slip() {
    let target = receive("--via ws://u@h").attach.target(no_env);
    let Usage(words) = target.unwrap_err();
    assert!(words.contains("ILP_TOKEN"), "{words}");
}

#[test]
fn numbers_that_are_none_are_refused_in_words() {
    let send = "send --via ws://h --to test.b --key k";
    for (line, words) in [
        (
            format!("{send} --amount x"),
            "expected a whole number of units",
        ),
        (
            format!("{send} --count 0"),
            "expected a whole number, 1 or more",
        ),
        (
            "ping test.b --via ws://h --amount=-1".into(),
            "expected a whole number of units",
        ),
        (
            "demo --count 1.5".into(),
            "expected a whole number, 1 or more",
        ),
        (
            "demo --in-flight x".into(),
            "expected a number from 1 to 4096",
        ),
    ] {
        let error = parse(&line).unwrap_err().to_string();
        assert!(error.contains(words), "{line}: {error}");
    }
}

#[test]
fn a_flag_that_contradicts_the_url_is_refused() {
    for (line, word) in [
        ("--via ws://u:t@h --user v", "--user"),
        ("--via ws://u:t@h --token s", "--token"),
        ("--via http://h", "ws://"),
        ("--via ws://u:a/b@h", ""),
        ("--via ws://u:80/b@h", "%2F"),
    ] {
        let Usage(text) = receive(line).attach.target(no_env).unwrap_err();
        assert!(text.contains(word), "{line}: {text}");
    }
}

#[test]
fn a_key_comes_from_the_flag_or_the_environment_and_must_be_there() {
    let env = |name: &str| (name == "ILP_KEY").then(|| "secret".to_owned());
    let fulfillment = Key::new("secret").fulfillment(b"x");
    assert_eq!(
        receive("--via ws://h --key secret")
            .key
            .key(no_env)
            .unwrap()
            .fulfillment(b"x"),
        fulfillment
    );
    assert_eq!(
        receive("--via ws://h")
            .key
            .key(env)
            .unwrap()
            .fulfillment(b"x"),
        fulfillment
    );
    let Usage(text) = receive("--via ws://h").key.key(no_env).unwrap_err();
    assert!(text.contains("ILP_KEY"), "{text}");
    assert!(receive("--via ws://h --key=").key.key(no_env).is_err());
}

#[test]
fn no_secret_shows_in_debug_or_errors() {
    let args = receive("--via ws://u:hunter2@h --key swordfish --token hunter2");
    let shown = format!("{args:?} {:?}", args.attach.target(no_env).unwrap_err());
    assert!(
        !shown.contains("hunter2") && !shown.contains("swordfish"),
        "{shown}"
    );
    let error = parse("receive --via ws://u:hunter2@h --key swordfish --bogus")
        .unwrap_err()
        .to_string();
    assert!(
        !error.contains("hunter2") && !error.contains("swordfish"),
        "{error}"
    );
    let target = receive("--via ws://u:hunter2@h")
        .attach
        .target(no_env)
        .unwrap();
    assert!(!format!("{target:?}").contains("hunter2"));
}

#[test]
fn times_have_units_and_bounds() {
    for (text, ms) in [
        ("250ms", 250),
        ("30s", 30_000),
        ("1.5s", 1_500),
        ("2m", 120_000),
        ("1h", 3_600_000),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
    }
    for text in ["", "s", "-1s", "0s", "2h", "1e1s", "1 d", "1..5s"] {
        assert!(duration(text).is_err(), "{text}");
    }
    assert!(duration("30").unwrap_err().contains("write 30s or 30ms"));
}

#[test]
fn numbers_and_data_have_bounds() {
    let send = |more: &str| parse(&format!("send --via ws://h --to test.b --key k {more}"));
    for bad in [
        "--count 0",
        "--in-flight 0",
        "--in-flight 65537",
        "--amount -1",
        "--to test..b",
        "--expiry 30",
    ] {
        assert_eq!(send(bad).unwrap_err().exit_code(), 2, "{bad}");
    }
    assert!(parse("demo --in-flight 4097").is_err());
    let long = "x".repeat(MAX_DATA - UNIQUE_LEN);
    assert!(send(&format!("--data {long}")).is_ok());
    assert!(send(&format!("--data {long}x")).is_err());
}

#[test]
fn a_certificate_and_its_key_are_given_together() {
    let target = |more: &str| {
        let line = format!("--via wss://h --user u {more}");
        receive(line.trim_end()).attach.target(no_env).unwrap()
    };
    assert_eq!(target("").tls, TlsClientOptions::new());
    let tls = target("--ca-file ca.pem --cert-file c.pem --key-file k.pem").tls;
    assert_eq!(tls.ca_file, Some("ca.pem".into()));
    assert_eq!(tls.identity, Some(TlsIdentity::new("c.pem", "k.pem")));
    for half in ["--cert-file c.pem", "--key-file k.pem"] {
        let line = format!("receive --via wss://h --key k {half}");
        assert_eq!(parse(&line).unwrap_err().exit_code(), 2, "{half}");
    }
}
