//! `Monitor` between real processes: the value is its owner's alone, and what a death leaves of it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::{Bool, Shared, Typed};
use core_process::{Child, ForkProcess, Process, StopSource, codec};
use gate::{Opener, WATCHDOG, child_at, kill, stay};
use serde::{Deserialize, Serialize};
use sync::{ConditionError, LockError, Monitor, TryLockError};

core_process::divert_before_main!();

#[repr(C)]
#[derive(Debug, Shared)]
struct Stock {
    items: u64,
    taken: u64,
    is_closed: Bool,
    reserved: [u8; 7],
}

fn stock(items: u64) -> Monitor<Stock> {
    let stock = Stock {
        items,
        taken: 0,
        is_closed: Bool::from(false),
        reserved: [0; 7],
    };
    Monitor::new(stock).unwrap()
}

fn joined<T: serde::de::DeserializeOwned>(child: Child<T>) -> T {
    child.join_timeout(WATCHDOG).unwrap()
}

/// Takes items until the stock is closed and empty; how many.
fn consume(stock: Monitor<Stock>) -> u64 {
    let mut taken = 0;
    loop {
        let mut stock = stock.lock().unwrap();
        stock
            .wait_for_until(WATCHDOG, |stock| stock.items > 0 || stock.is_closed.get())
            .unwrap();
        if stock.items == 0 {
            return taken;
        }
        stock.items -= 1;
        stock.taken += 1;
        taken += 1;
    }
}

#[test]
fn one_at_a_time_changes_the_value_and_all_see_it() {
    let stock = stock(0);
    let children = [(); 3].map(|()| Process::new(consume, stock.clone()).start().unwrap());
    for _ in 0..200 {
        let mut guard = stock.lock().unwrap();
        guard.items += 1;
        guard.notify_one();
    }
    let mut guard = stock.lock().unwrap();
    guard.is_closed.set(true);
    guard.notify_all();
    drop(guard);
    assert_eq!(children.map(joined).iter().sum::<u64>(), 200);
    let guard = stock.lock().unwrap();
    assert_eq!((guard.items, guard.taken), (0, 200));
}

fn add(counter: Monitor<u64>, times: u64) {
    for _ in 0..times {
        *counter.lock().unwrap() += 1;
    }
}

#[test]
fn no_addition_is_lost() {
    let counter = Monitor::new(0_u64).unwrap();
    let children = [(); 2].map(|()| Process::new(add, (counter.clone(), 5000)).start().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| add(counter.clone(), 5000));
        add(counter.clone(), 5000);
    });
    for child in children {
        joined(child);
    }
    assert_eq!(*counter.lock().unwrap(), 20_000);
}

#[test]
fn s01_s02_the_four_forms_of_lock_and_one_guard_at_a_time() {
    let monitor = Monitor::new(7_u32).unwrap();
    let guard = monitor.lock().unwrap();
    assert!(monitor.is_locked());
    // Not re-entrant: two guards would be two exclusive references.
    assert!(matches!(monitor.try_lock(), Err(TryLockError::WouldBlock)));
    let begin = Instant::now();
    let timed_out = monitor.lock_timeout(Duration::from_millis(20));
    assert!(matches!(timed_out, Err(LockError::TimedOut)));
    assert!(begin.elapsed() >= Duration::from_millis(20));
    let source = StopSource::new().unwrap();
    let token = source.token();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| matches!(monitor.lock_until(&token), Err(LockError::Stopped)));
        source.stop();
        assert!(waiter.join().unwrap());
    });
    drop(guard);
    assert!(!monitor.is_locked());
    assert_eq!(*monitor.try_lock().unwrap(), 7);
    assert_eq!(*monitor.lock_until(WATCHDOG).unwrap(), 7);
    assert_eq!(format!("{monitor:?}"), "Monitor { is_locked: false, .. }");
    assert_eq!(format!("{:?}", monitor.lock_timeout(WATCHDOG).unwrap()), "7");
}

#[test]
fn s16_a_wait_ends_with_its_deadline_or_its_token_and_the_lock_is_held() {
    let monitor = Monitor::new(0_u32).unwrap();
    let mut guard = monitor.lock().unwrap();
    let begin = Instant::now();
    let time = Duration::from_millis(20);
    assert!(matches!(guard.wait_timeout(time), Err(ConditionError::TimedOut)));
    assert!(begin.elapsed() >= time);
    assert!(matches!(
        guard.wait_until(Duration::ZERO),
        Err(ConditionError::TimedOut)
    ));
    let never = guard.wait_for_timeout(time, |value| *value > 0);
    assert!(matches!(never, Err(ConditionError::TimedOut)));
    assert!(begin.elapsed() >= 2 * time);
    let source = StopSource::new().unwrap();
    source.stop();
    let stopped = guard.wait_for_until(&source.token(), |value| *value > 0);
    assert!(matches!(stopped, Err(ConditionError::Stopped)));
    // True already: neither a deadline that has passed nor a stopped token is asked.
    guard
        .wait_for_until((&source.token(), Duration::ZERO), |value| *value == 0)
        .unwrap();
    guard.wait_for(|value| *value == 0).unwrap();
    assert!(matches!(monitor.try_lock(), Err(TryLockError::WouldBlock)));
    *guard += 1;
}

/// Three notices, of which the last makes the state true.
fn raise(monitor: Monitor<u64>) {
    for _ in 0..3 {
        let mut guard = monitor.lock().unwrap();
        *guard += 1;
        guard.notify_one();
    }
}

#[test]
fn s19_wait_for_asks_under_the_lock_after_every_notice() {
    let monitor = Monitor::new(0).unwrap();
    let mut guard = monitor.lock().unwrap();
    let child = Process::new(raise, monitor.clone()).start().unwrap();
    let mut asked = Vec::new();
    guard
        .wait_for_until(WATCHDOG, |value| {
            asked.push(*value);
            *value == 3
        })
        .unwrap();
    assert_eq!((asked[0], *guard), (0, 3));
    drop(guard);
    joined(child);
}

fn wait(monitor: Monitor<u64>, opener: Opener) -> bool {
    let mut guard = monitor.lock().unwrap();
    opener.open();
    guard.wait_timeout(WATCHDOG).is_ok()
}

#[test]
fn s20_f057_d_a4_a_notice_does_not_wait_for_a_killed_waiter_nor_is_lost_with_it() {
    let monitor = Monitor::new(0).unwrap();
    let [dead, alive] = [(); 2].map(|()| child_at!(wait, monitor.clone()));
    // Both have released the lock to wait, so whoever has it sees both.
    assert_eq!(monitor.lock().unwrap().waiting(), 2);
    kill(&dead);
    let guard = monitor.lock().unwrap();
    assert_eq!(guard.waiting(), 1);
    guard.notify_one();
    drop(guard);
    assert!(joined(alive));
    assert_eq!(monitor.lock().unwrap().waiting(), 0);
}

/// Moves one from the first to the second, and is killed half-way.
fn move_half(pair: Monitor<[u64; 2]>, opener: Opener) {
    let mut guard = pair.lock().unwrap();
    guard[0] -= 1;
    opener.open();
    stay();
}

#[test]
fn s28_f056_d_a3_a_killed_owner_leaves_the_value_and_the_news_until_it_is_repaired() {
    let pair = Monitor::new([10, 0]).unwrap();
    let child = child_at!(move_half, pair.clone());
    kill(&child);
    // The next one leaves it as it is, so the one after is told as well.
    drop(pair.lock().unwrap_err().into_guard());
    let mut died = pair.lock().unwrap_err();
    assert_eq!(died.pid(), child.pid());
    assert_eq!(**died.guard(), [9, 0]);
    died.guard_mut()[1] += 1;
    drop(died.repaired());
    assert_eq!(*pair.lock().unwrap(), [9, 1]);
}

#[test]
fn f056_a_killed_owner_is_told_to_who_waits_for_a_notice() {
    let pair = Monitor::new([10, 0]).unwrap();
    let mut guard = pair.lock().unwrap();
    let (opener, gate) = gate::gate();
    let child = Process::new(move_half, (pair.clone(), opener)).start().unwrap();
    let killer = {
        let child = child.clone();
        thread::spawn(move || {
            gate.pass();
            child.kill().unwrap();
        })
    };
    // It is woken by nobody: the deadline, or any notice, finds the news. The child has the lock only while this one waits.
    let watchdog = Instant::now() + WATCHDOG;
    let told = loop {
        assert!(Instant::now() < watchdog, "nobody is told");
        match guard.wait_timeout(Duration::from_millis(5)) {
            Err(ConditionError::TimedOut) => {}
            other => break other,
        }
    };
    assert!(matches!(told, Err(ConditionError::OwnerDied { pid }) if pid == child.pid()));
    assert_eq!(*guard, [9, 0]);
    guard[0] += 1;
    guard.repaired();
    drop(guard);
    killer.join().unwrap();
    drop(pair.lock().unwrap());
}

#[derive(Serialize, Deserialize)]
struct Job {
    name: String,
    board: Monitor<[u32; 4]>,
}

fn write(job: Job) -> Monitor<[u32; 4]> {
    job.board.lock().unwrap()[job.name.len()] = 8;
    job.board
}

#[test]
fn it_is_an_argument_a_field_and_a_result() {
    let board = Monitor::new([0; 4]).unwrap();
    let job = Job {
        name: "abc".to_owned(),
        board: board.clone(),
    };
    let returned = joined(Process::new(write, job).start().unwrap());
    returned.lock().unwrap()[0] = 5;
    assert_eq!(*board.lock().unwrap(), [5, 0, 0, 8]);
}

#[test]
fn a_monitor_of_another_type_or_another_object_is_refused() {
    fn said<T: Shared>(sent: codec::Encoded) -> String {
        codec::decode::<Monitor<T>>(&sent.bytes, sent.descriptors)
            .unwrap_err()
            .to_string()
    }
    let number = || codec::encode(&Monitor::new(1_u64).unwrap()).unwrap();
    let same_size = said::<f64>(number());
    assert!(
        same_size.contains("no monitor of `f64`: size 8, alignment 8, fingerprint"),
        "{same_size}"
    );
    let larger = said::<[u64; 2]>(number());
    assert!(
        larger.contains("no monitor: 65608 bytes where 65616 are expected"),
        "{larger}"
    );
    let condition = said::<u64>(codec::encode(&sync::RwLock::new().unwrap()).unwrap());
    assert!(condition.contains("no monitor"), "{condition}");
}

#[test]
fn a_value_of_any_alignment_lies_right() {
    #[repr(C, align(256))]
    #[derive(Shared)]
    struct Wide([u8; 256]);
    let wide = Monitor::new(Wide([3; 256])).unwrap();
    let guard = wide.lock().unwrap();
    assert!((&raw const *guard).addr().is_multiple_of(256));
    assert_eq!(guard.0[255], 3);
}

fn looks_at_a_copy() -> (bool, u64) {
    let monitor = Monitor::new(1_u64).unwrap();
    let guard = monitor.lock().unwrap();
    let looks = || {
        std::panic::set_hook(Box::new(|_| {}));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| *guard)).is_err()
    };
    let is_refused = ForkProcess::new(looks).start().unwrap().join().unwrap();
    (is_refused, *guard)
}

#[test]
fn a_guard_that_a_forked_child_has_a_copy_of_gives_it_nothing() {
    // In a child, since the test's harness has threads, and who has them does not fork.
    let child = Process::new(looks_at_a_copy, ()).start().unwrap();
    assert_eq!(joined(child), (true, 1));
}

/// Which kinds of objects were made, while no file may be longer than 32 KiB.
fn made_with_little_room() -> Vec<(String, Option<i32>)> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit {
        current: Some(32 << 10),
        maximum: Some(32 << 10),
    };
    setrlimit(Resource::Fsize, limit).unwrap();
    fn code<T>(made: std::io::Result<T>) -> Option<i32> {
        made.err().and_then(|error| error.raw_os_error())
    }
    [
        ("lock", code(sync::Lock::new())),
        ("event", code(sync::Event::new())),
        ("semaphore", code(sync::Semaphore::new(1))),
        ("condition", code(sync::Condition::new())),
        ("barrier", code(sync::Barrier::new(2))),
        ("rwlock", code(sync::RwLock::new())),
        ("monitor", code(Monitor::new(0_u64))),
    ]
    .map(|(name, code)| (name.to_owned(), code))
    .to_vec()
}

#[test]
fn f094_memory_is_there_at_creation_or_creation_is_an_error() {
    // CPython's segment is made without its memory, and whoever writes to it dies of SIGBUS. Here all of it is there before the first byte.
    let large = Monitor::new([0_u8; 1 << 18]).unwrap();
    let descriptor = codec::encode(&large).unwrap().descriptors.pop().unwrap();
    let file = std::fs::File::from(descriptor).metadata().unwrap();
    assert!(file.blocks() * 512 >= file.len() && file.len() > 1 << 18);
    large.lock().unwrap().fill(7);
    // More than may be, or is there: an error of the one who makes it, by its number.
    let made = joined(Process::new(made_with_little_room, ()).start().unwrap());
    for (name, code) in made {
        let has_room = name == "lock" || name == "event";
        assert_eq!(code, (!has_room).then_some(libc::EFBIG), "{name}");
    }
    let more_than_there_is = Typed::create_array("large", 1 << 45, |_| 0_u8).unwrap_err();
    assert_eq!(more_than_there_is.raw_os_error(), Some(libc::ENOMEM));
}
