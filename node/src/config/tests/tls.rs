//! Certificates, keys and authorities.

use std::time::Duration;

use ilp_runtime::tls::{ClientCertificates, TlsIdentity, TlsOptions};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::files::Dir;
use super::*;

/// A directory with `cert.pem`, its `key.pem`, the `other.pem` of nobody, and `bad.pem`.
fn dir() -> Dir {
    let dir = Dir::new();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    dir.put("cert.pem", params.self_signed(&key).unwrap().pem());
    dir.put("key.pem", key.serialize_pem());
    dir.put("other.pem", KeyPair::generate().unwrap().serialize_pem());
    dir.put("bad.pem", "not PEM\n");
    let mut old = CertificateParams::new(vec!["localhost".into()]).unwrap();
    old.not_after = date_time_ymd(2020, 1, 1);
    old.not_before = date_time_ymd(2019, 1, 1);
    dir.put("old.pem", old.self_signed(&key).unwrap().pem());
    dir
}

/// Reads one node from a file in `dir` that begins with [`HEAD`].
fn read(dir: &Dir, yaml: &str, env: &[(&str, &str)]) -> Result<NodeConfig, Problems> {
    let file = dir.put("node.yaml", format!("{HEAD}{yaml}"));
    let env = Environment::with("h", env);
    load(&[file], &[], &env).map(|mut nodes| nodes.remove(0))
}

#[track_caller]
fn assert_refused(yaml: &str, place: &str, text: &str) {
    let dir = dir();
    let report = read(&dir, yaml, &[]).unwrap_err().to_string();
    assert_eq!(report.lines().count(), 1, "{report}");
    let place = format!("{}:{place}: ", dir.path().join("node.yaml").display());
    assert_said(&report, &place, text);
}

#[test]
fn without_any_key_a_node_listens_plain_and_trusts_the_public_authorities() {
    assert_eq!(build("").tls, TlsOptions::new());
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let dir = dir();
    let yaml = "certFile: cert.pem\nkeyFile: key.pem\ncaFile: cert.pem\nclientCaFile: cert.pem\nrequireClientCert: true\n\
                dialCertFile: cert.pem\ndialKeyFile: key.pem\ntlsReloadInterval: 1s\n";
    let node = read(&dir, yaml, &[]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let identity = TlsIdentity::new(&cert, &key);
    assert_eq!(node.tls.client.ca_file.as_ref(), Some(&cert));
    assert_eq!(node.tls.client.identity.as_ref(), Some(&identity));
    assert_eq!(node.tls.reload_interval, Duration::from_secs(1));
    let server = node.tls.server.unwrap();
    assert_eq!(server.identity, identity);
    let ca_file = cert;
    assert_eq!(server.clients, ClientCertificates::Required { ca_file });
}

#[test]
fn variables_name_files_from_the_working_directory() {
    let dir = dir();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let env = [
        ("CERT_FILE", cert.to_str().unwrap()),
        ("KEY_FILE", key.to_str().unwrap()),
    ];
    let node = read(&dir, "", &env).unwrap();
    assert_eq!(
        node.tls.server.unwrap().identity,
        TlsIdentity::new(&cert, &key)
    );
    let report = read(&dir, "", &[("CA_FILE", "no-such-file.pem")]).unwrap_err();
    assert_said(
        &report.to_string(),
        "environment variable CA_FILE: caFile no-such-file.pem cannot be read",
        "expected a PEM file",
    );
}

#[test]
fn clients_may_come_without_a_certificate_unless_told() {
    let dir = dir();
    let yaml = "certFile: cert.pem\nkeyFile: key.pem\nclientCaFile: cert.pem\n";
    let clients = read(&dir, yaml, &[]).unwrap().tls.server.unwrap().clients;
    let ca_file = dir.path().join("cert.pem");
    assert_eq!(clients, ClientCertificates::Optional { ca_file });
}

#[test]
fn a_file_that_is_of_no_use_is_refused_where_it_is_named() {
    assert_refused("caFile: none.pem\n", "3:9", "cannot be read");
    assert_refused(
        "caFile: none.pem\n",
        "3:9",
        "relative names in the file start at",
    );
    assert_refused("caFile: bad.pem\n", "3:9", "is no PEM file");
    assert_refused(
        "caFile: key.pem\n",
        "3:9",
        "has no certificate, but a private key",
    );
    assert_refused("caFile: .\n", "3:9", "no regular file");
    assert_refused("caFile: ''\n", "3:9", "is empty");
    let pair = |cert: &str, key: &str| format!("certFile: {cert}.pem\nkeyFile: {key}.pem\n");
    assert_refused(&pair("bad", "key"), "3:11", "is no PEM file");
    assert_refused(&pair("cert", "bad"), "4:10", "is no PEM file");
    assert_refused(&pair("cert", "cert"), "4:10", "has no private key");
    assert_refused(
        &pair("cert", "other"),
        "4:10",
        "does not belong to the first certificate",
    );
    let dial = "dialCertFile: cert.pem\ndialKeyFile: other.pem\n";
    assert_refused(dial, "4:14", "does not belong to the first certificate");
}

#[test]
fn a_bad_certificate_does_not_hide_a_bad_key() {
    let dir = dir();
    let yaml = "certFile: none.pem\nkeyFile: bad.pem\n";
    let report = read(&dir, yaml, &[]).unwrap_err().to_string();
    assert_eq!(report.lines().count(), 2, "{report}");
    assert!(
        report.contains("none.pem cannot be read") && report.contains("bad.pem is no PEM file")
    );
}

#[test]
fn keys_that_need_each_other_are_given_together() {
    assert_refused(
        "certFile: cert.pem\n",
        "3:11",
        "certFile is given without keyFile",
    );
    assert_refused(
        "keyFile: key.pem\n",
        "3:10",
        "keyFile is given without certFile",
    );
    assert_refused(
        "dialKeyFile: key.pem\n",
        "3:14",
        "dialKeyFile is given without dialCertFile",
    );
    assert_refused(
        "clientCaFile: cert.pem\n",
        "3:15",
        "clientCaFile is given without certFile",
    );
    assert_refused(
        "requireClientCert: true\n",
        "3:20",
        "there is no clientCaFile",
    );
}

#[test]
fn a_certificate_that_is_an_authoritys_is_a_warning_that_says_what_to_do() {
    let dir = dir();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key).unwrap().pem();
    dir.put("ca.pem", format!("{cert}{}", key.serialize_pem()));
    let node = read(&dir, "certFile: ca.pem\nkeyFile: ca.pem\n", &[]).unwrap();
    let [warning] = &node.certificate_warnings[..] else {
        panic!("{:?}", node.certificate_warnings)
    };
    assert!(warning.what.contains("CA:TRUE"), "{warning}");
    assert!(warning.to_string().contains("CA:FALSE"), "{warning}");
    // as an authority it is just right
    let node = read(&dir, "caFile: ca.pem\n", &[]).unwrap();
    assert!(node.certificate_warnings.is_empty());
}

#[test]
fn an_expired_certificate_is_a_warning_of_its_own_kind() {
    let dir = dir();
    let node = read(&dir, "certFile: old.pem\nkeyFile: key.pem\n", &[]).unwrap();
    assert!(
        node.warnings.is_empty(),
        "the node itself tells when it starts"
    );
    let [warning] = &node.certificate_warnings[..] else {
        panic!("{:?}", node.certificate_warnings)
    };
    assert!(
        warning.to_string().contains("node.yaml:3:11: "),
        "{warning}"
    );
    assert!(warning.what.contains("has expired"), "{warning}");
}
