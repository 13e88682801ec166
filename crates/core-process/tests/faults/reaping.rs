//! F100, F101, C7: somebody else takes the children's statuses, or asks for them too. Results arrive all the same, a
//! status is right or said to be stolen, and no stranger is signalled.
#![allow(
    unsafe_code,
    reason = "scenarios change dispositions of signals and wait as a foreign library would"
)]

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use core_process::{
    ChildError, ForkProcess, JoinError, Process, Signal, SignalError, StartMethod, Status, WaitError,
    active_children,
};

use crate::cage::is_isolated;
use crate::scene::{Gate, METHODS, THREADED, forever, pass, program};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f101_sigchld_ignored,
    f101_children_that_leave_no_zombies,
    f101_a_foreign_thread_that_waits_for_any_child,
    f101_a_foreign_handler_that_waits_for_any_child,
    f100_a_stale_pid_is_not_signalled,
    f100_a_reused_pid_confuses_no_two_children,
    c7_many_threads_join_one_child,
    joins_in_a_forked_child_are_refused,
    c8_an_early_interrupt_is_not_lost_where_interrupts_are_ignored,
];

pub(crate) const PROGRAMS: &[Named] = named![bystander];

/// Children of each kind of end, by `methods`; `stolen` is allowed where the kernel keeps no copy of the status.
fn ends_are_told(methods: &[StartMethod]) {
    for &method in methods {
        for round in 0..20_u32 {
            let value = Process::new(|n: u32| n + 1, round)
                .method(method)
                .start()
                .unwrap();
            let code = Process::new(|| -> () { std::process::exit(7) }, ())
                .method(method)
                .start()
                .unwrap();
            let signal = Process::new(forever, ()).method(method).start().unwrap();
            let panic = Process::new(|| -> () { panic!("here") }, ())
                .method(method)
                .start()
                .unwrap();
            signal.kill().unwrap();
            assert_eq!(value.join(), Ok(round + 1), "{method}");
            assert!(
                matches!(panic.join(), Err(ChildError::Panicked { .. })),
                "{method}"
            );
            let one_of = |seen, right| {
                assert!(
                    seen == right || seen == Err(ChildError::StatusStolen),
                    "{method}: {seen:?}"
                )
            };
            one_of(code.join(), Err(ChildError::Exited { code: 7 }));
            one_of(signal.join(), Err(ChildError::Signaled { signal: Signal::KILL }));
            let right_or_unknown =
                |seen, right| assert!(seen == right || seen == Status::Unknown, "{method}: {seen}");
            right_or_unknown(value.status(), Status::Exited(0));
            right_or_unknown(code.status(), Status::Exited(7));
            right_or_unknown(signal.status(), Status::Signaled(Signal::KILL));
            assert!(!value.is_alive() && !signal.is_alive());
            signal.terminate().unwrap();
        }
        assert!(active_children().is_empty());
    }
}

fn f101_sigchld_ignored() {
    // SAFETY: SIG_IGN runs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    ends_are_told(&METHODS);
}

fn f101_children_that_leave_no_zombies() {
    disposition(libc::SIG_DFL, libc::SA_NOCLDWAIT);
    ends_are_told(&METHODS);
}

fn disposition(handler: usize, flags: i32) {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes a field of a zeroed struct.
    unsafe { (*action.as_mut_ptr()).sa_sigaction = handler };
    // SAFETY: as above.
    unsafe { (*action.as_mut_ptr()).sa_flags = flags };
    // SAFETY: the struct is complete.
    unsafe { libc::sigaction(libc::SIGCHLD, action.as_ptr(), std::ptr::null_mut()) };
}

fn f101_a_foreign_thread_that_waits_for_any_child() {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let thief = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            // SAFETY: no status is wanted.
            unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            std::thread::yield_now();
        }
    });
    ends_are_told(&THREADED);
    stop.store(true, Ordering::Relaxed);
    thief.join().unwrap();
}

extern "C" fn take_all(_: i32) {
    // SAFETY: async-signal-safe; no status is wanted.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

fn f101_a_foreign_handler_that_waits_for_any_child() {
    disposition(take_all as *const () as usize, libc::SA_RESTART);
    ends_are_told(&METHODS);
    disposition(libc::SIG_DFL, 0);
}

/// Waits for its stdin's end; succeeds unless it is ended before.
fn bystander() {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Takes the child from the kernel's table as somebody else would.
fn reap(pid: u32) {
    // SAFETY: no status is wanted.
    let reaped = unsafe { libc::waitpid(pid as i32, std::ptr::null_mut(), 0) };
    assert_eq!(reaped, pid as i32);
}

/// Has the next process of this namespace get that pid.
fn next_pid(pid: u32) {
    std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
}

fn f100_a_stale_pid_is_not_signalled() {
    if !is_isolated() {
        println!("not run: a pid can be given out again in a namespace of our own alone");
        return;
    }
    for method in METHODS {
        let child = Process::new(|| 3, ()).method(method).start().unwrap();
        reap(child.pid());
        next_pid(child.pid());
        let mut bystander = program("bystander").stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(
            bystander.id(),
            child.pid(),
            "{method}: the pid was given out again"
        );
        child.terminate().unwrap();
        child.kill().unwrap();
        child.signal(Signal::STOP).unwrap();
        assert!(!child.is_alive());
        assert_eq!(child.join(), Ok(3), "{method}");
        child.kill().unwrap();
        bystander.stdin.take().unwrap().write_all(b"well").unwrap();
        assert!(
            bystander.wait().unwrap().success(),
            "{method}: a stranger was hurt"
        );
    }
}

/// One child ended and was reaped elsewhere; another has its pid now. What is done with the one does not touch the other.
fn f100_a_reused_pid_confuses_no_two_children() {
    if !is_isolated() {
        println!("not run: a pid can be given out again in a namespace of our own alone");
        return;
    }
    for method in [StartMethod::Spawn, StartMethod::Fork] {
        for old_first in [true, false] {
            let mut gate = Gate::new();
            let first = Process::new(|| 0, ()).method(method).start().unwrap();
            let old = Process::new(|| 1, ()).method(method).start().unwrap();
            reap(old.pid());
            next_pid(old.pid());
            let wait = |mut gate| {
                pass(&mut gate);
                2
            };
            let new = Process::new(wait, gate.entry()).method(method).start().unwrap();
            assert_eq!(new.pid(), old.pid());
            // Its place in the list of children goes to the last of them.
            assert_eq!(first.join(), Ok(0));
            if old_first {
                old.join().unwrap();
                let active: Vec<u32> = active_children().iter().map(|child| child.pid()).collect();
                assert_eq!(active, [new.pid()], "{method}: the running child was forgotten");
            }
            gate.let_through(1);
            assert_eq!(new.join(), Ok(2));
            assert_eq!(old.join(), Ok(1));
            assert!(active_children().is_empty());
        }
    }
}

fn c7_many_threads_join_one_child() {
    for method in THREADED {
        for round in 0..50_u64 {
            let mut gate = Gate::new();
            let target = |mut gate, round: u64| {
                pass(&mut gate);
                round
            };
            let child = Process::new(target, (gate.entry(), round))
                .method(method)
                .start()
                .unwrap();
            std::thread::scope(|scope| {
                let joins: Vec<_> = (0..6)
                    .map(|_| scope.spawn(|| (child.join(), child.status(), child.is_alive())))
                    .collect();
                let timed = scope.spawn(|| child.join_timeout(Duration::from_secs(3600)));
                gate.let_through(1);
                for join in joins {
                    assert_eq!(
                        join.join().unwrap(),
                        (Ok(round), Status::Exited(0), false),
                        "{method}"
                    );
                }
                assert_eq!(timed.join().unwrap(), Ok(round));
            });
        }
    }
}

fn joins_in_a_forked_child_are_refused() {
    for method in METHODS {
        let mut gate = Gate::new();
        let target = |mut gate| {
            pass(&mut gate);
            9
        };
        let child = Process::new(target, gate.entry()).method(method).start().unwrap();
        let creator = std::process::id();
        let copy = ForkProcess::new(|| {
            let refused = ChildError::NotParent { creator };
            let long = Duration::from_secs(3600);
            let checks = [
                child.join() == Err(refused.clone()),
                child.try_join() == Some(Err(refused.clone())),
                child.join_timeout(long) == Err(JoinError::Failed(refused.clone())),
                child.wait() == Err(refused),
                matches!(child.wait_until(long), Err(WaitError::Os(_))),
                matches!(child.terminate(), Err(SignalError::NotParent { .. })),
                matches!(child.kill(), Err(SignalError::NotParent { .. })),
                matches!(child.interrupt(), Err(SignalError::NotParent { .. })),
                child.status() == Status::Running,
                child.is_alive(),
                active_children().is_empty(),
            ];
            checks.to_vec()
        });
        assert_eq!(copy.start().unwrap().join(), Ok(vec![true; 11]), "{method}");
        assert!(child.is_alive());
        gate.let_through(1);
        assert_eq!(child.join(), Ok(9), "{method}");
    }
}

/// As in a program that runs in the background, or under `nohup`.
fn c8_an_early_interrupt_is_not_lost_where_interrupts_are_ignored() {
    // SAFETY: SIG_IGN runs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    for method in METHODS {
        let rounds = if method == StartMethod::Fork { 300 } else { 20 };
        for round in 0..rounds {
            let child = Process::new(forever, ()).method(method).start().unwrap();
            child.interrupt().unwrap();
            let signal = Signal::INT;
            assert_eq!(
                child.join(),
                Err(ChildError::Signaled { signal }),
                "{method}, round {round}"
            );
        }
    }
}
