//! F105: however a target ends, `join` returns that end itself.
#![allow(unsafe_code, reason = "a scenario reads from address 8")]

use std::fmt;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use core_process::{ChildError, Process, Signal, StartMethod, Status, at_exit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::scene::METHODS;
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f105_a_panic_is_the_error_of_join,
    f105_exit_codes_arrive,
    f105_signals_arrive,
    f105_a_stack_overflow_is_a_signal,
    f105_exit_in_a_nested_thread_ends_the_child,
    f105_a_panic_of_a_nested_thread_is_not_the_targets,
    f105_panics_of_hooks_change_no_result,
    f105_panics_of_drops_are_panics_of_the_target,
    f105_a_panic_inside_a_panic_is_an_abort,
    f105_a_payload_that_panics_when_dropped_stays_in_the_child,
    a_thread_of_main_is_waited_for_without_any_child,
];

/// What comes of a target, and how its process ended.
fn outcome<T, F, M>(method: StartMethod, target: F) -> (Result<T, ChildError>, Status)
where
    T: DeserializeOwned + Serialize,
    F: core_process::Target<(), M, Output = T>,
{
    let me = std::process::id();
    let recipe = Process::new(target, ()).method(method);
    let started = catch_unwind(AssertUnwindSafe(|| recipe.start()));
    if std::process::id() != me {
        // A child that comes back from `start` would do all that follows a second time.
        core_process::exit_now(86);
    }
    let child = started.unwrap().unwrap();
    let result = child.join();
    (result, child.status())
}

#[track_caller]
fn is_panic<T: fmt::Debug>(result: &Result<T, ChildError>, expected: &str) {
    match result {
        Err(ChildError::Panicked {
            message,
            location: Some(location),
            ..
        }) => {
            assert_eq!(message, expected);
            assert!(location.contains("ends.rs"), "{location}");
        }
        other => panic!("{other:?}"),
    }
}

fn f105_a_panic_is_the_error_of_join() {
    for method in METHODS {
        let (result, status) = outcome(method, || -> u32 { panic!("no {}", 7) });
        is_panic(&result, "no 7");
        assert_eq!(status, Status::Exited(101));
        let (result, _) = outcome(method, || -> u32 { std::panic::panic_any(7_u64) });
        assert!(matches!(result, Err(ChildError::Panicked { .. })), "{result:?}");
    }
}

fn f105_exit_codes_arrive() {
    for method in METHODS {
        let code = |target: (Result<(), ChildError>, Status)| match target {
            (Err(ChildError::Exited { code }), Status::Exited(same)) if code == same => code,
            other => panic!("{method}: {other:?}"),
        };
        assert_eq!(code(outcome(method, || std::process::exit(0))), 0);
        assert_eq!(code(outcome(method, || std::process::exit(7))), 7);
        assert_eq!(code(outcome(method, || std::process::exit(-1))), 255);
        assert_eq!(code(outcome(method, || core_process::exit(8))), 8);
        assert_eq!(code(outcome(method, || core_process::exit_now(9))), 9);
    }
}

fn f105_signals_arrive() {
    fn by_itself(number: i32) {
        let me = rustix::process::getpid();
        let signal = rustix::process::Signal::from_named_raw(number).unwrap();
        rustix::process::kill_process(me, signal).unwrap();
    }
    for method in METHODS {
        let signal = |target: (Result<(), ChildError>, Status)| match target {
            (Err(ChildError::Signaled { signal }), Status::Signaled(same)) if signal == same => signal,
            other => panic!("{method}: {other:?}"),
        };
        assert_eq!(signal(outcome(method, || std::process::abort())), Signal::ABRT);
        assert_eq!(signal(outcome(method, || by_itself(libc::SIGKILL))), Signal::KILL);
        assert_eq!(signal(outcome(method, || by_itself(libc::SIGTERM))), Signal::TERM);
        let segv = || {
            // SAFETY: none; the fault is the scenario.
            let value = unsafe { std::ptr::with_exposed_provenance::<u64>(black_box(8)).read_volatile() };
            assert_ne!(black_box(value), black_box(value) + 1);
        };
        assert_eq!(signal(outcome(method, segv)), Signal::SEGV);
    }
}

#[expect(unconditional_recursion, reason = "the overflow is the scenario")]
fn deep(n: u64) -> u64 {
    let frame = black_box([n; 64]);
    deep(n + 1) + frame[3]
}

fn f105_a_stack_overflow_is_a_signal() {
    for method in METHODS {
        let (result, _) = outcome(method, || deep(0));
        // Rust's own handler aborts; where it is not installed the fault itself ends the process.
        let expected = [Signal::ABRT, Signal::SEGV];
        assert!(
            matches!(&result, Err(ChildError::Signaled { signal }) if expected.contains(signal)),
            "{method}: {result:?}"
        );
    }
}

fn f105_exit_in_a_nested_thread_ends_the_child() {
    for method in METHODS {
        let (result, _) = outcome(method, || {
            std::thread::spawn(|| std::process::exit(3)).join().unwrap()
        });
        assert_eq!(result, Err::<(), _>(ChildError::Exited { code: 3 }), "{method}");
        let (result, _) = outcome(method, || {
            std::thread::spawn(|| core_process::exit(4)).join().unwrap()
        });
        assert_eq!(result, Err::<(), _>(ChildError::Exited { code: 4 }), "{method}");
        // One that the process waits for must not wait for itself.
        let own = || {
            core_process::thread::spawn(|| std::process::exit(5))
                .unwrap()
                .join()
                .unwrap()
        };
        assert_eq!(
            outcome(method, own).0,
            Err::<(), _>(ChildError::Exited { code: 5 }),
            "{method}"
        );
        let own = || {
            core_process::thread::spawn(|| core_process::exit(6))
                .unwrap()
                .join()
                .unwrap()
        };
        assert_eq!(
            outcome(method, own).0,
            Err::<(), _>(ChildError::Exited { code: 6 }),
            "{method}"
        );
    }
}

fn f105_a_panic_of_a_nested_thread_is_not_the_targets() {
    for method in METHODS {
        let (result, _) = outcome(method, || std::thread::spawn(|| panic!("nested")).join().is_err());
        assert_eq!(result, Ok(true), "{method}");
        // The process waits for a thread that panics meanwhile.
        let waits = || {
            core_process::thread::spawn(|| panic!("nested")).unwrap();
            5
        };
        assert_eq!(outcome(method, waits).0, Ok(5), "{method}");
    }
}

fn f105_panics_of_hooks_change_no_result() {
    for method in METHODS {
        let hooked = || {
            at_exit(|| panic!("in the last hook"));
            at_exit(|| panic!("in a hook"));
            8
        };
        let (result, status) = outcome(method, hooked);
        assert_eq!(result, Ok(8), "{method}");
        assert_eq!(status, Status::Exited(0), "{method}");
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

/// Panics in the child once it was encoded there.
#[derive(Serialize, Deserialize, Debug)]
struct PanicsInDropAsResult {
    made_by: u32,
}

impl Drop for PanicsInDropAsResult {
    fn drop(&mut self) {
        if self.made_by == std::process::id() {
            panic!("in the result's drop");
        }
    }
}

fn f105_panics_of_drops_are_panics_of_the_target() {
    for method in METHODS {
        let (result, _) = outcome(method, || {
            let _late = PanicsInDrop;
            1
        });
        is_panic(&result, "in a drop");
        let (result, _) = outcome(method, || PanicsInDropAsResult {
            made_by: std::process::id(),
        });
        is_panic(&result, "in the result's drop");
    }
}

fn f105_a_panic_inside_a_panic_is_an_abort() {
    for method in METHODS {
        let (result, status) = outcome(method, || -> u32 {
            let _late = PanicsInDrop;
            panic!("first");
        });
        assert_eq!(status, Status::Signaled(Signal::ABRT), "{method}");
        assert_eq!(
            result,
            Err(ChildError::Signaled { signal: Signal::ABRT }),
            "{method}"
        );
    }
}

/// The payload is dropped after the panic was caught: by then nobody must let it out into the parent's code.
fn f105_a_payload_that_panics_when_dropped_stays_in_the_child() {
    for method in METHODS {
        let (result, status) = outcome(method, || -> u32 { std::panic::panic_any(PanicsInDrop) });
        assert!(
            matches!(result, Err(ChildError::Panicked { .. })),
            "{method}: {result:?}"
        );
        assert_ne!(
            status,
            Status::Exited(86),
            "{method}: the child returned from start"
        );
        assert_ne!(status, Status::Exited(0), "{method}: the child went on");
    }
}

/// Its output is whole though nothing but the thread keeps the process.
fn a_thread_of_main_is_waited_for_without_any_child() {
    for method in METHODS {
        let (reader, writer) = crate::scene::pipe();
        let target = |writer: core_process::Fd<std::fs::File>| {
            let slow = move || {
                let mut writer = writer.into_inner();
                for _ in 0..1000 {
                    std::thread::yield_now();
                }
                std::io::Write::write_all(&mut writer, b"done").unwrap();
            };
            core_process::thread::spawn(slow).unwrap();
            std::process::exit(0)
        };
        let child = Process::new(target, core_process::Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.join(), Err::<(), _>(ChildError::Exited { code: 0 }));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut { reader }, &mut text).unwrap_or_default();
        assert_eq!(text, "done", "{method}");
    }
}
