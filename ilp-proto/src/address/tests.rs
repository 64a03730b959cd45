use std::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use proptest::prelude::*;

use super::*;

fn long(len: usize) -> String {
    format!("g.{}", "a".repeat(len - 2))
}

fn addr(text: &str) -> Addr<'_> {
    Addr::new(text).unwrap()
}

fn fault(text: &[u8]) -> AddressError {
    Addr::parse(text).unwrap_err()
}

/// RFC-0015 word for word, as slowly as it likes.
fn is_address_by_the_rfc(text: &[u8]) -> bool {
    let schemes = [
        "g", "private", "example", "peer", "self", "test", "test1", "test2", "test3", "local",
    ];
    let Ok(text) = core::str::from_utf8(text) else {
        return false;
    };
    let mut parts = text.split('.');
    let scheme = parts.next().unwrap();
    let segments: Vec<_> = parts.collect();
    let segment = |s: &&str| {
        !s.is_empty()
            && s.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_~-".contains(c))
    };
    text.len() <= 1023
        && schemes.contains(&scheme)
        && !segments.is_empty()
        && segments.iter().all(segment)
}

#[test]
fn all_schemes_of_the_rfc_are_known() {
    for scheme in [
        "g", "private", "example", "peer", "self", "test", "test1", "test2", "test3", "local",
    ] {
        let text = format!("{scheme}.x");
        assert_eq!(addr(&text).scheme(), scheme);
        assert_eq!(fault(scheme.as_bytes()), AddressError::NoSegment);
        assert!(Prefix::new(scheme).is_ok());
    }
}

#[test]
fn what_only_begins_like_a_scheme_is_none() {
    for text in [
        "gg.a",
        "test0.a",
        "test4.a",
        "test11.a",
        "tes.a",
        "peers.a",
        "locally.a",
        "G.a",
    ] {
        assert_eq!(
            fault(text.as_bytes()),
            AddressError::UnknownScheme,
            "{text}"
        );
        assert_eq!(
            Prefix::new(text).unwrap_err(),
            AddressError::UnknownScheme,
            "{text}"
        );
    }
}

#[test]
fn an_address_has_1023_bytes_at_most() {
    assert!(Addr::new(&long(1023)).is_ok());
    let error = Addr::new(&long(1024)).unwrap_err();
    assert_eq!(error, AddressError::TooLong { len: 1024 });
    assert_eq!(error.offset(), 0);
}

#[test]
fn every_byte_is_taken_in_a_segment_exactly_if_the_rfc_lists_it() {
    for byte in 0..=255u8 {
        let text = [b'g', b'.', b'a', byte, b'b'];
        // A dot separates two segments.
        let allowed = byte.is_ascii_alphanumeric() || b"_~-.".contains(&byte);
        let expected = if allowed {
            None
        } else {
            Some(AddressError::BadByte { at: 3, byte })
        };
        assert_eq!(Addr::parse(&text).err(), expected);
    }
}

/// The check works in blocks, so the same fault must be found at any place in texts of any length.
#[test]
fn a_fault_is_found_wherever_it_stands() {
    for len in 3..100 {
        let good = format!("g.{}", "x".repeat(len - 2));
        assert!(Addr::new(&good).is_ok(), "{good}");
        for at in 2..len {
            let mut text = good.clone().into_bytes();
            text[at] = b'/';
            let bad = AddressError::BadByte { at, byte: b'/' };
            assert_eq!(fault(&text), bad, "{len} bytes");
            text[at] = b'.';
            let dot = Addr::parse(&text);
            match at {
                2 => assert_eq!(dot, Err(AddressError::EmptySegment { at })),
                _ if at == len - 1 => assert_eq!(dot, Err(AddressError::EmptySegment { at: len })),
                _ => assert!(dot.is_ok(), "{len} bytes, a dot at {at}"),
            }
            if at > 3 {
                text[at - 1] = b'.';
                assert_eq!(fault(&text), AddressError::EmptySegment { at });
            }
        }
    }
}

#[test]
fn the_leftmost_fault_is_named() {
    assert_eq!(fault(b""), AddressError::Empty);
    assert_eq!(fault(b"g."), AddressError::EmptySegment { at: 2 });
    assert_eq!(fault(b"g..a b"), AddressError::EmptySegment { at: 2 });
    assert_eq!(
        fault(b"g.a b..c"),
        AddressError::BadByte { at: 3, byte: b' ' }
    );
    assert_eq!(fault(b"g.a."), AddressError::EmptySegment { at: 4 });
    assert_eq!(
        fault("g.münchen".as_bytes()),
        AddressError::BadByte { at: 3, byte: 0xc3 }
    );
}

#[test]
fn errors_read_as_sentences() {
    let errors = [
        (fault(b""), "the address is empty"),
        (
            fault(long(1024).as_bytes()),
            "the address has 1024 bytes, 1023 are allowed",
        ),
        (
            fault(b"ilp.a"),
            "the address has an unknown scheme (g, private, example, peer, self, test, test1 to test3 and local exist)",
        ),
        (
            fault(b"g"),
            "the address has a scheme but no segment after it",
        ),
        (
            fault(b"g..a"),
            "the address has an empty segment at its byte 2",
        ),
        (
            fault(b"g.a!"),
            "the address has the byte 0x21 at its byte 3, allowed are A-Z a-z 0-9 _ ~ - and the dot",
        ),
    ];
    for (error, said) in errors {
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn an_address_comes_apart_into_segments() {
    let segments: Vec<_> = addr("test.alice.~ipr.x").segments().collect();
    assert_eq!(segments, ["test", "alice", "~ipr", "x"]);
    assert_eq!(addr("test.alice").segments().next_back(), Some("alice"));
    assert_eq!(addr("test.alice").as_bytes(), b"test.alice");
}

#[test]
fn parents_end_before_the_bare_scheme() {
    let parent = addr("test.alice.shop").parent();
    assert_eq!(parent, Some(addr("test.alice")));
    assert_eq!(addr("test.alice").parent(), None);
}

#[test]
fn a_prefix_matches_whole_segments_only() {
    let alice = addr("g.alice.shop");
    for (prefix, within) in [
        ("", true),
        ("g", true),
        ("g.alice", true),
        ("g.alice.shop", true),
        ("g.ali", false),
        ("g.alice.sho", false),
        ("g.alice.shop.till", false),
        ("test", false),
        ("g.Alice", false),
    ] {
        assert_eq!(alice.is_within(prefix), within, "{prefix}");
        assert_eq!(
            Prefix::new(prefix).unwrap().matches(alice),
            within,
            "{prefix}"
        );
    }
}

#[test]
fn a_prefix_is_empty_or_a_scheme_or_an_address() {
    for text in ["", "g", "test3", "g.a", "example.a.b"] {
        assert_eq!(Prefix::new(text).unwrap().as_str(), text);
    }
    assert_eq!(Prefix::new("g."), Err(AddressError::EmptySegment { at: 2 }));
    assert_eq!(Prefix::new("."), Err(AddressError::UnknownScheme));
    assert_eq!(Prefix::everything().as_str(), "");
    assert!(matches!(
        Prefix::new(&long(1024)),
        Err(AddressError::TooLong { .. })
    ));
}

#[test]
fn a_suffix_makes_a_child() {
    let parent: Address = "test.b".parse().unwrap();
    assert_eq!(
        parent.with_suffix("alice").unwrap().as_str(),
        "test.b.alice"
    );
    assert_eq!(
        parent.with_suffix("alice.till").unwrap().as_str(),
        "test.b.alice.till"
    );
    assert_eq!(
        parent.with_suffix(""),
        Err(AddressError::EmptySegment { at: 7 })
    );
    assert_eq!(
        parent.with_suffix("a b"),
        Err(AddressError::BadByte { at: 8, byte: b' ' })
    );
    let long: Address = long(1020).parse().unwrap();
    assert!(long.with_suffix("ab").is_ok());
    assert_eq!(
        long.with_suffix("abc"),
        Err(AddressError::TooLong { len: 1024 })
    );
}

#[test]
fn owned_and_borrowed_forms_turn_into_each_other() {
    let borrowed = Addr::try_from("g.alice").unwrap();
    let owned: Address = borrowed.to_owned();
    assert_eq!(owned.as_addr(), borrowed);
    assert_eq!(
        Address::try_from(String::from("g.alice")),
        Ok(owned.clone())
    );
    assert_eq!(Prefix::from(owned.clone()), Prefix::from(borrowed));
    assert_eq!(Prefix::from(borrowed), "g.alice".parse().unwrap());
    assert_eq!((borrowed.as_ref(), owned.as_ref()), ("g.alice", "g.alice"));
    let map = std::collections::BTreeMap::from([(owned, 1)]);
    assert_eq!(map.get("g.alice"), Some(&1));
}

#[test]
fn addresses_print_as_their_text() {
    let owned: Address = "g.a".parse().unwrap();
    let prefix = Prefix::from(owned.clone());
    assert_eq!(
        format!("{} {owned} {prefix}", owned.as_addr()),
        "g.a g.a g.a"
    );
    assert_eq!(
        format!("{:?} {owned:?} {prefix:?}", owned.as_addr()),
        "Addr(g.a) Address(g.a) Prefix(g.a)"
    );
    assert_eq!(
        format!("{owned:>5}|{:<5}|", owned.as_addr()),
        "  g.a|g.a  |"
    );
}

proptest! {
    #[test]
    fn the_fast_check_agrees_with_the_rfc(
        text in "(g|test[0-4]?|peer|local|private|example|self|x|)([.][a-zA-Z0-9_~ !-]{0,4}){0,5}",
    ) {
        let parsed = Addr::parse(text.as_bytes());
        prop_assert_eq!(parsed.is_ok(), is_address_by_the_rfc(text.as_bytes()));
    }

    #[test]
    fn any_bytes_are_judged_as_by_the_rfc(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(Addr::parse(&bytes).is_ok(), is_address_by_the_rfc(&bytes));
    }
}
