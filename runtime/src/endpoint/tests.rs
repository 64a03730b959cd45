use super::*;

fn endpoint(text: &str) -> Endpoint {
    parse_url(text).unwrap().endpoint
}

fn error(text: &str) -> UrlError {
    parse_url(text).unwrap_err()
}

#[test]
fn a_plain_url_names_host_and_port() {
    let expected = Endpoint {
        tls: false,
        host: "localhost".into(),
        port: 3000,
        path: "/".into(),
    };
    assert_eq!(endpoint("ws://localhost:3000"), expected);
    let url = parse_url("ws://localhost:3000").unwrap();
    assert!(url.username.is_none() && url.credentials().is_none());
}

#[test]
fn the_port_defaults_by_scheme() {
    assert_eq!(endpoint("ws://b.example").port, 80);
    assert_eq!(endpoint("wss://b.example").port, 443);
    assert!(endpoint("wss://b.example").tls);
    assert_eq!(endpoint("ws://b.example:80").port, 80);
    assert_eq!(endpoint("ws://b.example:443").port, 443);
}

#[test]
fn btp_may_precede_the_scheme_in_any_case() {
    assert_eq!(endpoint("btp+ws://b:1"), endpoint("ws://b:1"));
    assert_eq!(endpoint("BTP+WSS://b:1"), endpoint("wss://b:1"));
}

#[test]
fn path_and_query_are_kept() {
    assert_eq!(
        endpoint("ws://b/accounts/x/ilp/btp?a=1").path,
        "/accounts/x/ilp/btp?a=1"
    );
    assert_eq!(endpoint("ws://b?a=1").path, "/?a=1");
}

#[test]
fn an_ipv6_address_loses_its_brackets() {
    let parsed = endpoint("ws://[::1]:3000");
    assert_eq!(parsed.host, "::1");
    assert_eq!(parsed.to_string(), "ws://[::1]:3000");
}

#[test]
fn user_and_token_are_percent_decoded() {
    let url = parse_url("ws://al%69ce:p%40ss%25w%c3%b6rd@b:1").unwrap();
    let credentials = url.credentials().unwrap();
    assert_eq!(credentials.username.as_deref(), Some("alice"));
    assert_eq!(credentials.token.as_str(), "p@ss%wörd");
}

#[test]
fn a_percent_sign_that_encodes_nothing_stays() {
    let url = parse_url("ws://:100%zz%4@b:1").unwrap();
    assert_eq!(url.token.unwrap().as_str(), "100%zz%4");
}

#[test]
fn an_empty_user_is_none() {
    let url = parse_url("ws://:secret@b:1").unwrap();
    assert_eq!(url.username.as_deref(), Some(""));
    assert_eq!(url.credentials().unwrap().username, None);
}

#[test]
fn a_user_may_come_without_a_token() {
    let url = parse_url("ws://alice@b:1").unwrap();
    assert_eq!(url.username.as_deref(), Some("alice"));
    assert!(url.token.is_none() && url.credentials().is_none());
}

#[test]
fn a_slash_in_a_token_is_not_the_beginning_of_the_path() {
    assert_eq!(error("ws://alice:a/b@c:1"), UrlError::Slash);
    let url = parse_url("ws://alice:a%2Fb@c:1").unwrap();
    assert_eq!(url.token.unwrap().as_str(), "a/b");
}

#[test]
fn nothing_that_ends_a_host_may_stand_in_a_token() {
    // each would be dialled, and logged, as host alice with the token in its path or query
    for text in [
        "ws://alice:?hunter2@c",
        "ws://alice:1?hunter2@c",
        "ws://alice:\\hunter2@c",
    ] {
        assert_eq!(error(text), UrlError::Slash, "{text}");
    }
    let url = parse_url("ws://alice:%3F%5C@c:1/accounts/a%40b?x=%40").unwrap();
    assert_eq!(url.token.unwrap().as_str(), "?\\");
    assert_eq!(url.endpoint.path, "/accounts/a%40b?x=%40");
}

#[test]
fn a_token_that_is_no_text_is_refused() {
    assert_eq!(error("ws://alice:%ff@b:1"), UrlError::Encoding);
}

#[test]
fn other_schemes_are_refused() {
    for text in [
        "http://b",
        "b:3000",
        "btp://b",
        "btp+http://b",
        "",
        "ws:b",
        "wsx://b",
    ] {
        assert_eq!(error(text), UrlError::Scheme, "{text}");
    }
}

#[test]
fn a_url_needs_a_host() {
    for text in [
        "ws://",
        "ws:///path",
        "ws://:3000",
        "ws://?x",
        "ws://u:t@:80",
    ] {
        assert_eq!(error(text), UrlError::NoHost, "{text}");
    }
}

#[test]
fn a_port_out_of_range_is_refused() {
    for text in ["ws://b:0", "ws://b:65536", "ws://b:x"] {
        assert_eq!(error(text), UrlError::Port, "{text}");
    }
}

#[test]
fn a_fragment_is_refused() {
    assert_eq!(error("ws://b/#here"), UrlError::Fragment);
}

#[test]
fn errors_and_debug_never_show_the_token() {
    for text in [
        "ws://alice:hunter2@b:x",
        "ws://alice:hunter2@",
        "ftp://alice:hunter2@b",
        "ws://alice:hunter2@[b",
    ] {
        let error = error(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
    }
    let parsed = parse_url("ws://alice:hunter2@b").unwrap();
    assert!(!format!("{parsed:?}").contains("hunter2"));
}
