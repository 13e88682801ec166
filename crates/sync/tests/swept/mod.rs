//! The operations that are swept: what the child does between the two points, and what the main process finds afterwards.

use std::process::ExitCode;

use core_process::{Process, StartMethod};
use grader::inject::point;
use sync::{Event, Lock, OwnerDied};

use crate::gate::{Gate, Opener, gate};

pub(crate) const BEGIN: &str = "begin";
pub(crate) const END: &str = "end";

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
];

/// Plays one operation.
pub(crate) fn run(name: &str) -> ExitCode {
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
