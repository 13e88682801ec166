//! Threads and processes: which threads a process waits for, which a fork copies, where fork is refused.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::io::{PipeWriter, Read, Write, pipe};
use std::sync::atomic::{AtomicBool, Ordering};

use core_process::{Fd, ForkProcess, Process, StartError, StartMethod, at_exit};
use gate::{Gate, Opener, gate};
use isolated::{alone, by_each_method};
use serde::{Deserialize, Serialize, Serializer};

core_process::divert_before_main!();

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// A result that lets somebody pass when it is sent, which is after the target has returned.
#[derive(Debug, Deserialize)]
struct OpensWhenSent(Opener);

impl Serialize for OpensWhenSent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.open();
        self.0.serialize(serializer)
    }
}

#[test]
fn p33_a_process_waits_for_its_threads_before_it_ends() {
    static FINISHED: AtomicBool = AtomicBool::new(false);
    fn target(returned: Opener, gate: Gate, out: Fd<PipeWriter>) -> OpensWhenSent {
        at_exit(move || {
            let order: &[u8] = if FINISHED.load(Ordering::Acquire) {
                b"thread, hook"
            } else {
                b"hook too early"
            };
            (&*out).write_all(order).unwrap();
        });
        core_process::thread::spawn(move || {
            gate.pass();
            FINISHED.store(true, Ordering::Release);
        })
        .unwrap();
        OpensWhenSent(returned)
    }
    fn case(method: StartMethod) {
        let (returned, here) = gate();
        let (opener, there) = gate();
        let (mut reader, writer) = pipe().unwrap();
        let child = Process::new(target, (returned, there, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        here.pass();
        // The target has returned; its thread has not.
        opener.open();
        let mut order = String::new();
        reader.read_to_string(&mut order).unwrap();
        assert_eq!(order, "thread, hook");
        child.join().unwrap();
    }
    by_each_method(case);
}

#[test]
fn p33_a_thread_that_ends_the_process_does_not_wait_for_itself() {
    fn case(method: StartMethod) {
        let target = || {
            let thread = core_process::thread::spawn(|| -> () { core_process::exit(4) }).unwrap();
            thread.join().unwrap();
        };
        let child = Process::new(target, ()).method(method).start().unwrap();
        assert_eq!(child.wait().unwrap(), core_process::Status::Exited(4));
    }
    by_each_method(case);
}

#[test]
fn p33_a_thread_may_end_the_process_that_waits_for_it() {
    fn target(returned: Opener, gate: Gate) -> OpensWhenSent {
        core_process::thread::spawn(move || -> () {
            gate.pass();
            core_process::exit(4)
        })
        .unwrap();
        OpensWhenSent(returned)
    }
    fn case(method: StartMethod) {
        let (returned, here) = gate();
        let (opener, there) = gate();
        let child = Process::new(target, (returned, there))
            .method(method)
            .start()
            .unwrap();
        here.pass();
        opener.open();
        assert_eq!(child.wait().unwrap(), core_process::Status::Exited(4));
    }
    by_each_method(case);
}

#[test]
fn p33_threads_that_end_the_process_do_not_wait_for_each_other() {
    fn target() {
        let together = std::sync::Arc::new(std::sync::Barrier::new(2));
        for _ in 0..2 {
            let together = together.clone();
            core_process::thread::spawn(move || -> () {
                together.wait();
                core_process::exit(4)
            })
            .unwrap();
        }
        std::thread::park();
    }
    fn case(method: StartMethod) {
        let child = Process::new(target, ()).method(method).start().unwrap();
        assert_eq!(child.wait().unwrap(), core_process::Status::Exited(4));
    }
    by_each_method(case);
}

#[test]
fn p33_a_copy_by_a_plain_fork_waits_for_no_thread_that_it_lacks() {
    #[allow(unsafe_code, reason = "the test forks behind the library's back")]
    fn target(unlock: Opener, gate: Gate) -> i32 {
        core_process::thread::spawn(move || gate.pass()).unwrap();
        // SAFETY: the copy ends at once, by the C library's normal end.
        match unsafe { libc::fork() } {
            0 => std::process::exit(7),
            copy => {
                let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(copy), None).unwrap();
                unlock.open();
                match ended {
                    nix::sys::wait::WaitStatus::Exited(_, code) => code,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    fn case(method: StartMethod) {
        let child = Process::new(target, gate()).method(method).start().unwrap();
        assert_eq!(child.join(), Ok(7));
    }
    by_each_method(case);
}

#[test]
fn p34_a_std_thread_is_abandoned_at_the_end() {
    fn case(method: StartMethod) {
        let target = || {
            std::thread::spawn(std::thread::park);
            threads()
        };
        let child = Process::new(target, ()).method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), 2);
    }
    by_each_method(case);
}

#[test]
fn c06_a_fork_has_a_copy_of_everything_and_one_thread() {
    fn case() {
        let list = vec![1, 2, 3];
        let (mut reader, writer) = pipe().unwrap();
        let child = ForkProcess::new(|| {
            // Captured by reference: what it refers to is at the same address of the copied memory, and the descriptor has the
            // same number.
            (&writer).write_all(b"through the copy").unwrap();
            (list.clone(), list.as_ptr().addr(), threads())
        });
        let seen = child.start().unwrap().join().unwrap();
        assert_eq!(seen, (list.clone(), list.as_ptr().addr(), 1));
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through the copy");
    }
    fn changed() {
        let cell = std::sync::Mutex::new(1);
        let child = ForkProcess::new(|| {
            *cell.lock().unwrap() += 1;
            *cell.lock().unwrap()
        });
        assert_eq!(child.start().unwrap().join().unwrap(), 2);
        assert_eq!(*cell.lock().unwrap(), 1, "the copy changed, not this");
    }
    alone(case, ());
    alone(changed, ());
}

#[test]
fn c07_fork_is_refused_while_there_are_other_threads() {
    fn case() {
        let (opener, gate) = gate();
        let thread = std::thread::spawn(move || gate.pass());
        let refused = Process::new(|| (), ()).method(StartMethod::Fork).start();
        let text = match refused {
            Err(error @ StartError::ForkWithThreads { threads: 2 }) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(
            text.contains("2 threads") && text.contains("ForkServer"),
            "{text}"
        );
        assert!(ForkProcess::new(|| ()).start().is_err());
        // The other two do not mind.
        for method in [StartMethod::Spawn, StartMethod::ForkServer] {
            Process::new(|| (), ())
                .method(method)
                .start()
                .unwrap()
                .join()
                .unwrap();
        }
        opener.open();
        thread.join().unwrap();
    }
    alone(case, ());
}
