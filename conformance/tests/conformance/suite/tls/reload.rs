//! Files that change while a node runs.

use ilp_router::config::Relation;
use ilp_runtime::Runtime;

use super::certs::{Authority, Dir, dialing, listening, localhost, params, server, trusting};
use super::setup::{attach, hub, pays_itself, start};
use crate::suite::setup::{config, dialed, peer};

pub async fn new_links_get_the_new_certificate<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let trust_old = trusting(&old.write(&dir, "old-ca.pem"));
    let trust_new = trusting(&new.write(&dir, "new-ca.pem"));
    let identity = old.sign(&localhost()).write(&dir, "server");
    let node = hub(&runtime, listening(server(identity))).await;
    let alice = attach(&runtime, node.address(), "alice", trust_old.clone())
        .await
        .unwrap();

    new.sign(&localhost()).write(&dir, "server");
    node.told.wait("reloaded server").await;
    attach(&runtime, node.address(), "bob", trust_old)
        .await
        .unwrap_err();
    let bob = attach(&runtime, node.address(), "bob", trust_new)
        .await
        .unwrap();
    pays_itself(&bob, "bob").await;
    // who was there stays
    pays_itself(&alice, "alice").await;
}

pub async fn files_of_no_use_change_nothing<R: Runtime>(runtime: R) {
    let (dir, authority) = (Dir::new(), Authority::new("ours"));
    let trust = trusting(&authority.write(&dir, "ca.pem"));
    let good = authority.sign(&localhost());
    let identity = good.write(&dir, "server");
    let node = hub(&runtime, listening(server(identity.clone()))).await;
    let still_served = async || {
        let alice = attach(&runtime, node.address(), "alice", trust.clone())
            .await
            .unwrap();
        pays_itself(&alice, "alice").await;
    };

    // one of two files
    dir.write("server.key", &authority.sign(&localhost()).key);
    let why = node.told.wait("not reloaded server: ").await;
    let expected = format!(
        "{}: has a private key that does not belong to the first certificate of {}",
        identity.key_file.display(),
        identity.cert_file.display()
    );
    assert_eq!(why, expected);
    still_served().await;

    dir.write("server.pem", "");
    let broken = format!("not reloaded server: {}", identity.cert_file.display());
    node.told.wait(&broken).await;
    std::fs::remove_file(&identity.key_file).unwrap();
    still_served().await;
    assert_eq!(node.told.count("reloaded"), 0);

    // an authority may do so on purpose, so it is only a warning
    let mut expired = params("server", &["127.0.0.1"]);
    expired.not_before = rcgen::date_time_ymd(2001, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2002, 3, 4);
    let expired = authority.sign(&expired);
    dir.write("server.key", &expired.key);
    dir.write("server.pem", &expired.cert);
    node.told.wait("reloaded server").await;
    let warning = node.told.wait("warning: ").await;
    assert!(
        warning.ends_with("the certificate has expired on 2002-03-04T00:00:00Z"),
        "{warning}"
    );
    good.write(&dir, "server");
    while node.told.count("reloaded server") < 2 {
        runtime.sleep(std::time::Duration::from_millis(1)).await;
    }
    still_served().await;
}

pub async fn a_new_authority_is_trusted<R: Runtime>(runtime: R) {
    let dir = Dir::new();
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let identity = right.sign(&localhost()).write(&dir, "server");
    let mut c = config("c");
    c.peers = vec![peer("a", Relation::Peer)];
    let c = start(&runtime, c, listening(server(identity))).await;
    let ca_file = wrong.write(&dir, "ca.pem");
    let mut a = config("a");
    a.peers = vec![dialed("c", c.address(), "a")];
    a.peers[0].endpoint.as_mut().unwrap().tls = true;
    let a = start(&runtime, a, dialing(&ca_file)).await;
    a.told.dial_error().await;
    right.write(&dir, "ca.pem");
    a.told.wait("reloaded client").await;
    a.told.events.connected("c").await;
}
