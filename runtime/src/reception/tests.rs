use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// A guest writes its name whenever it is polled, and rings when its bell is taken from here.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<(Vec<u8>, Vec<Waker>)>>);

impl Book {
    fn guest(&self, name: u8) -> Guest {
        let book = self.clone();
        Box::pin(poll_fn(move |cx| {
            let mut book = book.0.lock().unwrap();
            book.0.push(name);
            book.1.push(cx.waker().clone());
            Poll::Pending
        }))
    }

    fn names(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }

    fn bells(&self) -> Vec<Waker> {
        std::mem::take(&mut self.0.lock().unwrap().1)
    }
}

fn poll(reception: &mut Reception, count: &Arc<Count>) -> Poll<()> {
    let waker = Waker::from(Arc::clone(count));
    Pin::new(reception).poll(&mut Context::from_waker(&waker))
}

#[test]
fn each_poll_is_one_step_of_one_guest_in_the_order_of_their_bells() {
    let (door, mut reception) = open();
    let (book, count) = (Book::default(), Arc::<Count>::default());
    for name in 1..=3 {
        door.enter(book.guest(name));
    }
    for name in 1..=3 {
        assert!(poll(&mut reception, &count).is_pending());
        assert_eq!(book.names(), [name]);
    }
    assert_eq!(count.take(), 2, "it wants a turn for each of the others");
    for bell in book.bells().iter().rev() {
        bell.wake_by_ref();
        bell.wake_by_ref();
    }
    assert_eq!(
        count.take(),
        1,
        "it is told once that there is something to do"
    );
    for name in (1..=3).rev() {
        assert!(poll(&mut reception, &count).is_pending());
        assert_eq!(book.names(), [name]);
    }
    assert_eq!(count.take(), 2);
    assert!(poll(&mut reception, &count).is_pending());
    assert_eq!((book.names().len(), count.take()), (0, 0));
}

#[test]
fn a_guest_that_rings_while_it_is_served_comes_after_those_who_rang_before() {
    let (door, mut reception) = open();
    let (book, count) = (Book::default(), Arc::<Count>::default());
    let mut rung = false;
    let own = book.clone();
    door.enter(Box::pin(poll_fn(move |cx| {
        own.0.lock().unwrap().0.push(1);
        if std::mem::replace(&mut rung, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })));
    door.enter(book.guest(2));
    for _ in 0..3 {
        assert!(poll(&mut reception, &count).is_pending());
    }
    assert_eq!(book.names(), [1, 2, 1]);
}

#[test]
fn it_ends_once_the_door_is_closed_and_the_last_guest_has_gone() {
    let (door, mut reception) = open();
    let count = Arc::<Count>::default();
    let gone = Arc::<AtomicBool>::default();
    let seen = Arc::clone(&gone);
    let bell = Arc::<Mutex<Option<Waker>>>::default();
    let given = Arc::clone(&bell);
    door.enter(Box::pin(poll_fn(move |cx| {
        *given.lock().unwrap() = Some(cx.waker().clone());
        if seen.load(Ordering::Relaxed) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })));
    assert!(poll(&mut reception, &count).is_pending());
    drop(door);
    assert_eq!(count.take(), 1, "it is told that the door is closed");
    assert!(poll(&mut reception, &count).is_pending());
    gone.store(true, Ordering::Relaxed);
    bell.lock().unwrap().as_ref().unwrap().wake_by_ref();
    assert_eq!(count.take(), 1);
    assert!(poll(&mut reception, &count).is_ready());
    // who has gone may ring as it likes
    bell.lock().unwrap().take().unwrap().wake();
}

#[test]
fn its_guests_go_with_it_whoever_holds_their_bells() {
    let (door, mut reception) = open();
    let (book, count) = (Book::default(), Arc::<Count>::default());
    door.enter(book.guest(1));
    assert!(poll(&mut reception, &count).is_pending());
    let bells = book.bells();
    drop(reception);
    assert_eq!(
        Arc::strong_count(&book.0),
        1,
        "the guest has let go of the book"
    );
    drop((door, bells));
}
