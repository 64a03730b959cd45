use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use bytes::BufMut;
use proptest::prelude::*;

use super::*;
use crate::frame::{Frame, ILP};

const LATER: Instant = Instant::from_nanos(1_000);

fn push(answers: &mut Answers, kind: AnswerKind, mark: u8, len: usize) {
    answers.push(kind, LATER, len, |out| out.put_bytes(mark, len));
}

/// The first byte of each answer that is still sent.
fn rest(answers: &mut Answers, now: Instant) -> Vec<u8> {
    let mut marks = Vec::new();
    let mut out = BytesMut::new();
    while let Some(len) = answers.pop(now, &mut out) {
        let message = out.split_to(len);
        assert!(message.iter().all(|byte| *byte == message[0]));
        assert!(out.is_empty());
        marks.push(message[0]);
    }
    marks
}

#[test]
fn answers_leave_in_the_order_they_came() {
    let mut answers = Answers::new(100);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 10);
    push(&mut answers, AnswerKind::Reject, 2, 20);
    push(&mut answers, AnswerKind::Other, 3, 5);
    assert_eq!((answers.len(), answers.bytes()), (3, 35));
    assert_eq!(rest(&mut answers, Instant::ZERO), [1, 2, 3]);
    assert!(answers.is_empty());
    assert!(answers.take_dropped().is_zero());
}

#[test]
fn respond_writes_a_response_frame_with_the_packet_in_it() {
    let mut answers = Answers::new(100);
    answers.respond(AnswerKind::Fulfill { amount: 1 }, LATER, 7, 3, |out| {
        out.put_slice(b"abc")
    });
    let mut out = BytesMut::from(&b"before"[..]);
    let len = answers.pop(Instant::ZERO, &mut out).unwrap();
    assert_eq!(len, ilp_frame_len(3));
    let Frame::Response { id: 7, protocols } = Frame::parse(&out[6..]).unwrap() else {
        panic!("{out:?}");
    };
    assert_eq!(protocols.len(), 1);
    assert_eq!(protocols.get(ILP).unwrap().data, b"abc");
}

#[test]
fn an_answer_past_its_deadline_is_dropped_when_its_turn_comes() {
    let mut answers = Answers::new(100);
    let at = Instant::from_nanos;
    answers.push(AnswerKind::Fulfill { amount: 1 }, at(5), 1, |out| {
        out.put_u8(1)
    });
    answers.push(AnswerKind::Reject, at(6), 1, |out| out.put_u8(2));
    answers.push(AnswerKind::Other, at(5), 1, |out| out.put_u8(3));
    assert_eq!(
        rest(&mut answers, at(5)),
        [2],
        "at its deadline an answer is too late"
    );
    let dropped = answers.take_dropped();
    assert_eq!(
        dropped,
        Dropped {
            fulfills: 1,
            amount: 1,
            rejects: 0,
            others: 1
        }
    );
    assert!(answers.take_dropped().is_zero());
    assert_eq!((answers.len(), answers.bytes()), (0, 0));
}

#[test]
fn rejects_are_dropped_before_any_fulfill() {
    let mut answers = Answers::new(40);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 10);
    push(&mut answers, AnswerKind::Reject, 2, 10);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 3, 10);
    push(&mut answers, AnswerKind::Reject, 4, 10);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 5, 20);
    assert_eq!(
        answers.take_dropped(),
        Dropped {
            rejects: 2,
            ..Dropped::default()
        }
    );
    assert_eq!(rest(&mut answers, Instant::ZERO), [1, 3, 5]);
}

#[test]
fn without_rejects_the_oldest_answer_goes() {
    let mut answers = Answers::new(30);
    for mark in 1..=5 {
        push(&mut answers, AnswerKind::Fulfill { amount: 1 }, mark, 10);
    }
    assert_eq!(
        answers.take_dropped(),
        Dropped {
            fulfills: 2,
            amount: 2,
            ..Dropped::default()
        }
    );
    assert_eq!(rest(&mut answers, Instant::ZERO), [3, 4, 5]);
}

#[test]
fn a_reject_does_not_push_a_fulfill_out() {
    let mut answers = Answers::new(20);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 20);
    push(&mut answers, AnswerKind::Reject, 2, 5);
    assert_eq!(
        answers.take_dropped(),
        Dropped {
            rejects: 1,
            ..Dropped::default()
        }
    );
    assert_eq!(rest(&mut answers, Instant::ZERO), [1]);
}

#[test]
fn an_answer_larger_than_the_budget_pushes_nothing_out() {
    let mut answers = Answers::new(20);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 20);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 2, 21);
    assert_eq!(
        answers.take_dropped(),
        Dropped {
            fulfills: 1,
            amount: 1,
            ..Dropped::default()
        }
    );
    assert_eq!(rest(&mut answers, Instant::ZERO), [1]);
}

#[test]
fn memory_stays_bounded_while_nothing_is_read() {
    let mut answers = Answers::new(1000);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 100);
    for _ in 0..10_000 {
        push(&mut answers, AnswerKind::Reject, 2, 90);
    }
    assert!(answers.bytes() <= 1000);
    assert!(
        answers.ring.capacity() <= 4 * 1000,
        "{}",
        answers.ring.capacity()
    );
    assert!(answers.entries.len() <= 30);
    let dropped = answers.take_dropped();
    assert_eq!(dropped.rejects, 10_000 - 10);
    let mut expected = vec![1];
    expected.extend([2; 10]);
    assert_eq!(rest(&mut answers, Instant::ZERO), expected);
}

#[test]
fn memory_stays_bounded_while_little_is_read_and_much_is_dropped() {
    const BUDGET: usize = 1 << 20;
    let mut answers = Answers::new(BUDGET);
    let mut out = BytesMut::new();
    let (mut length, mut capacity) = (0, 0);
    for step in 0..100_000 {
        // By turns: more and more FULFILLs among the REJECTs, and now nothing, now nearly all of it is read.
        let kind = if step % 4 < step / 4_000 % 4 {
            AnswerKind::Fulfill { amount: 1 }
        } else {
            AnswerKind::Reject
        };
        push(&mut answers, kind, 1, 500 + step * 7 % 3_000);
        if step % 100 < [10, 95, 50, 99][step / 1_000 % 4] {
            out.clear();
            let _ = answers.pop(Instant::ZERO, &mut out);
        }
        length = length.max(answers.ring.len());
        capacity = capacity.max(answers.ring.capacity());
    }
    assert!(length <= BUDGET / 4 * 5 + 3_500, "{length}");
    assert!(capacity <= BUDGET / 100 * 313 + 7_000, "{capacity}");
}

#[test]
fn a_large_ring_is_given_back_when_it_runs_dry() {
    let mut answers = Answers::new(1 << 20);
    for _ in 0..50 {
        push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 1, 20_000);
    }
    assert_eq!(rest(&mut answers, Instant::ZERO).len(), 50);
    assert!(answers.ring.capacity() <= crate::ring::KEEP);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 9, 20);
    assert_eq!(rest(&mut answers, Instant::ZERO), [9]);
}

#[test]
fn debug_shows_numbers_only() {
    let mut answers = Answers::new(20);
    push(&mut answers, AnswerKind::Fulfill { amount: 1 }, b'x', 4);
    let shown = format!("{answers:?}");
    assert!(
        shown.starts_with("Answers { len: 1, bytes: 4, max_bytes: 20"),
        "{shown}"
    );
}

fn kinds() -> impl Strategy<Value = AnswerKind> {
    prop_oneof![
        any::<u64>().prop_map(|amount| AnswerKind::Fulfill { amount }),
        Just(AnswerKind::Reject),
        Just(AnswerKind::Other)
    ]
}

#[derive(Clone, Copy)]
struct Model {
    kind: AnswerKind,
    deadline: u64,
    mark: u8,
    len: usize,
}

proptest! {
    /// Against a plain list that is searched from the front.
    #[test]
    fn it_behaves_like_a_list(
        steps in prop::collection::vec((kinds(), 0u64..40, 1usize..30, 0usize..3), 1..300),
    ) {
        let mut answers = Answers::new(60);
        let mut list: VecDeque<Model> = VecDeque::new();
        let mut dropped = Dropped::default();
        let mut out = BytesMut::new();
        for (step, (kind, wait, len, pops)) in steps.into_iter().enumerate() {
            let now = step as u64;
            let (deadline, mark) = (now + wait, step as u8);
            answers.push(kind, Instant::from_nanos(deadline), len, |out| out.put_bytes(mark, len));
            list.push_back(Model { kind, deadline, mark, len });
            while list.iter().map(|answer| answer.len).sum::<usize>() > 60 {
                let at = list.iter().position(|answer| answer.kind == AnswerKind::Reject);
                dropped.count(list.remove(at.unwrap_or(0)).unwrap().kind);
            }
            for _ in 0..pops {
                let popped = answers.pop(Instant::from_nanos(now), &mut out);
                let expected = loop {
                    match list.pop_front() {
                        Some(answer) if answer.deadline <= now => dropped.count(answer.kind),
                        other => break other,
                    }
                };
                prop_assert_eq!(popped, expected.map(|answer| answer.len));
                let bytes = out.split();
                let written: Vec<u8> = expected.map_or_else(Vec::new, |a| vec![a.mark; a.len]);
                prop_assert_eq!(&bytes[..], &written[..]);
            }
            prop_assert_eq!(answers.len(), list.len());
            prop_assert_eq!(answers.bytes(), list.iter().map(|answer| answer.len).sum::<usize>());
        }
        prop_assert_eq!(answers.take_dropped(), dropped);
    }
}

#[test]
fn what_nobody_came_for_is_given_up_at_its_deadline() {
    let mut answers = Answers::new(1_000);
    let at = Instant::from_nanos;
    for (kind, deadline) in [
        (AnswerKind::Fulfill { amount: u64::MAX }, 10),
        (AnswerKind::Reject, 30),
        (AnswerKind::Fulfill { amount: 1 }, 20),
    ] {
        answers.push(kind, at(deadline), 4, |out| out.extend_from_slice(b"abcd"));
    }
    assert_eq!(answers.expire(at(9)), Some(at(10)));
    assert_eq!(answers.expire(at(20)), Some(at(30)));
    assert_eq!((answers.len(), answers.bytes()), (1, 4));
    let dropped = answers.take_dropped();
    assert_eq!((dropped.fulfills, dropped.rejects), (2, 0));
    assert_eq!(dropped.amount, u128::from(u64::MAX) + 1);
    let mut out = BytesMut::new();
    assert_eq!(answers.pop(at(20), &mut out), Some(4));
    assert_eq!(answers.expire(at(99)), None);
    assert!(answers.is_empty() && answers.take_dropped().is_zero());
}

#[test]
fn what_is_kept_of_an_answer_besides_its_bytes_is_small() {
    assert!(size_of::<Entry>() <= 24);
}

#[test]
fn rejects_that_left_whichever_way_are_not_taken_for_waiting_ones() {
    for way in 0..3 {
        let mut answers = Answers::new(20);
        assert!(answers.only_rejects());
        push(&mut answers, AnswerKind::Reject, 1, 10);
        assert!(answers.only_rejects());
        match way {
            0 => assert_eq!(answers.expire(LATER), None),
            1 => assert_eq!(rest(&mut answers, Instant::ZERO), [1]),
            // over the budget: it goes, and then the FULFILLs that took its place
            _ => {
                push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 2, 20);
                assert!(!answers.only_rejects());
                assert_eq!(rest(&mut answers, Instant::ZERO), [2]);
            }
        }
        assert!(answers.only_rejects() && answers.is_empty());
        // the next FULFILL is not dropped for a REJECT that is no more
        push(&mut answers, AnswerKind::Fulfill { amount: 1 }, 3, 20);
        assert!(!answers.only_rejects());
        push(&mut answers, AnswerKind::Other, 4, 20);
        assert_eq!(rest(&mut answers, Instant::ZERO), [4]);
    }
}
