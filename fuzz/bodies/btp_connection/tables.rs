//! [`Requests`] beside a map, [`Answers`] beside a list.

use std::collections::BTreeMap;

use btp_proto::{AnswerKind, Answers, Requests, ilp_frame_len};
use bytes::BufMut;
use ilp_proto::Instant;

/// Requests in flight, twice.
pub(super) struct RequestsToo {
    requests: Requests<u64>,
    /// Cookies by wire id.
    model: BTreeMap<u32, u64>,
    next: u64,
    limit: usize,
}

impl RequestsToo {
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        Self {
            requests: Requests::new(limit, seed),
            model: BTreeMap::new(),
            next: 0,
            limit,
        }
    }

    pub(super) fn insert(&mut self) -> Option<u32> {
        self.next += 1;
        let full = self.model.len() == self.limit;
        match self.requests.insert(self.next) {
            Ok(id) => {
                assert!(!full, "more than the limit");
                let before = self.model.insert(id.0, self.next);
                assert_eq!(before, None, "the id is in flight already");
                Some(id.0)
            }
            Err(back) => {
                assert!(full && back.0 == self.next);
                None
            }
        }
    }

    pub(super) fn take(&mut self, id: u32) -> bool {
        assert_eq!(self.requests.get(id), self.model.get(&id));
        let taken = self.requests.take(id);
        assert_eq!(taken, self.model.remove(&id));
        taken.is_some()
    }

    /// The id of one in flight, or one that is none.
    pub(super) fn one(&self, which: u8) -> u32 {
        let at = usize::from(which) % (self.model.len() + 1);
        self.model.keys().nth(at).copied().unwrap_or(0xdead)
    }

    /// Takes out up to `most`.
    pub(super) fn drain(&mut self, most: usize) {
        for (id, cookie) in self.requests.drain().take(most) {
            assert_eq!(self.model.remove(&id.0), Some(cookie));
        }
    }

    pub(super) fn check(&self) {
        assert_eq!(self.requests.len(), self.model.len());
        let listed: BTreeMap<u32, u64> = self.requests.iter().map(|(id, c)| (id.0, *c)).collect();
        assert_eq!(listed, self.model);
    }
}

#[derive(Clone, Debug)]
struct Owed {
    kind: AnswerKind,
    deadline: Instant,
    id: u32,
    len: usize,
}

/// Answers owed, twice.
pub(super) struct AnswersToo {
    answers: Answers,
    model: Vec<Owed>,
    budget: usize,
    dropped: u64,
}

impl AnswersToo {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            answers: Answers::new(budget),
            model: Vec::new(),
            budget,
            dropped: 0,
        }
    }

    pub(super) fn answers(&mut self) -> &mut Answers {
        &mut self.answers
    }

    fn bytes(&self) -> usize {
        self.model.iter().map(|owed| owed.len).sum()
    }

    pub(super) fn respond(&mut self, kind: u8, deadline: Instant, id: u32, len: u8) {
        let kind = match kind % 3 {
            0 => AnswerKind::Fulfill { amount: 1 },
            1 => AnswerKind::Reject,
            _ => AnswerKind::Other,
        };
        let len = usize::from(len);
        self.answers
            .respond(kind, deadline, id, len, |out| out.put_bytes(13, len));
        let len = ilp_frame_len(len);
        if len > self.budget {
            self.dropped += 1;
            return;
        }
        self.model.push(Owed {
            kind,
            deadline,
            id,
            len,
        });
        while self.bytes() > self.budget {
            let reject = |owed: &Owed| owed.kind == AnswerKind::Reject;
            let at = self.model.iter().position(reject).unwrap_or(0);
            self.model.remove(at);
            self.dropped += 1;
        }
    }

    /// The next one to be sent, in the model alone.
    pub(super) fn pop_model(&mut self, now: Instant) -> Option<(u32, usize)> {
        while !self.model.is_empty() {
            let owed = self.model.remove(0);
            if now < owed.deadline {
                return Some((owed.id, owed.len));
            }
            self.dropped += 1;
        }
        None
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let next = self.answers.expire(now);
        let before = self.model.len();
        self.model.retain(|owed| now < owed.deadline);
        self.dropped += (before - self.model.len()) as u64;
        assert_eq!(next, self.model.iter().map(|owed| owed.deadline).min());
    }

    pub(super) fn check(&mut self) {
        assert_eq!(self.answers.len(), self.model.len());
        assert_eq!(self.answers.is_empty(), self.model.is_empty());
        assert_eq!(self.answers.bytes(), self.bytes());
        assert!(self.answers.bytes() <= self.budget);
        let dropped = self.answers.take_dropped();
        let all = dropped.fulfills + dropped.rejects + dropped.others;
        assert_eq!(all, core::mem::take(&mut self.dropped));
    }
}
