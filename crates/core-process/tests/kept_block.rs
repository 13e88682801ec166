//! The start block that is used again: whatever its last child was like, the next one is not disturbed by it.

#![allow(unsafe_code, reason = "a target forks behind the library's back")]

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use core_process::{ChildError, Fd, Process, Signal, StartMethod, own_descriptors};

core_process::divert_before_main!();

const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

fn pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    std::io::pipe().expect("a pipe")
}

/// How many of the library's own descriptors are start blocks.
fn kept() -> usize {
    let is_block = |number: &i32| {
        let link = std::fs::read_link(Path::new("/proc/self/fd").join(number.to_string()));
        link.is_ok_and(|to| to.to_string_lossy().contains("start-block"))
    };
    own_descriptors().into_iter().filter(is_block).count()
}

/// Leaves a copy of itself behind, which returns once the gate is closed, and returns at once.
fn forks(mut gate: Fd<std::fs::File>, _ended: Fd<OwnedFd>) -> u32 {
    // SAFETY: this process has one thread.
    if unsafe { libc::fork() } == 0 {
        let _ = gate.read(&mut [0]);
        return 666;
    }
    1
}

fn waits(mut begun: Fd<std::fs::File>) -> u32 {
    begun.write_all(b"!").expect("the parent listens");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_copy_of_a_child_that_outlives_it_does_not_publish_in_the_next_ones_block() {
    for method in METHODS {
        let (first, open_first) = pipe();
        let (mut copy_has_ended, ended) = pipe();
        let args = (
            Fd::from(std::fs::File::from(OwnedFd::from(first))),
            Fd::from(OwnedFd::from(ended)),
        );
        let recipe = Process::new(forks, args).method(method);
        let child = recipe.start().unwrap();
        drop(recipe);
        assert_eq!(child.join(), Ok(1), "{method}");
        drop(child);
        assert!(kept() <= 1);

        let (mut begun, begins) = pipe();
        let recipe = Process::new(waits, Fd::from(std::fs::File::from(OwnedFd::from(begins)))).method(method);
        let child = recipe.start().unwrap();
        drop(recipe);
        begun.read_exact(&mut [0]).unwrap();
        // The copy returns from its target now, and ends.
        drop(open_first);
        copy_has_ended.read_to_end(&mut Vec::new()).unwrap();
        child.kill().unwrap();
        let signal = Signal::KILL;
        assert_eq!(child.join(), Err(ChildError::Signaled { signal }), "{method}");
    }
}

#[test]
fn whatever_the_last_child_left_the_next_one_has_a_clean_block() {
    let long = |length: usize| "x".repeat(length);
    for method in METHODS {
        for _ in 0..3 {
            for length in [0, 1, 4000, 4096, 1 << 20, 3] {
                let child = Process::new(long, length).method(method).start().unwrap();
                assert_eq!(child.join().map(|text| text.len()), Ok(length), "{method}");
                drop(child);
                assert!(kept() <= 1);
            }
            let child = Process::new(|| -> u32 { panic!("as intended") }, ())
                .method(method)
                .start()
                .unwrap();
            assert!(
                matches!(child.join(), Err(ChildError::Panicked { .. })),
                "{method}"
            );
            drop(child);
            let child = Process::new(std::thread::park, ())
                .method(method)
                .start()
                .unwrap();
            child.kill().unwrap();
            match child.join() {
                Err(ChildError::Signaled { signal: Signal::KILL } | ChildError::NeverInitialised { .. }) => {}
                other => panic!("{method}: {other:?}"),
            }
            drop(child);
            let child = Process::new(|| -> u32 { core_process::exit(3) }, ())
                .method(method)
                .start()
                .unwrap();
            assert_eq!(child.join(), Err(ChildError::Exited { code: 3 }), "{method}");
        }
    }
}

#[test]
fn one_is_kept_however_many_run_at_once() {
    for method in METHODS {
        let children: Vec<_> = (0..8_u32)
            .map(|number| {
                Process::new(|number: u32| number, number)
                    .method(method)
                    .start()
                    .unwrap()
            })
            .collect();
        assert!(kept() <= 1);
        for (number, child) in (0..).zip(&children) {
            assert_eq!(child.join(), Ok(number), "{method}");
            assert_eq!(child.join(), Ok(number), "{method}: as often as wanted");
        }
        drop(children);
        assert!(kept() <= 1);
    }
}

fn answers(mut gate: Fd<std::fs::File>, number: u32) -> u32 {
    let _ = gate.read(&mut [0]);
    number
}

/// The one that is kept is given up while an earlier one is still in use, and comes back after the next one was made.
#[test]
fn a_block_that_comes_back_late_is_not_taken_for_the_one_that_is_kept_now() {
    for method in METHODS {
        let waiting = |number: u32| {
            let (reader, gate) = pipe();
            let reader = Fd::from(std::fs::File::from(OwnedFd::from(reader)));
            let child = Process::new(answers, (reader, number))
                .method(method)
                .start()
                .unwrap();
            (child, gate)
        };
        for _ in 0..3 {
            let (first, open_first) = waiting(1);
            let (second, _open_second) = waiting(2);
            second.kill().unwrap();
            second.wait().unwrap();
            drop(second);
            let (third, open_third) = waiting(3);
            drop(open_first);
            assert_eq!(first.join(), Ok(1), "{method}");
            drop(first);
            let (fourth, open_fourth) = waiting(4);
            drop(open_fourth);
            assert_eq!(fourth.join(), Ok(4), "{method}");
            drop(open_third);
            assert_eq!(third.join(), Ok(3), "{method}");
        }
    }
}
