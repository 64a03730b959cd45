//! Who is let in, as whom, and what is said to them.

use ilp_proto::ErrorCode;
use ilp_runtime::client::{Answer, Client, ClientError};

use super::driver::Driver;
use super::setup::{TOKEN, client, code, hub, options, prepare, refuse};

pub async fn a_wrong_token_is_refused<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice"]).await;
    let error = Client::connect(
        driver.peers(),
        options(node.address(), "alice", "guess"),
        refuse,
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        matches!(&error, ClientError::Refused { code, .. } if code.as_str() == "F00"),
        "{error}"
    );
    assert!(!error.to_string().contains("guess"));
}

pub async fn the_path_names_the_account<D: Driver>(driver: D) {
    // the token alone does not: it is that of both
    let node = hub(&driver, &["alice", "bob"]).await;
    let mut options = options(node.address(), "alice", TOKEN);
    options.credentials.username = None;
    options.endpoint.path = "/accounts/bob/ilp/btp?version=2".into();
    let bob = Client::connect(driver.peers(), options, refuse)
        .await
        .unwrap();
    assert_eq!(
        bob.learn_address().await.unwrap().address.as_str(),
        "test.hub.bob"
    );
}

pub async fn the_address_can_be_learned<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice"]).await;
    let alice = client(driver.peers(), node.address(), "alice", refuse).await;
    let learned = alice.learn_address().await.unwrap();
    assert_eq!(learned.address.as_str(), "test.hub.alice");
    assert_eq!(
        (learned.asset_code.as_str(), learned.asset_scale),
        ("USD", 9)
    );
}

pub async fn a_rejection_says_who_and_why<D: Driver>(driver: D) {
    let node = hub(&driver, &["alice", "bob"]).await;
    let alice = client(driver.peers(), node.address(), "alice", refuse).await;
    let answer = alice.send(prepare("test.nowhere", b"")).await;
    assert_eq!(code(&answer), "F02");
    let Ok(Answer::Reject { triggered_by, .. }) = answer else {
        unreachable!()
    };
    assert_eq!(triggered_by.unwrap().as_str(), "test.hub");

    assert_eq!(code(&alice.send(prepare("test.hub.bob", b"")).await), "T01");
    let bob = client(driver.peers(), node.address(), "bob", refuse).await;
    bob.set_address("test.hub.bob".parse().unwrap());
    let answer = alice.send(prepare("test.hub.bob", b"")).await;
    let Ok(Answer::Reject {
        code,
        triggered_by,
        message,
        ..
    }) = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::F99_APPLICATION_ERROR, "I only send")
    );
    assert_eq!(triggered_by.unwrap().as_str(), "test.hub.bob");
}
