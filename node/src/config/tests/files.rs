//! Files on disk, one and several.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory that goes away with the test.
pub(super) struct Dir(PathBuf);

impl Dir {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ilp-connector-config-{}-{n}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn put(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn no_env() -> Environment {
    Environment::with("h", &[])
}

fn node(id: &str, port: u16) -> String {
    format!(
        "nodeId: {id}\nilpAddress: test.{id}\nbtpServerPort: {port}\nhealthCheckPort: {}\n",
        port + 5000
    )
}

#[test]
fn config_file_names_the_file_unless_a_flag_does() {
    let dir = Dir::new();
    let (a, b) = (
        dir.put("a.yaml", node("a", 1)),
        dir.put("b.yaml", node("b", 2)),
    );
    let env = Environment::with("h", &[("CONFIG_FILE", a.to_str().unwrap())]);
    assert_eq!(load(&[], &[], &env).unwrap()[0].router.node_id, "a");
    assert_eq!(load(&[b], &[], &env).unwrap()[0].router.node_id, "b");
}

#[test]
fn a_config_file_whose_name_is_no_text_is_refused_and_not_forgotten() {
    use std::os::unix::ffi::OsStringExt;
    let mut env = no_env();
    env.set_for_test(
        "CONFIG_FILE",
        std::ffi::OsString::from_vec(b"/etc/\xff.yaml".to_vec()),
    );
    let report = load(&[], &[], &env).unwrap_err().to_string();
    assert_said(&report, "environment variable CONFIG_FILE", "not UTF-8");
    // nobody asks for it
    let dir = Dir::new();
    let a = dir.put("a.yaml", node("a", 1));
    assert_eq!(load(&[a], &[], &env).unwrap()[0].router.node_id, "a");
}

#[test]
fn several_files_are_several_nodes() {
    let dir = Dir::new();
    let files = [
        dir.put("a.yaml", node("a", 1)),
        dir.put("b.yaml", node("b", 2) + "threads: 2\nlogFormat: text\n"),
    ];
    let nodes = load(&files, &[], &no_env()).unwrap();
    let ids: Vec<&str> = nodes
        .iter()
        .map(|node| node.router.node_id.as_str())
        .collect();
    assert_eq!(ids, ["a", "b"]);
    // what belongs to the process is the same for all
    assert!(
        nodes
            .iter()
            .all(|node| node.threads == Some(2) && node.log_format == LogFormat::Text)
    );
}

#[test]
fn with_several_files_what_is_for_one_node_is_wrong_use() {
    let dir = Dir::new();
    let files = [
        dir.put("a.yaml", node("a", 1)),
        dir.put("b.yaml", node("b", 2)),
    ];
    let env = Environment::with(
        "h",
        &[
            ("NODE_ID", "x"),
            ("LOG_LEVEL", "debug"),
            ("MAX_HOLD_TIME", "9s"),
        ],
    );
    let flag = Flag {
        flag: "--btp-server-port".into(),
        key: "btpServerPort".into(),
        value: "1".into(),
    };
    let problems = load(&files, &[flag], &env).unwrap_err();
    assert!(problems.usage);
    let report = problems.to_string();
    assert_said(
        &report,
        "environment variable NODE_ID",
        "several configuration files were given",
    );
    assert_said(
        &report,
        "flag --btp-server-port",
        "write btpServerPort into each file",
    );
    assert_eq!(report.lines().count(), 2, "{report}");
}

#[test]
fn with_several_files_other_variables_are_for_all_nodes() {
    let dir = Dir::new();
    let files = [
        dir.put("a.yaml", node("a", 1)),
        dir.put("b.yaml", node("b", 2)),
    ];
    let env = Environment::with("h", &[("LOG_LEVEL", "debug"), ("MAX_HOLD_TIME", "9s")]);
    let nodes = load(&files, &[], &env).unwrap();
    assert!(
        nodes.iter().all(|node| node.log_level == LevelFilter::Debug
            && node.router.timeouts.max_hold.as_secs() == 9)
    );
}

#[test]
fn a_secret_that_would_be_for_two_nodes_is_wrong_use() {
    let dir = Dir::new();
    let hub = "peers:\n  - {id: hub, url: 'ws://hub', authToken: t}\n";
    let files = [
        dir.put("a.yaml", node("a", 1) + hub),
        dir.put("b.yaml", node("b", 2) + hub),
    ];
    let env = Environment::with("h", &[("BTP_PEER_HUB_SECRET", "s3cret")]);
    let problems = load(&files, &[], &env).unwrap_err();
    assert!(problems.usage);
    assert_said(
        &problems.to_string(),
        "environment variable BTP_PEER_HUB_SECRET",
        "a and b have a peer of this name each",
    );
}

#[test]
fn a_secret_file_is_looked_for_beside_the_configuration() {
    let dir = Dir::new();
    dir.put("token", "t0ken\n");
    let file = dir.put(
        "a.yaml",
        node("a", 1) + "peers:\n  - {id: p, authTokenFile: token}\n",
    );
    let nodes = load(&[file], &[], &no_env()).unwrap();
    assert_eq!(
        nodes[0].router.peers[0].secret.as_ref().unwrap().as_str(),
        "t0ken"
    );
}

#[test]
fn files_that_cannot_be_read_are_told_together() {
    let dir = Dir::new();
    let missing = dir.0.join("missing.yaml");
    let binary = dir.put("binary.yaml", b"nodeId: a\n# \xff\n");
    let report = load(
        &[missing.clone(), binary.clone(), dir.0.clone()],
        &[],
        &no_env(),
    )
    .unwrap_err()
    .to_string();
    assert_said(
        &report,
        &format!("{}: cannot be read", missing.display()),
        "expected a YAML file",
    );
    assert_said(
        &report,
        &format!("{}: line 2 is not UTF-8", binary.display()),
        "save the file as UTF-8",
    );
    assert_said(&report, &format!("{}: cannot be read", dir.0.display()), "");
}

#[test]
fn a_byte_order_mark_is_read_past() {
    let dir = Dir::new();
    let file = dir.put("a.yaml", format!("\u{feff}{}", node("a", 1)));
    assert_eq!(
        load(&[file], &[], &no_env()).unwrap()[0].router.node_id,
        "a"
    );
}

#[test]
fn only_regular_files_of_a_bounded_size_are_read() {
    let dir = Dir::new();
    let long = dir.put("long.yaml", format!("# {}\n", "x".repeat(1 << 20)));
    let report = load(&[long], &[], &no_env()).unwrap_err().to_string();
    assert_said(&report, "", "cannot be read: it is larger than 1MiB");
    let yaml = node("a", 1) + "peers:\n  - {id: p, authTokenFile: long}\n";
    dir.put("long", "x".repeat(70 << 10));
    let report = load(&[dir.put("a.yaml", yaml)], &[], &no_env()).unwrap_err();
    assert_said(&report.to_string(), "", "it is larger than 64KiB");
    #[cfg(unix)]
    {
        let endless = PathBuf::from("/dev/zero");
        let report = load(&[endless], &[], &no_env()).unwrap_err().to_string();
        assert_said(
            &report,
            "/dev/zero: cannot be read: it is no regular file",
            "- is standard input",
        );
    }
}

#[test]
fn a_variable_of_a_peer_in_one_of_several_files_is_used() {
    let dir = Dir::new();
    let peer = |id: &str| format!("peers:\n  - {{id: {id}, authToken: t}}\n");
    let files = [
        dir.put("a.yaml", node("a", 1) + &peer("b")),
        dir.put("b.yaml", node("b", 2) + &peer("c")),
    ];
    let env = Environment::with(
        "h",
        &[
            ("BTP_PEER_C_SECRET", "s3cret"),
            ("BTP_PEER_D_SECRET", "s3cret"),
        ],
    );
    let nodes = load(&files, &[], &env).unwrap();
    let warnings: Vec<String> = nodes
        .iter()
        .flat_map(|node| node.warnings.iter().map(ToString::to_string))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("BTP_PEER_D_SECRET: it belongs to no setting"));
}

#[test]
fn a_file_with_a_key_twice_is_no_node_and_what_else_is_wrong_with_it_is_told() {
    let dir = Dir::new();
    let good = dir.put("a.yaml", node("a", 1));
    let twice = dir.put("b.yaml", "nodeId: b\nbtpServerPort: 2\nbtpServerPort: 3\n");
    let also = dir.put(
        "c.yaml",
        node("c", 3) + "peers: []\npeers: []\nlogLevel: loud\n",
    );
    let loaded = load_each(&[twice, good, also], &[], &no_env());
    let nodes: Vec<_> = loaded.nodes.iter().map(|n| &n.router.node_id).collect();
    assert_eq!(nodes, ["a"]);
    let places = loaded.problems.iter().map(|p| p.origin.to_string());
    let places: Vec<_> = places
        .map(|at| at.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(places, ["b.yaml:3:1", "c.yaml:6:1", "c.yaml:7:11"]);
    let [warning] = &loaded.warnings[..] else {
        panic!("{:?}", loaded.warnings)
    };
    assert!(warning.what.contains("ilpAddress is not set"), "{warning}");
}
