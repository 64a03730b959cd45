use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn an_answer_gets_its_cookie_once() {
    let mut requests = Requests::new(10, 1);
    let id = requests.insert("flight").unwrap();
    assert_eq!(requests.get(id.0), Some(&"flight"));
    assert_eq!(requests.take(id.0), Some("flight"));
    assert_eq!(requests.take(id.0), None);
    assert_eq!(requests.get(id.0), None);
    assert!(requests.is_empty());
}

#[test]
fn a_late_id_misses_the_request_that_has_its_slot_now() {
    let mut requests = Requests::new(1, 7);
    let late = requests.insert(1).unwrap();
    assert_eq!(requests.take(late.0), Some(1));
    for n in 0..100 {
        let current = requests.insert(n).unwrap();
        assert_eq!(requests.take(late.0), None);
        assert_eq!(requests.get(late.0), None);
        assert_eq!(requests.take(current.0), Some(n));
    }
    assert_eq!(
        requests.slots.len(),
        FIRST,
        "the slots were used many times"
    );
}

#[test]
fn the_limit_hands_the_cookie_back() {
    let mut requests = Requests::new(2, 0);
    let first = requests.insert(1).unwrap();
    requests.insert(2).unwrap();
    assert_eq!(requests.insert(3), Err(Full(3)));
    assert_eq!((requests.len(), requests.limit()), (2, 2));
    assert_eq!(requests.take(first.0), Some(1));
    assert!(requests.insert(3).is_ok());
    assert_eq!(
        format!("{} {:?}", Full(3), Full(3)),
        "too many requests in flight Full"
    );
}

#[test]
fn a_limit_of_zero_admits_nothing() {
    let mut requests = Requests::new(0, 0);
    assert_eq!(requests.insert(()), Err(Full(())));
    assert_eq!(requests.take(0), None);
}

#[test]
fn memory_grows_with_what_is_in_flight_and_not_with_what_has_been() {
    let mut requests = Requests::new(Requests::<()>::MAX_LIMIT, 3);
    for _ in 0..10_000 {
        let id = requests.insert(()).unwrap();
        assert_eq!(requests.take(id.0), Some(()));
    }
    assert_eq!(requests.slots.len(), FIRST);
    for in_flight in 1..=2_000 {
        requests.insert(()).unwrap();
        assert!(requests.slots.len() <= FIRST.max(in_flight * 16 / 7));
    }
}

#[test]
fn a_large_table_that_is_empty_gives_its_memory_back() {
    let mut requests = Requests::new(Requests::<()>::MAX_LIMIT, 3);
    let ids: Vec<_> = (0..KEEP).map(|_| requests.insert(()).unwrap()).collect();
    let (last, others) = ids.split_last().unwrap();
    for id in others {
        assert_eq!(requests.take(id.0), Some(()));
    }
    assert!(requests.slots.len() > KEEP);
    assert_eq!(requests.take(last.0), Some(()));
    assert_eq!(requests.slots.capacity(), 0);
    assert_eq!(requests.get(last.0), None);
    let next = requests.insert(()).unwrap();
    assert_eq!(requests.take(next.0), Some(()));
    assert_eq!(requests.slots.len(), FIRST, "a small one is kept");
    requests.release();
    assert_eq!(requests.slots.capacity(), 0);
}

#[test]
fn nothing_that_is_in_flight_is_released() {
    let mut requests = Requests::new(5, 3);
    let id = requests.insert("flight").unwrap();
    requests.release();
    assert_eq!(requests.take(id.0), Some("flight"));
}

/// One that is held for long has the counter come round to its slot again and again.
#[test]
fn a_slot_that_is_taken_is_left_out() {
    let mut requests = Requests::new(FIRST, 5);
    let held = requests.insert(0).unwrap();
    let slot = |id: RequestId| id.0 as usize % FIRST;
    let mut before = held;
    for n in 1..100 {
        let id = requests.insert(n).unwrap();
        assert_ne!(slot(id), slot(held), "request {n}");
        assert!(matches!(id.0.wrapping_sub(before.0), 1 | 2), "request {n}");
        before = id;
        assert_eq!(requests.take(id.0), Some(n));
    }
    assert_eq!(requests.take(held.0), Some(0));
}

#[test]
fn the_next_vacant_slot_is_found_wherever_it_is() {
    for slots in [8, 64, 256] {
        for vacant in 0..slots {
            let table: Vacant = (0..slots).map(|slot| slot == vacant).collect();
            assert!((0..slots).all(|from| table.first_from(from) == Some(vacant)));
        }
        let full: Vacant = (0..slots).map(|_| false).collect();
        assert_eq!(full.first_from(slots / 2), None);
    }
}

/// What a peer can do who lets all but one of its requests wait for their expiry.
#[test]
fn an_insert_passes_over_no_more_than_is_in_flight_and_seldom() {
    const STUCK: usize = 1_000;
    let mut requests = Requests::new(STUCK + 1, 5);
    let mut before = (0..STUCK).map(|n| requests.insert(n).unwrap()).last();
    let (mut most, mut all) = (0, 0);
    let inserts = 10 * requests.slots.len();
    for n in 0..inserts {
        let id = requests.insert(n).unwrap();
        assert_eq!(requests.take(id.0), Some(n));
        let steps = id.0.wrapping_sub(before.replace(id).unwrap().0) as usize;
        most = most.max(steps);
        all += steps;
    }
    assert_eq!(most, STUCK + 1, "it comes to that");
    assert!(all <= 8 * inserts, "{all} steps of {inserts} inserts");
}

#[test]
fn a_table_grows_without_losing_a_request() {
    let mut requests = Requests::new(Requests::<()>::MAX_LIMIT, 11);
    let ids: Vec<_> = (0..1_000).map(|n| requests.insert(n).unwrap()).collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(requests.get(id.0), Some(&n));
    }
}

#[test]
fn the_whole_limit_can_be_in_flight_with_distinct_ids() {
    let mut requests = Requests::new(usize::MAX, 9);
    assert_eq!(requests.limit(), 1 << 16);
    let ids: BTreeSet<_> = (0..1 << 16).map(|n| requests.insert(n).unwrap()).collect();
    assert_eq!(ids.len(), 1 << 16);
    assert_eq!(requests.insert(0), Err(Full(0)));
}

#[test]
fn ids_wrap_without_losing_a_request() {
    let mut requests = Requests::new(100, 5);
    requests.next = u32::MAX - 20;
    let ids: Vec<_> = (0..50).map(|n| requests.insert(n).unwrap()).collect();
    assert!(ids.contains(&RequestId(0)));
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(requests.take(id.0), Some(n));
    }
}

#[test]
fn lives_with_different_seeds_use_different_ids() {
    let ids: BTreeSet<_> = (0..1000)
        .map(|seed| Requests::new(1, seed).insert(()).unwrap())
        .collect();
    assert_eq!(ids.len(), 1000);
}

#[test]
fn draining_yields_all_in_order_and_frees_them() {
    let mut requests = Requests::new(5, 2);
    let ids: Vec<_> = (0..5).map(|n| requests.insert(n).unwrap()).collect();
    assert_eq!(requests.take(ids[1].0), Some(1));
    let expected: Vec<_> = [0, 2, 3, 4].map(|n| (ids[n], n)).into();
    assert_eq!(
        requests.iter().map(|(id, n)| (id, *n)).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(requests.drain().next(), Some(expected[0]));
    assert_eq!(requests.len(), 3, "what the iterator did not reach stays");
    assert_eq!(requests.drain().collect::<Vec<_>>(), expected[1..]);
    assert!(requests.is_empty());
    assert!(ids.iter().all(|id| requests.take(id.0).is_none()));
    assert!((0..5).all(|n| requests.insert(n).is_ok()));
}

#[test]
fn debug_shows_numbers_only() {
    let mut requests = Requests::new(5, 2);
    requests.insert("cookie").unwrap();
    assert_eq!(format!("{requests:?}"), "Requests { len: 1, limit: 5, .. }");
}

proptest! {
    /// Against a list: ids in flight are unique, each finds its own cookie, all others nothing.
    #[test]
    fn it_behaves_like_a_list(
        limit in 1usize..40,
        seed: u64,
        steps in prop::collection::vec((any::<bool>(), 0usize..60), 0..400),
    ) {
        let mut requests = Requests::new(limit, seed);
        let mut flying: Vec<(RequestId, usize)> = Vec::new();
        let mut gone = Vec::new();
        for (step, (insert, pick)) in steps.into_iter().enumerate() {
            if insert {
                match requests.insert(step) {
                    Ok(id) => {
                        prop_assert!(flying.iter().all(|(other, _)| *other != id));
                        gone.retain(|other| *other != id);
                        flying.push((id, step));
                    }
                    Err(Full(cookie)) => {
                        prop_assert_eq!(cookie, step);
                        prop_assert_eq!(flying.len(), limit);
                    }
                }
            } else if pick < flying.len() {
                let (id, cookie) = flying.swap_remove(pick);
                prop_assert_eq!(requests.take(id.0), Some(cookie));
                gone.push(id);
            }
            prop_assert_eq!(requests.len(), flying.len());
            prop_assert!(gone.iter().all(|id| requests.get(id.0).is_none()));
            prop_assert!(flying.iter().all(|(id, cookie)| requests.get(id.0) == Some(cookie)));
        }
    }
}
