use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use super::*;

const SMALL: Bounds = Bounds {
    ordinary: 20,
    reserve: 10,
    line: 16,
};

fn report(out: &mut Vec<u8>, dropped: Dropped) {
    out.extend_from_slice(format!("{dropped:?}\n").as_bytes());
}

/// Writes all that is pushed before and during the call.
fn drained(queue: &Queue) -> String {
    queue.close();
    let mut out = Vec::new();
    queue.drain_into(&mut out, report);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_come_out_in_order() {
    let queue = Queue::new(SMALL);
    queue.push(false, b"one\n");
    queue.push(true, b"two\n");
    queue.push(false, b"three\n");
    assert_eq!(drained(&queue), "one\ntwo\nthree\n");
    assert_eq!(queue.dropped(), Dropped::default());
}

#[test]
fn what_does_not_fit_is_dropped_counted_and_reported() {
    let queue = Queue::new(SMALL);
    for _ in 0..5 {
        queue.push(false, b"12345678\n");
    }
    assert_eq!(
        queue.dropped(),
        Dropped {
            ordinary: 3,
            ..Dropped::default()
        }
    );
    let written = drained(&queue);
    assert!(
        written.starts_with("12345678\n12345678\nDropped { ordinary: 3,"),
        "{written}"
    );
}

#[test]
fn warnings_and_errors_have_a_reserve_that_is_bounded_too() {
    let queue = Queue::new(SMALL);
    queue.push(false, b"0123456789012\n");
    queue.push(false, b"info\n");
    queue.push(false, b"info\n");
    queue.push(true, b"error\n");
    queue.push(true, b"error\n");
    assert_eq!(
        queue.dropped(),
        Dropped {
            ordinary: 1,
            severe: 1,
            unwritable: 0
        }
    );
    assert!(drained(&queue).starts_with("0123456789012\ninfo\nerror\n"));
}

#[test]
fn a_line_that_is_too_long_is_dropped_even_when_there_is_room() {
    let queue = Queue::new(SMALL);
    queue.push(true, b"01234567890123456\n");
    assert_eq!(queue.dropped().severe, 1);
}

#[test]
fn a_drop_is_reported_once() {
    let queue = Queue::new(SMALL);
    for _ in 0..3 {
        queue.push(false, b"12345678\n");
    }
    assert_eq!(drained(&queue).matches("Dropped").count(), 1);
    queue.push(false, b"12345678\n");
    assert_eq!(drained(&queue).matches("Dropped").count(), 0);
    assert_eq!(queue.dropped().ordinary, 1, "the total stays");
}

/// A stream that asks what to do for each write.
struct Scripted {
    asked: Sender<usize>,
    answers: Receiver<io::Result<usize>>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asked.send(bytes.len());
        let n = self
            .answers
            .recv()
            .unwrap_or(Ok(bytes.len()))?
            .min(bytes.len());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_terminal_holds_nobody_up() {
    let queue = Arc::new(Queue::new(SMALL));
    let (asked, was_asked) = channel();
    let (answer, answers) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let stream = Scripted {
        asked,
        answers,
        taken: Arc::clone(&taken),
    };
    let writer = thread::spawn({
        let queue = Arc::clone(&queue);
        move || queue.drain_into(stream, report)
    });
    queue.push(false, b"first\n");
    assert_eq!(was_asked.recv().unwrap(), 6);
    // The writer sits in write() now.
    for _ in 0..1_000 {
        queue.push(false, b"more\n");
    }
    assert_eq!(queue.dropped().ordinary, 996);
    assert!(!queue.flush(Duration::from_millis(1)), "a flush gives up");
    answer.send(Ok(100)).unwrap();
    drop(answer);
    assert!(
        queue.flush(Duration::from_secs(60)),
        "and succeeds once the terminal moves again"
    );
    queue.close();
    writer.join().unwrap();
    let taken = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    assert!(
        taken.starts_with("first\nmore\nmore\nmore\nmore\nDropped { ordinary: 996"),
        "{taken}"
    );
}

#[test]
fn a_stream_that_is_not_ready_or_interrupted_gets_every_byte_once() {
    let (asked, was_asked) = channel();
    let (answer, answers) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let mut stream = Scripted {
        asked,
        answers,
        taken: Arc::clone(&taken),
    };
    for reply in [
        Ok(2),
        Err(io::ErrorKind::WouldBlock.into()),
        Ok(1),
        Err(io::ErrorKind::Interrupted.into()),
        Ok(100),
    ] {
        answer.send(reply).unwrap();
    }
    assert_eq!(write_patiently(&mut stream, b"a line\n"), 7);
    assert_eq!(taken.lock().unwrap().as_slice(), b"a line\n");
    assert_eq!(was_asked.try_iter().collect::<Vec<_>>(), [7, 5, 5, 4, 4]);
}

#[test]
fn a_closed_stream_loses_lines_which_are_counted_and_nothing_else() {
    let queue = Queue::new(SMALL);
    let (asked, _was_asked) = channel();
    let (answer, answers) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let stream = Scripted {
        asked,
        answers,
        taken: Arc::clone(&taken),
    };
    answer.send(Ok(4)).unwrap();
    answer.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
    drop(answer);
    queue.push(false, b"one\n");
    queue.push(false, b"two\n");
    queue.push(false, b"six\n");
    queue.close();
    queue.drain_into(stream, report);
    assert_eq!(queue.dropped().unwritable, 2);
    assert_eq!(taken.lock().unwrap().as_slice(), b"one\n");
}
