//! `topology` as people use it: what it writes is good, and the network that it describes works.
#![allow(clippy::unwrap_used)]

#[path = "../run/client.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod client;
mod compose;
mod files;
mod network;
#[path = "../run/process.rs"]
#[allow(dead_code)] // what the tests of `run` need besides
mod process;
#[path = "../tools/tool.rs"]
#[allow(dead_code)] // what the tests of the tools need besides
mod tool;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tool::{Done, run};

/// The fewest nodes of each shape.
const SHAPES: [(&str, usize); 5] = [
    ("linear", 1),
    ("ring", 3),
    ("mesh", 2),
    ("star", 1),
    ("tree", 1),
];

/// A directory that is not there yet.
fn directory() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("topology-{}-{count}", std::process::id());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Writes a network into `out`.
fn write_to(out: &Path, arguments: &[&str]) -> Done {
    let out = out.to_str().unwrap();
    run(&[&["topology"], arguments, &["--out", out]].concat())
}

/// Writes a network into a directory of its own.
fn written(arguments: &[&str]) -> PathBuf {
    let out = directory();
    let done = write_to(&out, arguments);
    assert_eq!(
        (done.code, done.err.as_str()),
        (Some(0), ""),
        "{arguments:?}"
    );
    out
}

/// The configurations in a directory, a to z.
fn configs(out: &Path) -> Vec<PathBuf> {
    let letters = ('a'..='z').map(|letter| out.join(format!("{letter}.yaml")));
    letters.take_while(|path| path.exists()).collect()
}
