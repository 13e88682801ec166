//! Locks in shared memory: whatever start method made the child, the C library in it knows its thread, so a robust mutex
//! passes on when the child is killed, and an error-checking one knows its owner.
#![allow(unsafe_code, reason = "POSIX mutexes in shared memory")]

use std::mem::MaybeUninit;

use core_process::shm::Segment;
use core_process::{Process, Signal, Status};

use crate::scene::{METHODS, forever};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    a_robust_mutex_of_a_killed_child_says_that_its_owner_died,
    an_errorcheck_mutex_knows_the_thread_that_holds_it,
    a_robust_mutex_of_a_child_that_ends_normally_says_so_too,
];

/// Where the mutex lies; the word behind it tells that it is held.
const HELD: usize = 128;
const OWNER: usize = 132;

fn mutex(segment: &Segment) -> *mut libc::pthread_mutex_t {
    const { assert!(size_of::<libc::pthread_mutex_t>() <= HELD) };
    segment.as_ptr().cast()
}

fn segment(kind: i32) -> Segment {
    let segment = Segment::create("robust", 4096).unwrap();
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    let done = |code: i32| assert_eq!(code, 0);
    // SAFETY: memory for the attributes.
    done(unsafe { libc::pthread_mutexattr_init(attributes) });
    // SAFETY: the attributes were initialised.
    done(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_mutexattr_settype(attributes, kind) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) });
    // SAFETY: the segment is longer than a mutex, begins at a page, and nobody else has it yet.
    done(unsafe { libc::pthread_mutex_init(mutex(&segment), attributes) });
    segment
}

/// Linux keeps the owner's thread id in the second word of a mutex's C struct.
fn owner(segment: &Segment) -> u32 {
    segment.atomic_u32(8).load(std::sync::atomic::Ordering::Relaxed)
}

fn lock(segment: &Segment) -> i32 {
    // SAFETY: the mutex was initialised by `segment`.
    unsafe { libc::pthread_mutex_lock(mutex(segment)) }
}

fn unlock(segment: &Segment) -> i32 {
    // SAFETY: the mutex was initialised by `segment`.
    unsafe { libc::pthread_mutex_unlock(mutex(segment)) }
}

fn flag(segment: &Segment) -> &std::sync::atomic::AtomicU32 {
    segment.atomic_u32(HELD)
}

fn hold(segment: Segment) {
    assert_eq!(lock(&segment), 0);
    segment
        .atomic_u32(OWNER)
        .store(owner(&segment), std::sync::atomic::Ordering::Relaxed);
    flag(&segment).store(1, std::sync::atomic::Ordering::Release);
    forever();
}

fn a_robust_mutex_of_a_killed_child_says_that_its_owner_died() {
    for method in METHODS {
        let segment = segment(libc::PTHREAD_MUTEX_NORMAL);
        let child = Process::new(hold, segment.try_clone().unwrap())
            .method(method)
            .start()
            .unwrap();
        while flag(&segment).load(std::sync::atomic::Ordering::Acquire) == 0 {
            assert!(child.is_alive(), "{method}");
            std::thread::yield_now();
        }
        let owned_by = segment
            .atomic_u32(OWNER)
            .load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(owned_by, child.pid(), "{method}: the owner is the child's thread");
        child.kill().unwrap();
        assert_eq!(child.wait(), Ok(Status::Signaled(Signal::KILL)));
        assert_eq!(lock(&segment), libc::EOWNERDEAD, "{method}");
        // SAFETY: the mutex is held by this thread, which was told that its owner died.
        assert_eq!(unsafe { libc::pthread_mutex_consistent(mutex(&segment)) }, 0);
        assert_eq!(
            (unlock(&segment), lock(&segment), unlock(&segment)),
            (0, 0, 0),
            "{method}"
        );
    }
}

fn an_errorcheck_mutex_knows_the_thread_that_holds_it() {
    let target = |segment: Segment| {
        let results = [
            unlock(&segment),
            lock(&segment),
            lock(&segment),
            unlock(&segment),
            unlock(&segment),
        ];
        results.to_vec()
    };
    for method in METHODS {
        let segment = segment(libc::PTHREAD_MUTEX_ERRORCHECK);
        let child = Process::new(target, segment).method(method).start().unwrap();
        let expected = vec![libc::EPERM, 0, libc::EDEADLK, 0, libc::EPERM];
        assert_eq!(child.join(), Ok(expected), "{method}");
    }
}

fn a_robust_mutex_of_a_child_that_ends_normally_says_so_too() {
    for method in METHODS {
        let segment = segment(libc::PTHREAD_MUTEX_NORMAL);
        let target = |segment: Segment| {
            let locked = lock(&segment);
            std::mem::forget(segment);
            locked
        };
        let child = Process::new(target, segment.try_clone().unwrap())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.join(), Ok(0), "{method}");
        assert_eq!(lock(&segment), libc::EOWNERDEAD, "{method}");
    }
}
