//! When the packets of a fixed rate are due, and which of them are sent together.

/// Nanoseconds between two batches. Were each packet sent when it is due, a sender of a million a second would never sleep:
/// it would take all of a core that the connector may need, and what is measured is how the system divides it.
const REST: u64 = 100_000;

/// The packets of one sender. Times are nanoseconds from its beginning.
pub(super) struct Schedule {
    /// From one packet to the next.
    interval: f64,
    /// Packets that were taken.
    taken: u64,
    /// When the last of them was.
    last: Option<u64>,
}

impl Schedule {
    pub(super) const fn new(interval: f64) -> Self {
        Self {
            interval,
            taken: 0,
            last: None,
        }
    }

    /// When the next packet is due.
    pub(super) fn due(&self) -> u64 {
        (self.taken as f64 * self.interval) as u64
    }

    /// Counts the next packet as sent, or given up, and says when it was due.
    pub(super) fn take(&mut self) -> u64 {
        let due = self.due();
        self.taken += 1;
        due
    }

    /// The same if it is due, `now` belongs to a batch and the packet is one of those before `end`.
    ///
    /// # Errors
    /// When to ask again.
    pub(super) fn take_if_due(&mut self, now: u64, end: u64) -> Result<u64, u64> {
        let due = self.due();
        let rested = self.last.map_or(0, |last| last + REST);
        let may_send = self.last == Some(now) || rested <= now;
        if due > now || due >= end || !may_send {
            return Err(due.max(rested));
        }
        self.last = Some(now);
        Ok(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: u64 = u64::MAX;

    fn batch(schedule: &mut Schedule, now: u64) -> (Vec<u64>, u64) {
        let mut dues = Vec::new();
        loop {
            match schedule.take_if_due(now, FAR) {
                Ok(due) => dues.push(due),
                Err(again) => return (dues, again),
            }
        }
    }

    #[test]
    fn a_low_rate_is_kept_packet_by_packet() {
        let mut schedule = Schedule::new(1e6);
        for number in 0..5 {
            let at = number * 1_000_000;
            assert_eq!(batch(&mut schedule, at), (vec![at], at + 1_000_000));
        }
    }

    #[test]
    fn packets_that_are_due_within_a_rest_are_sent_together_and_keep_their_times() {
        let mut schedule = Schedule::new(25_000.0);
        assert_eq!(batch(&mut schedule, 0), (vec![0], REST));
        // asked too early, because there was an answer
        assert_eq!(batch(&mut schedule, 60_000), (vec![], REST));
        let dues = vec![25_000, 50_000, 75_000, 100_000];
        assert_eq!(batch(&mut schedule, REST), (dues, 2 * REST));
    }

    #[test]
    fn whoever_comes_late_sends_all_that_was_due() {
        let mut schedule = Schedule::new(25_000.0);
        let (dues, again) = batch(&mut schedule, 1_010_000);
        assert_eq!((dues.len(), dues[0], dues[40]), (41, 0, 1_000_000));
        assert_eq!(again, 1_110_000);
    }

    #[test]
    fn what_is_due_at_the_end_is_not_sent() {
        let mut schedule = Schedule::new(500_000.0);
        assert_eq!(schedule.take_if_due(0, 1_000_000), Ok(0));
        assert_eq!(schedule.take_if_due(500_000, 1_000_000), Ok(500_000));
        assert_eq!(schedule.take_if_due(1_000_000, 1_000_000), Err(1_000_000));
        assert_eq!(schedule.due(), 1_000_000);
    }
}
