use alloc::{vec, vec::Vec};
use ilp_proto::Instant;

use bytes::BufMut;

use super::*;

#[test]
fn messages_leave_whole_and_in_order() {
    let mut lane = Lane::default();
    let mut out = BytesMut::new();
    assert_eq!(lane.pop(Instant::ZERO, &mut out), None);
    for len in [3, 0, 5] {
        lane.push(Instant::MAX, len, |out| out.put_bytes(len as u8, len));
    }
    assert_eq!(lane.bytes(), 8);
    let lens: Vec<_> = core::iter::from_fn(|| lane.pop(Instant::ZERO, &mut out)).collect();
    assert_eq!(lens, [3, 0, 5]);
    assert_eq!(&out[..], [3, 3, 3, 5, 5, 5, 5, 5]);
    assert!(lane.is_empty());
}

#[test]
fn a_steady_stream_does_not_make_the_ring_grow() {
    let mut lane = Lane::default();
    let mut out = BytesMut::new();
    let mut largest = 0;
    for round in 0..100_000 {
        lane.push(Instant::MAX, 300, |out| out.put_bytes(1, 300));
        // A backlog of ten messages stays.
        if round >= 10 {
            out.clear();
            lane.pop(Instant::ZERO, &mut out);
        }
        largest = largest.max(lane.ring.capacity());
    }
    assert!(largest <= 16 * 1024, "{largest}");
}

#[test]
fn a_burst_gives_its_memory_back() {
    let mut lane = Lane::default();
    for _ in 0..100 {
        lane.push(Instant::MAX, 10_000, |out| out.put_bytes(1, 10_000));
    }
    assert!(lane.ring.capacity() >= 1_000_000);
    while lane
        .pop_with(|seen| assert_eq!(seen.len(), 10_000))
        .is_some()
    {}
    assert_eq!(lane.ring.capacity(), 0, "the memory is still there");
    lane.push(Instant::MAX, 1, |out| out.put_u8(1));
    assert_eq!(lane.bytes(), 1);
}

#[test]
fn a_small_buffer_is_kept_until_it_is_released() {
    let mut lane = Lane::default();
    lane.push(Instant::MAX, 1, |out| out.put_u8(1));
    lane.release();
    assert_eq!(lane.pop_with(<[u8]>::to_vec), Some(vec![1]));
    assert!(lane.ring.capacity() > 0);
    lane.release();
    assert_eq!(lane.ring.capacity(), 0);
}

#[test]
fn what_has_expired_is_dropped_up_to_the_first_that_has_not() {
    let mut lane = Lane::default();
    for (expires, byte) in [(5, 1), (9, 2), (3, 3)] {
        lane.push(Instant::from_nanos(expires), 1, |out| out.put_u8(byte));
    }
    let now = Instant::from_nanos(5);
    lane.expire(now);
    assert_eq!(lane.bytes(), 2);
    let mut out = BytesMut::new();
    assert_eq!(lane.pop(now, &mut out), Some(1));
    assert_eq!(lane.pop(now, &mut out), None);
    assert_eq!((&out[..], lane.bytes()), (&[2][..], 0));
}

#[test]
fn a_message_is_as_long_as_what_was_written_and_not_as_was_said() {
    let mut lane = Lane::default();
    for said in [0, 2, 100] {
        lane.push(Instant::MAX, said, |out| out.put_bytes(7, 2));
    }
    assert_eq!(lane.bytes(), 6);
    for _ in 0..3 {
        assert_eq!(lane.pop_with(<[u8]>::to_vec), Some(vec![7, 7]));
    }
    assert_eq!((lane.bytes(), lane.is_empty()), (0, true));
}
