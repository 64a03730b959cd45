//! Where a peer's secret comes from, and that it goes nowhere else.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A file that holds `text`; the caller removes it.
fn file(text: &[u8]) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ilp-connector-secret-{}-{n}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn secret(entry: &str, vars: &[(&str, &str)]) -> String {
    let yaml = format!("{HEAD}peers:\n  - id: p\n    url: ws://u:url-token@p\n{entry}");
    let node = build_with(&yaml, vars, &[]).unwrap();
    node.router.peers[0]
        .secret
        .as_ref()
        .unwrap()
        .as_str()
        .to_owned()
}

#[test]
fn secrets_are_looked_for_in_a_fixed_order() {
    let in_env = file(b"env-file");
    let in_file = file(b"file");
    let both = format!(
        "    authToken: token\n    authTokenFile: {}\n",
        in_file.display()
    );
    let only_file = format!("    authTokenFile: {}\n", in_file.display());
    let env_file = ("BTP_PEER_P_SECRET_FILE", in_env.to_str().unwrap());
    let env = ("BTP_PEER_P_SECRET", "env");

    assert_eq!(secret(&both, &[env_file, env]), "env");
    assert_eq!(secret(&both, &[env_file]), "env-file");
    assert_eq!(secret(&both, &[]), "token");
    assert_eq!(secret(&only_file, &[env_file]), "env-file");
    assert_eq!(secret(&only_file, &[]), "file");
    assert_eq!(secret("", &[]), "url-token");
    for path in [in_env, in_file] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn the_last_line_break_of_a_secret_file_is_not_part_of_it() {
    for (text, expected) in [
        ("s\n", "s"),
        ("s\r\n", "s"),
        (" s \n", " s "),
        ("s", "s"),
        ("\u{feff}s\r\n", "s"),
    ] {
        let path = file(text.as_bytes());
        let entry = format!("    authTokenFile: {}\n", path.display());
        assert_eq!(secret(&entry, &[]), expected);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_secret_file_of_several_lines_is_refused_without_showing_them() {
    for text in ["S3C\n\n", "S3C\nS3C\n", "# ours\r\nS3C"] {
        let path = file(text.as_bytes());
        let report = refused(&format!(
            "peers:\n  - {{id: p, authTokenFile: {}}}\n",
            path.display()
        ));
        fs::remove_file(path).unwrap();
        assert_said(&report, "node.yaml:4:28", "it has several lines");
        assert!(!report.contains("S3C"), "{report}");
    }
}

#[test]
fn a_token_is_text_whatever_it_looks_like() {
    for token in ["0123", "1e3", "true", "null ", "0x10", "yes"] {
        assert_eq!(secret(&format!("    authToken: '{token}'\n"), &[]), token);
    }
    assert_eq!(secret("    authToken: 0123\n", &[]), "0123");
    assert_eq!(secret("    authToken: off\n", &[]), "off");
}

#[test]
fn a_peer_without_a_secret_is_refused_and_told_the_ways() {
    let report = refused("peers:\n  - id: a-b\n");
    assert_said(&report, "node.yaml:4:5", "peer a-b has no secret");
    for way in [
        "BTP_PEER_A_B_SECRET",
        "BTP_PEER_A_B_SECRET_FILE",
        "authToken",
        "authTokenFile",
        "noAuth: true",
    ] {
        assert!(report.contains(way), "{way}");
    }
}

#[test]
fn no_auth_lets_a_peer_in_without_a_secret() {
    assert!(peer("    noAuth: true\n").router.peers[0].secret.is_none());
}

#[test]
fn no_auth_contradicts_a_secret() {
    let report = refused("peers:\n  - {id: p, noAuth: true, authToken: s3cret}\n");
    assert_said(
        &report,
        "node.yaml:4:38",
        "noAuth is true, but there is a secret as well",
    );
    let yaml = format!("{HEAD}peers:\n  - {{id: p, noAuth: true}}\n");
    let report = build_with(&yaml, &[("BTP_PEER_P_SECRET", "s3cret")], &[])
        .unwrap_err()
        .to_string();
    assert_said(
        &report,
        "environment variable BTP_PEER_P_SECRET",
        "noAuth is true",
    );
}

#[test]
fn an_empty_secret_is_refused() {
    let empty = file(b"\n");
    for entry in [
        "authToken: ''".to_owned(),
        format!("authTokenFile: {}", empty.display()),
    ] {
        let report = refused(&format!("peers:\n  - id: p\n    {entry}\n"));
        assert!(report.contains("is empty"), "{report}");
    }
    fs::remove_file(empty).unwrap();
}

#[test]
fn a_secret_file_that_cannot_be_read_is_refused() {
    let binary = file(&[0xff, 0xfe]);
    let report = refused(&format!(
        "peers:\n  - id: p\n    authTokenFile: {}\n",
        binary.display()
    ));
    assert_said(&report, "node.yaml:5:20", "it is not UTF-8");
    fs::remove_file(binary).unwrap();
    let report = refused("peers:\n  - id: p\n    authTokenFile: /no/such/file\n");
    assert_said(&report, "node.yaml:5:20", "cannot be read");
}

#[test]
fn a_misspelt_variable_is_told_with_the_secret_that_it_leaves_out() {
    let yaml = format!("{HEAD}peers:\n  - id: b\n");
    let vars = [("BTP_PEER_B_SECRT", "s3cret")];
    let report = build_with(&yaml, &vars, &[]).unwrap_err().to_string();
    assert_said(&report, "node.yaml:4:5", "peer b has no secret");
    assert_said(
        &report,
        "environment variable BTP_PEER_B_SECRT: warning: ",
        "(did you mean BTP_PEER_B_SECRET?)",
    );
}

#[test]
fn a_misspelt_key_is_one_problem_and_not_two() {
    for key in ["authtoken", "auth_token", "authTokenfile", "noauth"] {
        let report = refused(&format!("peers:\n  - {{id: p, {key}: x}}\n"));
        assert_eq!(report.lines().count(), 1, "{report}");
        assert_said(&report, "node.yaml:4:13", "unknown key");
    }
    let report = refused("peers:\n  - {ID: p, authToken: x}\n");
    assert_eq!(report.lines().count(), 1, "{report}");
}

#[test]
fn secrets_on_the_command_line_are_refused() {
    let by_flag = |peers| build_with(HEAD, &[], &[("peers", peers)]);
    for peers in ["b;authToken=S3C", "b=ws://u:S3C@b", "b=ws://:S3C@b"] {
        let report = by_flag(peers).unwrap_err().to_string();
        assert_eq!(report.lines().count(), 1, "{report}");
        assert_said(&report, "flag --set: peer b: ", "set BTP_PEER_B_SECRET");
        assert!(!report.contains("S3C"), "{report}");
    }
    let report = by_flag("b").unwrap_err().to_string();
    assert_said(&report, "flag --set: peer b has no secret", "");
    assert!(!report.contains("authToken"), "{report}");
    let vars = [("BTP_PEER_B_SECRET", "s3cret")];
    let node = build_with(HEAD, &vars, &[("peers", "b=ws://u@b")]).unwrap();
    assert_eq!(node.router.peers[0].username.as_deref(), Some("u"));
    let vars = [("PEERS", "b;authToken=s3cret")];
    assert!(build_with(HEAD, &vars, &[]).is_ok(), "the environment may");
}

#[test]
fn no_secret_is_ever_shown() {
    const MARK: &str = "S3CRETmark";
    let good = format!(
        "nodeId: n\npeers:\n  - {{id: p, authToken: {MARK}}}\n  - {{id: q, url: 'ws://u:{MARK}@q'}}\n  - {{id: r}}\n  - {{id: s, authToken: t, url: 'ws://s/?token={MARK}'}}\n"
    );
    let node = build_with(&good, &[("BTP_PEER_R_SECRET", MARK)], &[]).unwrap();
    assert!(!format!("{node:?}").contains(MARK));

    let bad = format!(
        "nodeId: [{MARK}]\npeers:\n\
         - {{id: p, authToken: {MARK}, noAuth: true}}\n\
         - {{id: q, url: 'http://u:{MARK}@q'}}\n\
         - {{id: q2, url: 'ws://u:{MARK}/x@q'}}\n\
         - {{id: q3, url: 'u:{MARK}@q'}}\n\
         - {{id: q4, url: 'ws://u:{MARK}@'}}\n\
         - {{id: q5, url: 'ws://u:{MARK}@q:99999'}}\n\
         - {{id: q6, url: 'ws://q:0/?token={MARK}'}}\n\
         - {{id: r, authToken: [{MARK}]}}\n\
         - {{id: s, authTokenFile: {MARK}}}\n\
         - {{id: t, authTokn: {MARK}}}\n\
         - {MARK}\n\
         routes: {MARK}\n"
    );
    let vars = [("BTP_PEER_U_SECRET", MARK), ("PEERS_", MARK)];
    let problems = build_with(&bad, &vars, &[]).unwrap_err();
    assert!(problems.list.len() > 10, "{problems}");
    assert!(!problems.to_string().contains(MARK), "{problems}");
    assert!(!format!("{problems:?}").contains(MARK));

    for broken in [
        "authToken: \"MARK\n",
        "authToken: MARK: x\n",
        "- [MARK\n",
        "a: *MARK\n",
        "? [MARK]\n: x\n",
        "authToken: !MARK x\n",
    ] {
        let report = build_with(&broken.replace("MARK", MARK), &[], &[]).unwrap_err();
        assert!(!report.to_string().contains(MARK), "{report}");
    }
}
