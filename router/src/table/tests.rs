use alloc::{format, string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn addr(text: &str) -> Addr<'_> {
    Addr::new(text).unwrap()
}

/// A table with one hop per prefix, numbered from 0.
fn table(prefixes: &[&str]) -> RoutingTable<usize> {
    let mut table = RoutingTable::new(42);
    for (hop, text) in prefixes.iter().enumerate() {
        table.insert(prefix(text), hop, 0);
    }
    table
}

fn found(table: &RoutingTable<usize>, to: &str) -> Option<String> {
    table
        .lookup(addr(to), |_| true)
        .map(|m| m.prefix.as_str().into())
}

#[test]
fn the_longest_prefix_wins() {
    let table = table(&["g", "g.a", "g.a.b.c", ""]);
    assert_eq!(found(&table, "g.a.b.c.d").unwrap(), "g.a.b.c");
    assert_eq!(found(&table, "g.a.b.x").unwrap(), "g.a");
    assert_eq!(found(&table, "g.x.b").unwrap(), "g");
    assert_eq!(found(&table, "test.a").unwrap(), "");
}

#[test]
fn a_prefix_ends_where_a_segment_ends() {
    let table = table(&["g.ali"]);
    assert_eq!(found(&table, "g.alice"), None);
    assert_eq!(found(&table, "g.al"), None);
    assert_eq!(found(&table, "g.ali.ce").unwrap(), "g.ali");
}

#[test]
fn a_prefix_matches_the_address_that_equals_it() {
    let table = table(&["g.a.b"]);
    assert_eq!(found(&table, "g.a.b").unwrap(), "g.a.b");
    assert_eq!(found(&table, "g.a"), None);
}

#[test]
fn a_bare_scheme_takes_its_network_and_no_other() {
    let table = table(&["test"]);
    assert_eq!(found(&table, "test.a.b").unwrap(), "test");
    assert_eq!(found(&table, "test1.a"), None);
    assert_eq!(found(&table, "g.test"), None);
}

#[test]
fn the_empty_prefix_takes_everything() {
    let table = table(&[""]);
    assert_eq!(found(&table, "g.a").unwrap(), "");
}

#[test]
fn an_empty_table_finds_nothing() {
    assert_eq!(found(&table(&[]), "g.a"), None);
}

#[test]
fn segments_of_any_length_are_told_apart() {
    let long: String = "abcdefghijklmnopqrstuvwxyz".into();
    let prefixes: Vec<_> = (1..=26)
        .map(|n| alloc::format!("g.{}", &long[..n]))
        .collect();
    let table = table(&prefixes.iter().map(String::as_str).collect::<Vec<_>>());
    for text in &prefixes {
        assert_eq!(found(&table, text).as_ref(), Some(text));
        assert_eq!(
            found(&table, &alloc::format!("{text}.x")).as_ref(),
            Some(text)
        );
        assert_eq!(found(&table, &alloc::format!("{text}-")), None);
    }
}

#[test]
fn a_dotted_address_of_the_greatest_length_is_looked_up_at_every_level() {
    let longest = alloc::format!("g{}", ".a".repeat(511));
    assert_eq!(longest.len(), Addr::MAX_LEN);
    let prefixes: Vec<_> = (0..512).map(|n| &longest[..1 + 2 * n]).collect();
    let mut table = table(&prefixes);
    for (n, text) in prefixes.iter().enumerate().rev() {
        assert_eq!(found(&table, &longest).as_deref(), Some(*text));
        assert!(table.remove(&prefix(text), n));
    }
    assert_eq!(found(&table, &longest), None);
}

#[test]
fn the_first_usable_hop_in_order_of_priority_is_chosen() {
    let mut table = RoutingTable::new(0);
    table.insert(prefix("g.a"), 'c', 20);
    table.insert(prefix("g.a"), 'a', 10);
    table.insert(prefix("g.a"), 'd', 20);
    table.insert(prefix("g.a"), 'b', 10);
    let choose = |usable: &str| {
        let found = table.lookup(addr("g.a.x"), |h| usable.contains(h)).unwrap();
        (found.next_hop, found.usable)
    };
    assert_eq!(choose("abcd"), ('a', true));
    assert_eq!(choose("bcd"), ('b', true));
    assert_eq!(choose("cd"), ('c', true));
    assert_eq!(choose("d"), ('d', true));
    assert_eq!(choose(""), ('a', false));
}

#[test]
fn a_route_that_is_down_does_not_fall_back_to_a_shorter_prefix() {
    let table = table(&["", "g.a"]);
    let found = table.lookup(addr("g.a.b"), |hop| hop == 0).unwrap();
    assert_eq!(
        (found.prefix.as_str(), found.next_hop, found.usable),
        ("g.a", 1, false)
    );
}

#[test]
fn inserting_again_changes_the_priority_and_returns_the_old_one() {
    let mut table = RoutingTable::new(0);
    assert_eq!(table.insert(prefix("g"), 'a', 1), None);
    assert_eq!(table.insert(prefix("g"), 'b', 1), None);
    assert_eq!(table.insert(prefix("g"), 'a', 1), Some(1));
    assert_eq!(table.lookup(addr("g.x"), |_| true).unwrap().next_hop, 'a');
    assert_eq!(table.insert(prefix("g"), 'a', 2), Some(1));
    assert_eq!(table.lookup(addr("g.x"), |_| true).unwrap().next_hop, 'b');
    assert_eq!(table.iter().count(), 2);
}

#[test]
fn a_prefix_goes_with_its_last_hop() {
    let mut table = RoutingTable::new(0);
    table.insert(prefix("g.a"), 'a', 0);
    table.insert(prefix("g.a"), 'b', 0);
    assert!(!table.remove(&prefix("g.a"), 'x'));
    assert!(!table.remove(&prefix("g"), 'a'));
    assert!(table.remove(&prefix("g.a"), 'a'));
    assert_eq!(table.lookup(addr("g.a"), |_| true).unwrap().next_hop, 'b');
    assert!(table.remove(&prefix("g.a"), 'b'));
    assert!(!table.remove(&prefix("g.a"), 'b'));
    assert_eq!(table.lookup(addr("g.a"), |_| true), None);
    assert!(table.is_empty());
    assert!(table.levels.is_empty());
}

#[test]
fn the_list_is_in_order_whatever_the_seed_and_the_order_of_arrival() {
    let lines = |seed, reverse: bool| {
        let mut routes = vec![("g.b", 1, 0), ("g.a", 3, 7), ("g.a", 2, 9), ("", 4, 0)];
        if reverse {
            routes.reverse();
        }
        let mut table = RoutingTable::new(seed);
        for (text, hop, priority) in routes {
            table.insert(prefix(text), hop, priority);
        }
        assert_eq!(table.len(), 3);
        table
            .iter()
            .map(|r| (String::from(r.prefix.as_str()), r.next_hop, r.priority))
            .collect::<Vec<_>>()
    };
    let expected = [("", 4, 0), ("g.a", 3, 7), ("g.a", 2, 9), ("g.b", 1, 0)]
        .map(|(text, hop, priority)| (String::from(text), hop, priority));
    assert_eq!(lines(1, false), expected);
    assert_eq!(lines(2, true), expected);
}

#[test]
fn every_byte_and_every_boundary_reaches_the_hash() {
    let hash = |seed, text| locate(seed, &prefix(text)).1;
    let texts = [
        "",
        "g",
        "g.a",
        "g.b",
        "g.a.b",
        "g.ab",
        "g.aaaaaaaa",
        "g.aaaaaaaaa",
        "g.aaaaaaa.a",
        "g.aaaaaaaa.a",
        "g.aaaaaaaaaaaaaaaa",
        "g.aaaaaaaaaaaaaaab",
        "g.baaaaaaaaaaaaaaa",
    ];
    let mut hashes: Vec<_> = texts.iter().map(|t| hash(7, t)).collect();
    hashes.extend(texts.iter().map(|t| hash(8, t)));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 2 * texts.len());
}

#[test]
fn an_address_is_found_by_its_deepest_route_however_long_it_is() {
    let table = table(&["g.a", "g.a.bcdefgh", "test.longer-than-a-word"]);
    for behind in ["", ".", ".x", ".x.y.z"] {
        for route in ["g.a", "g.a.bcdefgh", "test.longer-than-a-word"] {
            // a dot at the end is no address, but nothing may depend on that
            let to = format!("{route}{behind}");
            let found = table.longest(to.as_bytes()).unwrap();
            assert_eq!(found.prefix.as_str(), route, "for {to}");
        }
    }
    let long = format!("g.a.bcdefgh{}", ".x".repeat(500));
    assert_eq!(found(&table, &long).unwrap(), "g.a.bcdefgh");
}

#[test]
fn dots_are_found_among_any_bytes() {
    for other in [0, 1, b'-', b'/', 0x7f, 0x80, 0xae, 0xff] {
        for mask in 0..=255u8 {
            let byte = |i: usize| if mask & (1 << i) != 0 { b'.' } else { other };
            let word = u64::from_le_bytes(core::array::from_fn(byte));
            assert_eq!(packed(dots(word)), u64::from(mask));
            assert_eq!(count(dots(word)), mask.count_ones() as usize);
        }
    }
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "al",
        "ali",
        "alice",
        "b",
        "-",
        "_",
        "~",
        "sevenby",
        "eightbyt",
        "eightbyte",
        "eightbyts",
        "a-very-long-segment-of-a-name",
        "a-very-long-segment-of-a-game",
    ])
}

fn path(segments: core::ops::Range<usize>) -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["g", "test", "test1"]);
    let segments = prop::collection::vec(segment(), segments);
    (scheme, segments).prop_map(|(scheme, segments)| {
        iter::once(scheme)
            .chain(segments)
            .collect::<Vec<_>>()
            .join(".")
    })
}

fn any_prefix() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 12 => path(0..4), 2 => path(0..30)]
}

/// The rule as it is written down, over a plain list.
fn naive<'r>(routes: &'r [(String, u8, u32)], to: &str, usable: u8) -> Option<(&'r str, u8, bool)> {
    let matches = |p: &str| {
        p.is_empty() || to == p || to.strip_prefix(p).is_some_and(|rest| rest.starts_with('.'))
    };
    let longest = routes
        .iter()
        .map(|r| r.0.as_str())
        .filter(|p| matches(p))
        .max_by_key(|p| p.len())?;
    let mut hops: Vec<_> = routes.iter().filter(|r| r.0 == longest).collect();
    hops.sort_by_key(|r| r.2);
    let chosen = hops.iter().find(|r| usable & (1 << r.1) != 0);
    Some((longest, chosen.unwrap_or(&hops[0]).1, chosen.is_some()))
}

proptest! {
    #[test]
    fn lookups_agree_with_a_scan_of_all_routes(
        seed: u64,
        routes in prop::collection::vec((any_prefix(), 0..8u8, 0..3u32, any::<bool>()), 0..60),
        others in prop::collection::vec(path(1..30), 0..20),
        shorter in prop::collection::vec(path(1..5), 0..20),
        suffix in segment(),
        usable: u8,
    ) {
        let mut table = RoutingTable::new(seed);
        let mut list: Vec<(String, u8, u32)> = Vec::new();
        for (text, hop, priority, add) in &routes {
            let old = list.iter().position(|r| r.0 == *text && r.1 == *hop);
            if !add {
                prop_assert_eq!(table.remove(&prefix(text), *hop), old.is_some());
                old.map(|at| list.remove(at));
                continue;
            }
            let was = old.map(|at| list[at].2);
            prop_assert_eq!(table.insert(prefix(text), *hop, *priority), was);
            if was != Some(*priority) {
                old.map(|at| list.remove(at));
                list.push((text.clone(), *hop, *priority));
            }
        }

        let at_the_edges = routes.iter().flat_map(|(text, ..)| {
            [text.clone(), alloc::format!("{text}.{suffix}"), alloc::format!("{text}{suffix}")]
        });
        for to in others.into_iter().chain(shorter).chain(at_the_edges) {
            let Ok(to) = Addr::new(&to) else { continue };
            let found = table.lookup(to, |hop| usable & (1 << hop) != 0);
            let found = found.map(|m| (m.prefix.as_str(), m.next_hop, m.usable));
            prop_assert_eq!(found, naive(&list, to.as_str(), usable));
        }

        list.sort_by(|a, b| (&a.0, a.2).cmp(&(&b.0, b.2)));
        let lines: Vec<_> = table
            .iter()
            .map(|r| (r.prefix.as_str().into(), r.next_hop, r.priority))
            .collect();
        prop_assert_eq!(lines, list);
    }
}

#[test]
fn an_entry_is_one_cache_line() {
    assert_eq!(
        (size_of::<Entry<u32>>(), align_of::<Entry<u32>>()),
        (64, 64)
    );
}
