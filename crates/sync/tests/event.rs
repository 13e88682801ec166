//! `Event` between real processes: set wakes all, a pulse is not missed, and a dead waiter is missed by nobody.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;

use std::time::{Duration, Instant};

use core_process::{Process, StopSource, StopToken, WaitError};
use gate::{Opener, WATCHDOG, child_at, gate, kill, until_asleep};
use sync::Event;

core_process::divert_before_main!();

fn wait(event: Event, ready: Opener) -> bool {
    ready.open();
    event.wait_timeout(WATCHDOG).is_ok()
}

#[test]
fn s13_set_lets_all_go_on_and_stays_set() {
    let event = Event::new().unwrap();
    assert!(!event.is_set());
    assert!(matches!(
        event.wait_timeout(Duration::ZERO),
        Err(WaitError::TimedOut)
    ));
    let begin = Instant::now();
    let timed_out = event.wait_timeout(Duration::from_millis(30));
    assert!(matches!(timed_out, Err(WaitError::TimedOut)));
    assert!(begin.elapsed() >= Duration::from_millis(30));

    let children = [(); 3].map(|()| child_at!(wait, event.clone()));
    event.set();
    event.set();
    for child in children {
        assert!(child.join_timeout(WATCHDOG).unwrap());
    }
    event.wait();
    assert!(event.is_set());
    event.clear();
    event.clear();
    assert!(!event.is_set());
    assert_eq!(format!("{event:?}"), "Event { is_set: false, .. }");
}

#[test]
fn s14_a_pulse_lets_who_waited_before_go_on() {
    let event = Event::new().unwrap();
    let children = [(); 2].map(|()| child_at!(wait, event.clone()));
    for child in &children {
        until_asleep(child.pid());
    }
    event.set();
    event.clear();
    for child in children {
        assert!(child.join_timeout(WATCHDOG).unwrap());
    }
    assert!(matches!(
        event.wait_timeout(Duration::ZERO),
        Err(WaitError::TimedOut)
    ));
}

#[test]
fn f058_d_a4_set_does_not_wait_for_a_killed_waiter() {
    let event = Event::new().unwrap();
    let dead = child_at!(wait, event.clone());
    let alive = child_at!(wait, event.clone());
    kill(&dead);
    event.set();
    assert!(alive.join_timeout(WATCHDOG).unwrap());
    let late = child_at!(wait, event.clone());
    assert!(late.join_timeout(WATCHDOG).unwrap());
}

fn wait_for_the_stop(event: Event, token: StopToken, ready: Opener) -> bool {
    ready.open();
    matches!(event.wait_until(&token), Err(WaitError::Stopped))
}

#[test]
fn a_stop_token_ends_the_wait() {
    let event = Event::new().unwrap();
    let source = StopSource::new().unwrap();
    let (ready, there) = gate();
    let arguments = (event.clone(), source.token(), ready);
    let child = Process::new(wait_for_the_stop, arguments).start().unwrap();
    there.pass();
    source.stop();
    assert!(child.join_timeout(WATCHDOG).unwrap());
    event.set();
    event.wait_until(&source.token()).unwrap();
}

mod signal {
    #![allow(unsafe_code, reason = "a signal handler")]

    use std::sync::OnceLock;

    use sync::Event;

    pub(super) static EVENT: OnceLock<Event> = OnceLock::new();

    extern "C" fn set(_: libc::c_int) {
        if let Some(event) = EVENT.get() {
            event.set();
        }
    }

    pub(super) fn set_on_usr1() {
        let handler = set as extern "C" fn(libc::c_int);
        // SAFETY: the handler makes one atomic exchange and at most one system call.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
    }
}

fn wait_for_a_signal(event: Event, ready: Opener) -> bool {
    let _ = signal::EVENT.set(event.clone());
    signal::set_on_usr1();
    ready.open();
    event.wait_timeout(WATCHDOG).is_ok()
}

/// CPython's event deadlocks here (its handler takes the condition's lock, which the waiter may hold).
#[test]
fn s29_d_c6_a_signal_handler_sets_the_event_that_its_thread_waits_for() {
    for _ in 0..5 {
        let event = Event::new().unwrap();
        let child = child_at!(wait_for_a_signal, event.clone());
        child.signal(core_process::Signal::USR1).unwrap();
        assert!(child.join_timeout(WATCHDOG).unwrap());
        assert!(event.is_set());
    }
}
