//! Segments that are used again: when they are, when they are not, and what a death leaves.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use core_process::shm::{Bounds, Pool, Segment};
use core_process::{Fd, ForkProcess, Process, Signal, Status};
use gate::{Opener, gate};

core_process::divert_before_main!();

const MESSAGE: usize = 300_000;

fn pool() -> Pool {
    Pool::new(Bounds::default())
}

/// Sends a message and drops what was received.
fn pass(sender: &Pool, receiver: &Pool, byte: u8, len: usize) {
    let loan = sender.take(len).unwrap();
    loan.write_bytes(0, &vec![byte; len]);
    let borrowed = receiver.receive(loan.lend().unwrap(), len).unwrap();
    assert_eq!(borrowed.read_bytes(0, len), vec![byte; len]);
}

/// Descriptors and mappings of segments of pools that this process has.
fn segments() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|link| link.to_string_lossy().contains("memfd:pool"))
        .count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    (
        descriptors,
        maps.lines().filter(|line| line.contains("memfd:pool")).count(),
    )
}

#[test]
fn what_was_given_back_is_used_again_for_what_fits() {
    let (sender, receiver) = (pool(), pool());
    for byte in 0..10 {
        pass(&sender, &receiver, byte, MESSAGE - usize::from(byte) * 1000);
    }
    assert_eq!(sender.made(), 1);
    assert_eq!(receiver.made(), 0);
    // Not for what does not fit, and not for what is so small that a large message would miss it.
    pass(&sender, &receiver, 1, MESSAGE * 2);
    assert_eq!(sender.made(), 2);
    pass(&sender, &receiver, 1, 10);
    assert_eq!(sender.made(), 3);
    pass(&sender, &receiver, 1, MESSAGE);
    assert_eq!(sender.made(), 3);
}

#[test]
fn what_is_lent_is_not_used_until_it_is_given_back() {
    let (sender, receiver) = (pool(), pool());
    let first = sender.take(MESSAGE).unwrap();
    first.write_bytes(0, b"first");
    let first = receiver.receive(first.lend().unwrap(), MESSAGE).unwrap();
    let second = sender.take(MESSAGE).unwrap();
    second.write_bytes(0, b"second");
    assert_eq!(first.read_bytes(0, 5), b"first");
    assert_eq!(sender.made(), 2);
    // Not sent: back in its pool, though the other one is still out.
    drop(second);
    drop(sender.take(MESSAGE).unwrap());
    assert_eq!(sender.made(), 2);
    drop(first);
    let both = (sender.take(MESSAGE).unwrap(), sender.take(MESSAGE).unwrap());
    assert_eq!(sender.made(), 2);
    drop(both);
}

#[test]
fn a_loan_is_given_back_once_and_not_by_who_had_it_before() {
    let (sender, receiver, other) = (pool(), pool(), pool());
    let descriptor = sender.take(MESSAGE).unwrap().lend().unwrap();
    let twice = descriptor.try_clone().unwrap();
    let kept = descriptor.try_clone().unwrap();
    let (one, two) = (
        receiver.receive(descriptor, MESSAGE).unwrap(),
        other.receive(twice, MESSAGE).unwrap(),
    );
    drop(one);
    let again = sender.take(MESSAGE).unwrap();
    assert_eq!(sender.made(), 1);
    // With its pool: nothing to be received.
    let error = receiver.receive(kept, MESSAGE).unwrap_err();
    assert!(error.to_string().contains("nobody has lent it"), "{error}");
    let again = receiver.receive(again.lend().unwrap(), MESSAGE).unwrap();
    // Late, and for a loan that is over.
    drop(two);
    drop(sender.take(MESSAGE).unwrap());
    assert_eq!(sender.made(), 2);
    drop(again);
}

#[test]
fn no_more_is_kept_than_the_bounds_say() {
    let bounds = Bounds {
        segments: 3,
        bytes: 1 << 20,
    };
    let (sender, receiver) = (Pool::new(bounds), Pool::new(bounds));
    let hold = |count: usize, len: usize| {
        let loans: Vec<_> = (0..count).map(|_| sender.take(len).unwrap()).collect();
        let lent: Vec<_> = loans.into_iter().map(|loan| loan.lend().unwrap()).collect();
        let received = lent
            .into_iter()
            .map(|descriptor| receiver.receive(descriptor, len).unwrap());
        drop(received.collect::<Vec<_>>());
    };
    hold(6, 70_000);
    assert_eq!(sender.kept().0, 3);
    assert_eq!(receiver.kept().0, 3);
    hold(1, 2 << 20);
    // Larger than all that may be kept: the others stay.
    assert_eq!((sender.kept().0, receiver.kept().0), (3, 3));
    hold(4, 400_000);
    assert!(sender.kept().1 <= bounds.bytes && receiver.kept().1 <= bounds.bytes);
    assert!(sender.kept().0 > 0);
}

#[test]
fn bytes_are_written_and_read_in_place_and_what_was_not_sent_is_lent_again() {
    let (sender, receiver) = (pool(), pool());
    let mut loan = sender.take(MESSAGE).unwrap();
    assert!(sender.owns(&loan) && !receiver.owns(&loan));
    loan.fill(3);
    let (why, mut loan) = loan.lend_by(|_| Err("no way")).unwrap_err();
    assert_eq!(why, "no way");
    loan[7] = 4;
    let mut sent = None;
    loan.lend_by(|descriptor| {
        descriptor
            .try_clone_to_owned()
            .map(|descriptor| sent = Some(descriptor))
    })
    .unwrap();
    let borrowed = receiver.receive(sent.unwrap(), MESSAGE).unwrap();
    assert_eq!((borrowed.len(), borrowed[6], borrowed[7]), (MESSAGE, 3, 4));
    assert_eq!(borrowed.read_bytes(7, 2), [4, 3]);
    drop(borrowed);
    drop(sender.take(MESSAGE).unwrap());
    assert_eq!(sender.made(), 1);
    let own = core_process::shm::Borrowed::from(vec![1, 2, 3]);
    let mut two = [0; 2];
    own.copy_to(1, &mut two);
    assert_eq!(
        (&*own, two, own.read_bytes(0, 1)),
        (&[1, 2, 3][..], [2, 3], vec![1])
    );
}

#[test]
fn who_lends_faster_than_others_give_back_waits_for_one_and_then_no_longer() {
    let bounds = Bounds {
        segments: 1,
        bytes: 64 << 20,
    };
    let (sender, receiver) = (Pool::new(bounds), Pool::new(bounds));
    let lent = sender.take(MESSAGE).unwrap().lend().unwrap();
    let borrowed = receiver.receive(lent, MESSAGE).unwrap();
    // Nobody gives it back: after a while there is another one.
    drop(sender.take_within(MESSAGE, Duration::MAX).unwrap());
    assert_eq!(sender.made(), 2);
    drop(borrowed);
    let longest = 40 << 20;
    let first = sender.take(longest).unwrap();
    assert_eq!(sender.made(), 3);
    let borrowed = receiver.receive(first.lend().unwrap(), longest).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(borrowed));
        drop(sender.take_within(longest, Duration::MAX).unwrap());
    });
    assert!(sender.kept().0 <= 1);
}

/// Receives, says so, and keeps what it got until it is killed.
fn receive_and_stay(descriptor: Fd<OwnedFd>, opener: Opener) {
    let pool = pool();
    let borrowed = pool.receive(descriptor.into_inner(), MESSAGE).unwrap();
    assert_eq!(borrowed.read_bytes(0, 4), b"text");
    opener.open();
    loop {
        std::thread::park();
    }
}

fn receive(descriptor: Fd<OwnedFd>) -> usize {
    let pool = pool();
    let borrowed = pool.receive(descriptor.into_inner(), MESSAGE).unwrap();
    borrowed.len()
}

#[test]
fn what_a_killed_borrower_had_is_never_used_again_and_goes_with_the_pool() {
    // In a process of its own, whose descriptors and mappings are not those of other tests.
    isolated::alone(borrowers_are_killed, ());
}

fn borrowers_are_killed() {
    let sender = Pool::new(Bounds {
        segments: 2,
        bytes: 8 << 20,
    });
    let before = segments();
    assert_eq!(before, (0, 0));
    for round in 1..=3 {
        let loan = sender.take(MESSAGE).unwrap();
        loan.write_bytes(0, b"text");
        let (opener, gate) = gate();
        let recipe = Process::new(receive_and_stay, (Fd::from(loan.lend().unwrap()), opener));
        let child = recipe.start().unwrap();
        drop(recipe);
        gate.pass();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
        assert_eq!(sender.made(), round);
        assert!(sender.kept().0 <= 2);
        assert!(segments().0 <= 2 && segments().1 <= 2);
    }
    // A living one gives it back across processes.
    for _ in 0..2 {
        let recipe = Process::new(receive, Fd::from(sender.take(MESSAGE).unwrap().lend().unwrap()));
        assert_eq!(recipe.start().unwrap().join(), Ok(MESSAGE));
    }
    assert_eq!(sender.made(), 4);
    drop(sender);
    assert_eq!(segments(), before);
}

#[test]
fn a_forked_child_begins_with_an_empty_pool_and_gives_nothing_back() {
    // In a child, since the test's harness has threads, and who has them does not fork.
    let child = Process::new(in_a_child_of_one_thread, ()).start().unwrap();
    assert_eq!(child.join(), Ok((1, 0, 0, 3)));
}

fn in_a_child_of_one_thread() -> (u64, usize, usize, u64) {
    let (sender, receiver) = (pool(), pool());
    pass(&sender, &receiver, 1, MESSAGE);
    let loan = sender.take(MESSAGE).unwrap();
    let lent = receiver
        .receive(sender.take(MESSAGE).unwrap().lend().unwrap(), MESSAGE)
        .unwrap();
    let copies = std::sync::Mutex::new(Some((loan, lent)));
    let forked = ForkProcess::new(|| {
        drop(copies.lock().unwrap().take());
        let own = sender.take(MESSAGE).unwrap();
        own.write_bytes(0, b"child");
        (sender.made(), sender.kept().0, receiver.kept().0)
    });
    let (made, own, seen) = forked.start().unwrap().join().unwrap();
    // Ours are as they were, one with us and one lent: a third one has to be made.
    drop(sender.take(MESSAGE).unwrap());
    (made, own, seen, sender.made())
}

#[test]
fn what_is_no_segment_of_a_pool_is_refused() {
    let receiver = pool();
    let said = |descriptor: OwnedFd, len| receiver.receive(descriptor, len).unwrap_err().to_string();
    let other = Segment::create("other", 4096).unwrap();
    assert!(said(other.as_fd().try_clone_to_owned().unwrap(), 1).contains("no segment of a pool"));
    assert!(
        receiver
            .receive(std::fs::File::open("/dev/null").unwrap().into(), 0)
            .is_err()
    );
    let sender = pool();
    let lent = sender.take(10).unwrap().lend().unwrap();
    for len in [1 << 20, 1 << 62, usize::MAX] {
        assert!(said(lent.try_clone().unwrap(), len).contains("has room for"));
    }
    // The mark and a number, and nothing of what makes a segment safe to map.
    let bytes = {
        let len = std::fs::File::from(lent.try_clone().unwrap())
            .metadata()
            .unwrap()
            .len() as usize;
        Segment::open(lent, len).unwrap().read_bytes(0, 64)
    };
    let forged = rustix::fs::memfd_create("forged", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::io::pwrite(&forged, &bytes[..8], 0).unwrap();
    rustix::io::pwrite(&forged, &[7; 56], 8).unwrap();
    assert!(said(forged, 1).contains("not sealed"));
    let small = Segment::create("small", 24).unwrap();
    small.write_bytes(0, &bytes[..8]);
    small.write_bytes(8, &[9; 16]);
    assert!(said(small.as_fd().try_clone_to_owned().unwrap(), 0).contains("no room for its head"));
    assert_eq!(receiver.kept().0, 1);
}
