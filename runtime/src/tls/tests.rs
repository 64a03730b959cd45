use std::path::Path;
use std::sync::Mutex;

use futures_rustls::rustls::{AlertDescription, Error};

use super::explain::explain;
use super::*;

/// The suite's; not all of it is of use here.
#[path = "../../../conformance/tests/conformance/suite/tls/certs.rs"]
#[allow(dead_code, unreachable_pub)]
mod certs;

use certs::{Authority, Dir, listening, localhost, self_signed, server, server_asking, trusting};

fn problem(options: &TlsOptions) -> TlsProblem {
    options.check().unwrap_err().problem
}

fn server_problem(cert_file: &Path, key_file: &Path) -> TlsProblem {
    problem(&listening(server(TlsIdentity::new(cert_file, key_file))))
}

fn client_problem(ca_file: &Path) -> TlsProblem {
    let mut options = TlsOptions::new();
    options.client = trusting(ca_file);
    problem(&options)
}

#[test]
fn no_files_are_needed_to_dial() {
    assert_eq!(TlsOptions::new().check(), Ok(Vec::new()));
    let (tls, _) = Tls::load(&TlsOptions::new()).unwrap();
    assert_eq!(tls.reload_interval(), None);
}

#[test]
fn a_certificate_and_its_key_may_share_a_file() {
    let (dir, pair) = (Dir::new(), self_signed(&localhost()));
    let both = dir.write("both.pem", &format!("{}{}", pair.key, pair.cert));
    let options = listening(server(TlsIdentity::new(&both, &both)));
    assert_eq!(options.check(), Ok(Vec::new()));
}

#[test]
fn a_byte_order_mark_is_read_past() {
    let (dir, pair) = (Dir::new(), self_signed(&localhost()));
    let [cert, key] = [("c.pem", &pair.cert), ("c.key", &pair.key)]
        .map(|(name, text)| dir.write(name, &format!("\u{feff}{text}")));
    let options = listening(server(TlsIdentity::new(&cert, &key)));
    assert_eq!(options.check(), Ok(Vec::new()));
    let mut options = TlsOptions::new();
    options.client = trusting(&cert);
    assert_eq!(options.check(), Ok(Vec::new()));
}

#[test]
fn a_certificate_of_an_authority_is_told_of_once_when_it_is_our_own() {
    let dir = Dir::new();
    let mut params = localhost();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let identity = self_signed(&params).write(&dir, "server");
    let file = identity.cert_file.clone();
    let (tls, warnings) = Tls::load(&listening(server(identity))).unwrap();
    assert_eq!(warnings, [TlsWarning::Authority { file }]);
    let heard = Heard::default();
    tls.look(time(b"20260101000000000"), &heard);
    assert_eq!(heard.0.into_inner().unwrap(), [""; 0]);
}

#[test]
fn a_missing_file_is_named() {
    let dir = Dir::new();
    let missing = dir.write("x", "").with_file_name("missing.pem");
    let error = listening(server(TlsIdentity::new(&missing, &missing)))
        .check()
        .unwrap_err();
    assert_eq!(error.file, missing);
    assert!(matches!(error.problem, TlsProblem::Unreadable(_)));
    assert!(error.to_string().contains("missing.pem: cannot be read: "));
}

#[test]
fn a_file_that_is_no_pem_is_refused() {
    let dir = Dir::new();
    let good = self_signed(&localhost()).write(&dir, "good");
    for text in ["", "hello", "\u{30}\u{82}"] {
        let bad = dir.write("bad", text);
        assert_eq!(server_problem(&bad, &good.key_file), TlsProblem::NotPem);
        assert_eq!(server_problem(&good.cert_file, &bad), TlsProblem::NotPem);
        assert_eq!(client_problem(&bad), TlsProblem::NotPem);
    }
}

#[test]
fn swapped_files_are_told_apart() {
    let dir = Dir::new();
    let good = self_signed(&localhost()).write(&dir, "good");
    assert_eq!(
        server_problem(&good.key_file, &good.cert_file),
        TlsProblem::NoCertificate { has_key: true }
    );
    assert_eq!(
        server_problem(&good.cert_file, &good.cert_file),
        TlsProblem::NoKey {
            has_certificate: true
        }
    );
}

#[test]
fn an_encrypted_key_is_refused_as_such() {
    let dir = Dir::new();
    let good = self_signed(&localhost()).write(&dir, "good");
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        let bad = dir.write("bad", text);
        assert_eq!(
            server_problem(&good.cert_file, &bad),
            TlsProblem::EncryptedKey
        );
    }
}

#[test]
fn a_key_that_is_none_is_refused() {
    let dir = Dir::new();
    let good = self_signed(&localhost()).write(&dir, "good");
    let bad = dir.write(
        "bad",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    assert_eq!(
        server_problem(&good.cert_file, &bad),
        TlsProblem::UnusableKey
    );
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    let dir = Dir::new();
    let good = self_signed(&localhost()).write(&dir, "good");
    let bad = dir.write(
        "bad",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    for problem in [server_problem(&bad, &good.key_file), client_problem(&bad)] {
        assert!(
            matches!(problem, TlsProblem::BadCertificate { number: 1, .. }),
            "{problem:?}"
        );
    }
    let truncated = dir.write("bad", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    assert!(matches!(
        client_problem(&truncated),
        TlsProblem::BrokenPem(_)
    ));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let dir = Dir::new();
    let (one, two) = (self_signed(&localhost()), self_signed(&localhost()));
    let (one, two) = (one.write(&dir, "one"), two.write(&dir, "two"));
    assert_eq!(
        server_problem(&one.cert_file, &two.key_file),
        TlsProblem::KeyMismatch {
            cert_file: one.cert_file
        }
    );
}

#[test]
fn the_authorities_of_clients_are_checked_too() {
    let dir = Dir::new();
    let identity = self_signed(&localhost()).write(&dir, "server");
    let ca_file = dir.write("ca.pem", "no");
    let options = listening(server_asking(
        identity,
        ClientCertificates::Required { ca_file },
    ));
    assert_eq!(problem(&options), TlsProblem::NotPem);
}

#[test]
fn an_expired_certificate_is_a_warning() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 3, 4);
    let identity = Authority::new("ours").sign(&params).write(&dir, "old");
    let file = identity.cert_file.display().to_string();
    let warnings = listening(server(identity)).check().unwrap();
    assert_eq!(
        warnings[0].to_string(),
        format!("{file}: the certificate has expired on 2002-03-04T00:00:00Z")
    );
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_certificate_of_the_future_is_a_warning() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let identity = self_signed(&params).write(&dir, "new");
    let warnings = listening(server(identity)).check().unwrap();
    assert!(matches!(warnings[0], TlsWarning::NotYetValid { .. }));
}

fn time(text: &[u8; 17]) -> Timestamp {
    Timestamp::parse_interledger(text).unwrap()
}

#[test]
fn a_certificate_that_grows_old_while_it_is_in_use_is_told_of_twice() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(4000, 3, 31);
    let identity = self_signed(&params).write(&dir, "server");
    let file = identity.cert_file.display().to_string();
    let (tls, warnings) = Tls::load(&listening(server(identity))).unwrap();
    assert_eq!(warnings, []);
    let look = |now| {
        let heard = Heard::default();
        tls.look(time(now), &heard);
        heard.0.into_inner().unwrap()
    };
    assert_eq!(look(b"40000316235959000"), [""; 0]);
    let soon = format!("{file}: the certificate expires on 4000-03-31T00:00:00Z");
    assert_eq!(look(b"40000317000001000"), [soon]);
    assert_eq!(look(b"40000318000000000"), [""; 0], "once");
    let over = format!("{file}: the certificate has expired on 4000-03-31T00:00:00Z");
    assert_eq!(look(b"40000401000000000"), [over]);
    assert_eq!(look(b"40000402000000000"), [""; 0], "once");
}

#[test]
fn a_certificate_of_a_short_life_is_told_of_when_a_quarter_of_it_is_left() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    params.not_after = rcgen::date_time_ymd(4000, 1, 9);
    let identity = self_signed(&params).write(&dir, "server");
    let (tls, _) = Tls::load(&listening(server(identity))).unwrap();
    for (now, told) in [(b"40000106235959000", 0), (b"40000107000001000", 1)] {
        let heard = Heard::default();
        tls.look(time(now), &heard);
        assert_eq!(heard.0.into_inner().unwrap().len(), told);
    }
}

#[test]
fn the_certificates_in_use_are_told_with_role_and_time_and_follow_their_files() {
    let dir = Dir::new();
    let mut params = localhost();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(4000, 3, 31);
    let ours = self_signed(&params).write(&dir, "ours");
    let theirs = self_signed(&localhost()).write(&dir, "dial");
    let mut options = listening(server(ours));
    options.client.identity = Some(theirs.clone());
    let (tls, _) = Tls::load(&options).unwrap();
    let certificates = tls.certificates();
    let [dialling, listening] = &certificates[..] else {
        panic!("{certificates:?}");
    };
    assert_eq!(
        (dialling.role, &dialling.file),
        (TlsRole::Client, &theirs.cert_file)
    );
    assert_eq!(listening.role, TlsRole::Server);
    assert_eq!(listening.not_before, time(b"20200101000000000"));
    assert_eq!(listening.not_after, time(b"40000331000000000"));

    params.not_after = rcgen::date_time_ymd(3000, 1, 1);
    self_signed(&params).write(&dir, "ours");
    tls.look(time(b"20260101000000000"), &Heard::default());
    assert_eq!(tls.certificates()[1].not_after, time(b"30000101000000000"));
    // what is of no use is not in use
    dir.write("ours.pem", "no");
    tls.look(time(b"20260101000000000"), &Heard::default());
    assert_eq!(tls.certificates()[1].not_after, time(b"30000101000000000"));
}

/// What an observer is told of certificates and files.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, _: &ilp_router::Event) {}

    fn tls_reload(&self, role: TlsRole, result: Result<(), &TlsError>) {
        let text = format!("reloaded {role}: {}", result.is_ok());
        self.0.lock().unwrap().push(text);
    }

    fn tls_warning(&self, warning: &TlsWarning) {
        self.0.lock().unwrap().push(warning.to_string());
    }
}

#[test]
fn a_key_is_never_shown() {
    let dir = Dir::new();
    let pair = self_signed(&localhost());
    let options = listening(server(pair.write(&dir, "server")));
    let (tls, _) = Tls::load(&options).unwrap();
    let secret = pair.key.lines().nth(1).unwrap();
    // in another place and a broken one, too
    let broken = dir.write("broken", &pair.key.replace("-----END", "----END"));
    let swapped = dir.write("server.pem", &pair.key);
    let problems = [
        server_problem(&swapped, &broken),
        server_problem(&dir.write("good.pem", &pair.cert), &broken),
    ];
    for text in [format!("{tls:?} {options:?}"), format!("{problems:?}")] {
        assert!(!text.contains(secret), "{text}");
        assert!(text.len() < 2_000, "{text}");
    }
}

#[test]
fn what_a_stranger_chose_is_cut_and_cleaned() {
    use futures_rustls::rustls::CertificateError;
    use rustls_pki_types::ServerName;
    let mut presented = vec![format!("DnsName(\"a\u{1b}[31m\nb{}\")", "x".repeat(500))];
    presented.extend((0..50).map(|n| format!("IpAddress(10.0.0.{n})")));
    let error = Error::InvalidCertificate(CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("host").unwrap(),
        presented,
    });
    let text = explain(&error, Other::Server("host"));
    assert!(text.contains("it is for a[31mbxxx"), "{text}");
    assert!(text.ends_with("10.0.0.6, …)"), "{text}");
    assert!(text.len() < 400, "{text}");
}

#[test]
fn a_connection_that_breaks_says_that_it_was_there() {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        in_words(&error, Other::Server("host")),
        "the connection to the server broke: connection reset"
    );
}

#[test]
fn every_alert_has_words() {
    for code in 0..=255 {
        let error = Error::AlertReceived(AlertDescription::from(code));
        for other in [Other::Server("host"), Other::Client] {
            assert!(explain(&error, other).contains(other_noun(other)));
        }
    }
}

fn other_noun(other: Other<'_>) -> &'static str {
    match other {
        Other::Server(_) => "server",
        Other::Client => "client",
    }
}
