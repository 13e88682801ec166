//! Many threads of one process start and join children at the same time, of which some panic and some are killed.

use std::thread;

use core_process::{ChildError, Process, Signal, StartMethod, Stdio};

core_process::divert_before_main!();

const THREADS: u64 = 8;

fn add(a: u64, b: u64) -> u64 {
    a + b
}

fn large(number: u64) -> Vec<u64> {
    vec![number; 4000]
}

fn fails(number: u64) -> u64 {
    panic!("number {number}")
}

fn hangs(_number: u64) -> u64 {
    loop {
        thread::park();
    }
}

/// What must have become of the child that is started for this number.
fn start_and_join(method: StartMethod, number: u64) -> Result<(), String> {
    let ended = match number % 5 {
        0 | 1 => {
            let child = Process::new(add, (number, 1_u64)).method(method).start();
            let outcome = child.map_err(|error| error.to_string())?.join();
            (outcome == Ok(number + 1), format!("{outcome:?}"))
        }
        2 => {
            let child = Process::new(large, number).method(method).start();
            let outcome = child.map_err(|error| error.to_string())?.join();
            (outcome == Ok(vec![number; 4000]), format!("{:.300?}", outcome))
        }
        3 => {
            let child = Process::new(fails, number)
                .stderr(Stdio::null())
                .method(method)
                .start();
            let outcome = child.map_err(|error| error.to_string())?.join();
            let expected = format!("number {number}");
            let is_right =
                matches!(&outcome, Err(ChildError::Panicked { message, .. }) if *message == expected);
            (is_right, format!("{outcome:?}"))
        }
        _ => {
            let child = Process::new(hangs, number)
                .method(method)
                .start()
                .map_err(|error| error.to_string())?;
            child.kill().map_err(|error| error.to_string())?;
            let outcome = child.join();
            let is_right = outcome == Err(ChildError::Signaled { signal: Signal::KILL });
            (is_right, format!("{outcome:?}"))
        }
    };
    if ended.0 { Ok(()) } else { Err(ended.1) }
}

/// Each start gets its own child's outcome, whatever becomes of the others' children meanwhile.
fn crowd(method: StartMethod, starts: u64) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for start in 0..starts {
                    let number = thread * 1_000_000 + start;
                    if let Err(what) = start_and_join(method, number) {
                        panic!("thread {thread}, start {start} ({}): {what}", number % 5);
                    }
                }
            });
        }
    });
}

/// How many starts a thread makes: more where `CROWD_STARTS` says so.
fn starts(usual: u64) -> u64 {
    let asked = std::env::var("CROWD_STARTS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn threads_start_and_join_side_by_side_by_forkserver() {
    crowd(StartMethod::ForkServer, starts(50));
}

#[test]
fn threads_start_and_join_side_by_side_by_spawn() {
    crowd(StartMethod::Spawn, starts(15));
}
