//! `check` on files: what it prints, and how it exits.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const BINARY: &str = env!("CARGO_BIN_EXE_ilp-connector");

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn check_with(files: &[PathBuf], vars: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(BINARY);
    command.env_clear().envs(vars.iter().copied());
    let output = command.arg("check").args(files).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn check(files: &[PathBuf]) -> Ran {
    check_with(files, &[])
}

/// Writes files into a directory of their own.
fn files<const N: usize>(test: &str, texts: [(&str, &str); N]) -> [PathBuf; N] {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{test}"));
    fs::create_dir_all(&dir).unwrap();
    texts.map(|(name, text)| {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        path
    })
}

/// The files of a directory of `examples`.
fn example(name: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    let entries = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_example_is_a_network_without_problems_or_warnings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut names = Vec::new();
    for entry in fs::read_dir(examples).unwrap() {
        let entry = entry.unwrap();
        let files = example(entry.file_name().to_str().unwrap());
        if !entry.path().is_dir() || files.is_empty() {
            continue;
        }
        let ran = check(&files);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{:?}", entry.path());
        assert!(
            ran.out.starts_with(&format!("ok: {} nodes", files.len())),
            "{}",
            ran.out
        );
        names.push(entry.file_name().into_string().unwrap());
    }
    for name in ["linear-3", "mesh-4", "hub-and-spoke"] {
        assert!(names.iter().any(|there| there == name), "{name}");
    }
}

#[test]
fn every_file_of_an_example_is_good_alone() {
    for name in ["linear-3", "mesh-4", "hub-and-spoke"] {
        for file in example(name) {
            let ran = check(std::slice::from_ref(&file));
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{file:?}");
        }
    }
}

#[test]
fn every_problem_of_every_file_is_printed_with_its_place() {
    let [a, b, c] = files(
        "problems",
        [
            (
                "a.yaml",
                "nodeId: a\nilpAddress: test.a\nlogLevel: loud\npeers:\n  - id: p\n",
            ),
            (
                "b.yaml",
                "nodeId: b\nilpAddress: test.b\npeers:\n  - {id: c, url: 'ws://c:3000', authToken: one}\n",
            ),
            (
                "c.yaml",
                "nodeId: c\nilpAddress: test.c\npeers:\n  - {id: b, authToken: two}\nroutes:\n  - {prefix: '', nextHop: b}\n",
            ),
        ],
    );
    let ran = check(&[a.clone(), b.clone(), c.clone()]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    let lines: Vec<&str> = ran.err.lines().collect();
    let place = |path: &Path, place: &str| format!("{}:{place}: ", path.display());
    for (line, start) in lines.iter().zip([
        place(&a, "3:11"),
        place(&a, "5:5"),
        place(&c, "4:24") + "the secrets that b and c have for each other differ",
        place(&b, "1:1") + "warning: b has no route to test.c",
    ]) {
        assert!(line.starts_with(&start), "{line} should start with {start}");
    }
    assert_eq!(lines[4], "3 errors, 1 warning");
    assert_eq!(lines.len(), 5);
}

#[test]
fn warnings_alone_do_not_fail() {
    let [file] = files(
        "warnings",
        [("a.yaml", "nodeId: a\ndashboardTelemetryUrl: ws://x\n")],
    );
    let ran = check(&[file]);
    assert_eq!(ran.code, 0);
    assert_eq!(ran.out, "ok: 1 node, 0 peers, 0 routes, 2 warnings\n");
    assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
}

#[test]
fn a_secret_may_come_from_the_environment() {
    let [file] = files(
        "environment",
        [(
            "a.yaml",
            "nodeId: a\nilpAddress: test.a\npeers:\n  - {id: p-1, url: 'ws://p'}\n",
        )],
    );
    assert_eq!(check(std::slice::from_ref(&file)).code, 2);
    assert_eq!(check_with(&[file], &[("BTP_PEER_P_1_SECRET", "s")]).code, 0);
}

#[test]
fn no_secret_is_printed_whatever_is_wrong() {
    const MARK: &str = "S3CRETmark";
    let peers = |url: &str, token: &str| {
        format!(
            "ilpAddress: test.x\nlogLevel: loud\npeers:\n  - {{id: a, authToken: {token}, noAuth: true}}\n  - {{id: q, url: '{url}'}}\n\
             \x20 - {{id: a, authToken: [{token}]}}\n  - {{id: e, authTokn: {token}}}\nroutes:\n  - {{prefix: test.x, nextHop: q}}\n"
        )
    };
    let bad = format!("nodeId: x\n{}", peers(&format!("http://u:{MARK}@q"), MARK));
    let pair = |id: &str, other: &str, token: &str| {
        format!(
            "nodeId: {id}\nilpAddress: test.{id}\npeers:\n  - {{id: {other}, url: 'ws://u:{token}@{other}:1'}}\n"
        )
    };
    let (m, n) = (
        pair("m", "n", MARK),
        pair("n", "m", &format!("other{MARK}")),
    );
    let broken = format!("authToken: \"{MARK}\nx: [\n");
    let paths = files(
        "secrets",
        [
            ("bad.yaml", bad.as_str()),
            ("m.yaml", m.as_str()),
            ("n.yaml", n.as_str()),
            ("broken.yaml", broken.as_str()),
        ],
    );
    let ran = check_with(
        &paths,
        &[
            ("BTP_PEER_E_SECRET", MARK),
            ("BTP_PEER_NOBODY_SECRET", MARK),
        ],
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("the secrets that m and n have for each other differ"),
        "{}",
        ran.err
    );
    assert!(
        !ran.err.contains(MARK) && !ran.out.contains(MARK),
        "{}",
        ran.err
    );
}
