//! The operations that are swept: what the child does between the two points, and what the main process finds afterwards.

use std::process::ExitCode;

use core_process::{Process, StartMethod};
use grader::inject::point;
use sync::{Barrier, BarrierError, Condition, ConditionError, Event, Lock, Monitor, OwnerDied, Semaphore};

use crate::gate::{Gate, Opener, gate};

pub(crate) const BEGIN: &str = "begin";
pub(crate) const END: &str = "end";

/// The name of what never ends.
pub(crate) const DEADLOCK: &str = "deadlock";

/// One row of the table.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The main process's part; the outcome, in words.
    run: fn() -> String,
}

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "lock, use, unlock",
        run: lock_in_peace,
    },
    Operation {
        name: "lock while held",
        run: lock_while_held,
    },
    Operation {
        name: "event: wait",
        run: event_wait,
    },
    Operation {
        name: "event: set for a sleeper",
        run: event_set,
    },
    Operation {
        name: "semaphore: first, return",
        run: semaphore_in_peace,
    },
    Operation {
        name: "semaphore: for a sleeper",
        run: semaphore_for_a_sleeper,
    },
    Operation {
        name: "condition: wait",
        run: condition_wait,
    },
    Operation {
        name: "condition: notify",
        run: condition_notify,
    },
    Operation {
        name: "monitor: change twice",
        run: monitor_change,
    },
    Operation {
        name: "barrier: come",
        run: barrier_come,
    },
];

/// Plays one operation.
pub(crate) fn run(name: &str) -> ExitCode {
    if name == DEADLOCK {
        deadlock();
    }
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.name == name)
        .unwrap();
    println!("{}", (operation.run)());
    ExitCode::SUCCESS
}

/// A call that the sweep can hit while the object is in the child's hands.
fn some_call() {
    rustix::thread::sched_yield();
}

fn news<G>(got: Result<G, OwnerDied<G>>) -> String {
    match got {
        Ok(_) => "whole".to_owned(),
        Err(_) => "an owner died".to_owned(),
    }
}

fn lock_use_unlock(lock: Lock, _ready: Opener) {
    point(BEGIN);
    let guard = lock.lock().unwrap();
    some_call();
    drop(guard);
    some_call();
    point(END);
}

fn lock_in_peace() -> String {
    let lock = Lock::new().unwrap();
    let (ready, _gate) = gate();
    // Whatever becomes of the child, it has ended.
    let _ = Process::new(lock_use_unlock, (lock.clone(), ready))
        .method(StartMethod::Spawn)
        .start()
        .unwrap()
        .wait();
    let found = news(lock.lock());
    drop(lock.lock());
    found
}

fn lock_when_told(lock: Lock, ready: Opener, gate: Gate) {
    gate.pass();
    point(BEGIN);
    ready.open();
    drop(lock.lock().unwrap());
    some_call();
    point(END);
}

fn lock_while_held() -> String {
    let lock = Lock::new().unwrap();
    let guard = lock.lock().unwrap();
    let ((ready, at), (go, told)) = (gate(), gate());
    let child = Process::new(lock_when_told, (lock.clone(), ready, told))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    go.open();
    // It waits, or is about to, or is dead.
    let _ = at.try_pass();
    drop(guard);
    let _ = child.wait();
    news(lock.lock())
}

fn wait_when_told(event: Event, ready: Opener) {
    point(BEGIN);
    ready.open();
    event.wait();
    some_call();
    point(END);
}

fn event_wait() -> String {
    let event = Event::new().unwrap();
    let (ready, at) = gate();
    let child = Process::new(wait_when_told, (event.clone(), ready))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = at.try_pass();
    event.set();
    let _ = child.wait();
    event.clear();
    event.set();
    event.wait();
    "set".to_owned()
}

fn set(event: Event) {
    point(BEGIN);
    event.set();
    some_call();
    point(END);
}

/// A thread of the main process sleeps (the victim is the first process that is born); killed or not, the setter has set the event, or the main process does.
fn event_set() -> String {
    let event = Event::new().unwrap();
    let setter = Process::new(set, event.clone()).method(StartMethod::Spawn);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| event.wait());
        let _ = setter.start().unwrap().wait();
        let found = if event.is_set() {
            "set, and the sleeper woke"
        } else {
            event.set();
            "not yet set"
        };
        waiter.join().unwrap();
        found.to_owned()
    })
}

fn acquire_and_return(semaphore: Semaphore) {
    point(BEGIN);
    let permit = semaphore.acquire().unwrap();
    some_call();
    drop(permit);
    some_call();
    drop(semaphore);
    point(END);
}

/// Killed or not, all permits are free afterwards.
fn semaphore_in_peace() -> String {
    let semaphore = Semaphore::new(2).unwrap();
    let child = Process::new(acquire_and_return, semaphore.clone())
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = child.wait();
    assert_eq!(semaphore.available(), 2);
    "2 free".to_owned()
}

/// A thread of the main process waits for the permit that the victim has or never had.
fn semaphore_for_a_sleeper() -> String {
    let semaphore = Semaphore::new(1).unwrap();
    let child = Process::new(acquire_and_return, semaphore.clone())
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..3).for_each(|_| drop(semaphore.acquire().unwrap())));
        let _ = child.wait();
    });
    assert_eq!(semaphore.available(), 1);
    "1 free".to_owned()
}

fn wait_for_notice(condition: Condition, ready: Opener) {
    point(BEGIN);
    let mut guard = condition.lock().unwrap();
    ready.open();
    guard.wait().unwrap();
    drop(guard);
    some_call();
    point(END);
}

fn condition_wait() -> String {
    let condition = Condition::new().unwrap();
    let (ready, at) = gate();
    let child = Process::new(wait_for_notice, (condition.clone(), ready))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = at.try_pass();
    let notified = match condition.lock() {
        Ok(guard) => {
            guard.notify_all();
            "whole"
        }
        Err(died) => {
            died.repaired().notify_all();
            "an owner died"
        }
    };
    let _ = child.wait();
    // It died inside again, or not; nobody waits any more.
    let guard = condition.lock().unwrap_or_else(OwnerDied::repaired);
    assert_eq!(guard.waiting(), 0);
    notified.to_owned()
}

fn notify(condition: Condition) {
    point(BEGIN);
    let guard = condition.lock().unwrap();
    guard.notify_one();
    some_call();
    drop(guard);
    some_call();
    point(END);
}

fn condition_notify() -> String {
    let condition = Condition::new().unwrap();
    let child = Process::new(notify, condition.clone()).method(StartMethod::Spawn);
    let mut guard = condition.lock().unwrap();
    std::thread::scope(|scope| {
        let victim = scope.spawn(|| child.start().unwrap().wait());
        // A notice, the death of who held the lock, or a notice from here when the victim is gone without either.
        let outcome = loop {
            match guard.wait_timeout(std::time::Duration::from_millis(50)) {
                Ok(()) => break "notified",
                Err(ConditionError::OwnerDied { .. }) => break "an owner died",
                Err(_) if victim.is_finished() => break "killed before the notice",
                Err(_) => {}
            }
        };
        guard.repaired();
        drop(guard);
        drop(victim.join());
        drop(condition.lock().unwrap_or_else(OwnerDied::repaired));
        outcome.to_owned()
    })
}

fn change_both(pair: Monitor<[u64; 2]>) {
    point(BEGIN);
    let mut pair = pair.lock().unwrap();
    pair[0] += 1;
    some_call();
    pair[1] += 1;
    pair.notify_one();
    drop(pair);
    some_call();
    point(END);
}

/// Half a change is there only together with the news.
fn monitor_change() -> String {
    let pair = Monitor::new([0, 0]).unwrap();
    let _ = Process::new(change_both, pair.clone())
        .method(StartMethod::Spawn)
        .start()
        .unwrap()
        .wait();
    let outcome = match pair.lock() {
        Ok(pair) => {
            assert_eq!(pair[0], pair[1], "half a change, and nobody was told");
            "whole".to_owned()
        }
        Err(died) => {
            let mut pair = died.repaired();
            pair[1] = pair[0];
            "an owner died".to_owned()
        }
    };
    drop(pair.lock().unwrap());
    outcome
}

fn come(barrier: Barrier, ready: Opener) {
    point(BEGIN);
    ready.open();
    let _ = barrier.wait();
    some_call();
    drop(barrier);
    point(END);
}

/// Two parties, one of them the victim: the other passes, or learns that it cannot.
fn barrier_come() -> String {
    let barrier = Barrier::new(2).unwrap();
    let (ready, at) = gate();
    let child = Process::new(come, (barrier.clone(), ready))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = at.try_pass();
    let met = match barrier.wait() {
        Ok(_) => "met",
        Err(BarrierError::Broken) => "broken",
        Err(error) => panic!("{error}"),
    };
    let _ = child.wait();
    barrier.reset();
    assert_eq!(barrier.waiting(), 0);
    met.to_owned()
}

fn crosswise(first: Lock, second: Lock, ready: Opener, gate: Gate) {
    let _first = first.lock().unwrap();
    ready.open();
    gate.pass();
    let _second = second.lock().unwrap();
}

/// Each has one lock and wants the other's.
fn deadlock() {
    let [one, two] = [(); 2].map(|()| Lock::new().unwrap());
    let ((ready, at), (go, told)) = (gate(), gate());
    let arguments = (one.clone(), two.clone(), ready, told);
    let child = Process::new(crosswise, arguments).method(StartMethod::Spawn);
    let child = child.start().unwrap();
    at.pass();
    let guard = two.lock().unwrap();
    go.open();
    let _never = one.lock().unwrap();
    drop(guard);
    child.join().unwrap();
}
