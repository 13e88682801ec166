//! Large messages: memory that is used again, in place or copied, and what a death leaves of it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use core_process::{Process, Signal, Status};
use ipc::{Producer, Queue, Receiver, RecvError, SendError, Sender, duplex, pipe};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);
const MEGABYTE: usize = 1 << 20;

/// The pieces of pools that this process has open; each test that counts them does so in a process of its own.
fn pieces() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|link| link.to_string_lossy().contains("memfd:pool"))
        .count()
}

#[test]
fn a_loan_is_written_and_read_in_place() {
    let (sender, receiver) = pipe::<()>().unwrap();
    let mut loan = sender.loan(MEGABYTE).unwrap();
    loan.fill(1);
    loan[5] = 9;
    let address = loan.as_ptr();
    sender.send_loan(loan).unwrap();
    let came = receiver.recv_borrowed_timeout(WATCHDOG).unwrap();
    assert_eq!((came.len(), came[4], came[5]), (MEGABYTE, 1, 9));
    // It is not used again as long as it is borrowed, and then it is.
    let other = sender.loan(MEGABYTE).unwrap();
    assert_ne!(other.as_ptr(), address);
    drop(came);
    let again = sender.loan(MEGABYTE).unwrap();
    assert_eq!(again.as_ptr(), address);
    drop((other, again));
    // Bytes are bytes, however they were sent and are received.
    sender.send_bytes(&[3; 100]).unwrap();
    assert_eq!(&*receiver.recv_borrowed().unwrap(), [3; 100]);
    sender.send_bytes(&vec![4; MEGABYTE]).unwrap();
    assert!(receiver.recv_borrowed().unwrap().iter().all(|&byte| byte == 4));
    let mut small = sender.loan(3).unwrap();
    small.copy_from_slice(b"abc");
    sender.try_send_loan(small).unwrap();
    assert_eq!(receiver.recv_bytes().unwrap(), b"abc");
    assert!(matches!(receiver.try_recv_borrowed(), Err(RecvError::WouldBlock)));
}

#[test]
fn a_loan_that_was_not_sent_is_handed_back_and_one_of_another_end_is_refused() {
    let (sender, receiver) = pipe::<()>().unwrap();
    let (other, _receiver) = pipe::<()>().unwrap();
    let mut loan = sender.loan(10).unwrap();
    loan.copy_from_slice(b"0123456789");
    let unsent = other.send_loan(loan).unwrap_err();
    assert!(unsent.to_string().contains("of another end"), "{unsent}");
    let mut packets = 0;
    while sender.try_send_bytes(&[0; 1000]).is_ok() {
        packets += 1;
    }
    let unsent = sender.try_send_loan(unsent.loan).unwrap_err();
    assert!(matches!(unsent.error, SendError::WouldBlock));
    let unsent = sender
        .send_loan_timeout(unsent.loan, Duration::from_millis(5))
        .unwrap_err();
    assert!(matches!(unsent.error, SendError::TimedOut));
    for _ in 0..packets {
        receiver.recv_bytes().unwrap();
    }
    sender.send_loan(unsent.loan).unwrap();
    assert_eq!(&*receiver.recv_borrowed().unwrap(), b"0123456789");
    drop(receiver);
    let unsent = sender.send_loan(sender.loan(10).unwrap()).unwrap_err();
    assert!(matches!(unsent.error, SendError::Disconnected));
}

#[test]
fn values_and_bytes_of_every_large_size_arrive_both_ways() {
    let (ours, theirs) = duplex::<Vec<u64>, Vec<u64>>().unwrap();
    for len in [4096, 4097, 100_000, 8 * MEGABYTE / 8 + 1] {
        let value: Vec<u64> = (0..len as u64).map(|at| at * 0x0101_0101_0101).collect();
        ours.send(&value).unwrap();
        let came = theirs.recv_timeout(WATCHDOG).unwrap();
        assert!(came == value);
        theirs.send(&came).unwrap();
        assert!(ours.recv_timeout(WATCHDOG).unwrap() == value);
        let bytes: Vec<u8> = (0..len * 9).map(|at| at as u8).collect();
        ours.send_bytes(&bytes).unwrap();
        let mut room = vec![0; bytes.len()];
        assert_eq!(theirs.recv_bytes_into(&mut room).unwrap(), bytes.len());
        assert!(room == bytes);
        ours.send_bytes(&bytes).unwrap();
        let short = theirs.recv_bytes_into(&mut room[1..]).unwrap_err();
        assert!(matches!(short, RecvError::BufferTooShort(whole) if whole == bytes));
    }
}

#[test]
fn memory_is_used_again_and_is_bounded() {
    let child = Process::new(sends_much, ()).start().unwrap();
    child.join().unwrap();
}

fn sends_much() {
    let (sender, receiver) = pipe::<()>().unwrap();
    for _ in 0..50 {
        sender.send_bytes(&vec![1; MEGABYTE]).unwrap();
        receiver.recv_bytes().unwrap();
    }
    // One piece, which both ends have.
    assert_eq!(pieces(), 2);
    let borrowed: Vec<_> = (0..30)
        .map(|_| {
            sender.send_bytes(&vec![1; 100_000]).unwrap();
            receiver.recv_borrowed().unwrap()
        })
        .collect();
    assert_eq!(borrowed.len(), 30);
    drop(borrowed);
    assert!(pieces() <= 16, "{}", pieces());
    drop((sender, receiver));
    assert_eq!(pieces(), 0);
}

/// Borrows one, says so, and keeps it.
fn borrow_and_stay(pictures: Receiver<()>, ready: Sender<()>) {
    let picture = pictures.recv_borrowed().unwrap();
    assert_eq!(picture[0], 7);
    ready.send(&()).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_receiver_that_is_killed_with_what_it_has_borrowed_costs_no_more_than_the_bounds() {
    let child = Process::new(receivers_are_killed, ()).start().unwrap();
    child.join().unwrap();
}

fn receivers_are_killed() {
    let (sender, receiver) = pipe::<()>().unwrap();
    for _ in 0..10 {
        sender.send_bytes(&vec![7; 100_000]).unwrap();
        let (ready, is_ready) = pipe().unwrap();
        let recipe = Process::new(borrow_and_stay, (receiver.clone(), ready));
        let child = recipe.start().unwrap();
        drop(recipe);
        is_ready.recv_timeout(WATCHDOG).unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    }
    assert!(pieces() <= 8, "{}", pieces());
    // Nothing of the dead is in anybody's way.
    for byte in 0..20 {
        sender.send_bytes(&vec![byte; 100_000]).unwrap();
        let came = receiver.recv_borrowed_timeout(WATCHDOG).unwrap();
        assert!(came.iter().all(|&came| came == byte));
    }
}

/// Receives what comes, and stops itself with the first one in its hands.
fn borrow_and_stop(pictures: Receiver<()>) {
    let picture = pictures.recv_borrowed().unwrap();
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).unwrap();
    drop(picture);
    while pictures.recv_borrowed().is_ok() {}
}

#[test]
fn a_receiver_that_is_stopped_makes_a_sender_wait_for_as_long_as_it_says() {
    let (sender, receiver) = pipe::<()>().unwrap();
    let recipe = Process::new(borrow_and_stop, receiver.clone());
    let child = recipe.start().unwrap();
    drop(recipe);
    // What no one takes fills the queue of the kernel; then the deadline holds.
    let message = vec![1; 40_000];
    let error = loop {
        match sender.send_bytes_timeout(&message, Duration::from_millis(20)) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TimedOut), "{error}");
    child.signal(Signal::CONT).unwrap();
    sender.send_bytes_timeout(&message, WATCHDOG).unwrap();
    drop((sender, receiver));
    child.join().unwrap();
}

const HUGE: usize = 200 << 20;

fn put_huge_for_ever(ready: Sender<()>, queue: Producer<String>) {
    let value = "y".repeat(HUGE);
    queue.put(&value).unwrap();
    ready.send(&()).unwrap();
    loop {
        queue.put(&value).unwrap();
    }
}

/// F041 at the size that the row names: one round, which takes a gigabyte of memory for a moment. Many rounds, with a value
/// of a size that is torn as easily, are in `queue_killed.rs`.
#[test]
fn q14_f041_a_producer_that_is_killed_in_a_put_of_200_mb_leaves_nothing_torn() {
    let queue = Queue::bounded(1).unwrap();
    let (ready, at) = pipe().unwrap();
    let recipe = Process::new(put_huge_for_ever, (ready, queue.producer()));
    let child = recipe.start().unwrap();
    drop(recipe);
    at.recv_timeout(WATCHDOG).unwrap();
    let whole = "y".repeat(HUGE);
    assert!(queue.get_timeout(WATCHDOG).unwrap() == whole);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    for value in queue.drain() {
        assert!(value.unwrap() == whole, "a torn value");
    }
    let other = Process::new(put_hello, queue.producer()).start().unwrap();
    assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), "hello");
    other.join().unwrap();
}

fn put_hello(queue: Producer<String>) {
    queue.put_timeout(&"hello".to_owned(), WATCHDOG).unwrap();
}
