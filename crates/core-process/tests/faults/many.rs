//! F062, F099, C8: a fork among threads, a thousand children with one descriptor each, and children that are ended at
//! any moment of their beginning.

use std::fs::File;

use core_process::{
    Child, ChildError, Fd, ForkProcess, Process, Signal, StartError, StartMethod, Status, Until, join_all,
};
use rustix::process::Resource;

use crate::account::{Account, descriptors};
use crate::scene::{Chance, Gate, METHODS, forever, limit, pass};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f062_a8_fork_is_refused_among_threads,
    f099_a_thousand_children_cost_one_descriptor_each,
    c8_children_ended_as_soon_as_they_are_started,
    c5_children_dropped_without_a_join,
];

fn f062_a8_fork_is_refused_among_threads() {
    let account = Account::open();
    let mut gate = Gate::new();
    let mut entry = gate.entry();
    let thread = std::thread::spawn(move || pass(&mut entry));
    let refused = |error| {
        assert!(
            matches!(error, StartError::ForkWithThreads { threads: 2 }),
            "{error:?}"
        );
        assert!(error.to_string().contains("2 threads"), "{error}");
    };
    refused(ForkProcess::new(|| 1).start().unwrap_err());
    refused(
        Process::new(|| 1, ())
            .method(StartMethod::Fork)
            .start()
            .unwrap_err(),
    );
    gate.let_through(1);
    thread.join().unwrap();
    drop(gate);
    while std::fs::read_dir("/proc/self/task").unwrap().count() > 1 {
        std::thread::yield_now();
    }
    account.settle();
    assert_eq!(ForkProcess::new(|| 1).start().unwrap().join(), Ok(1));
}

fn f099_a_thousand_children_cost_one_descriptor_each() {
    for method in METHODS {
        let account = Account::open();
        let count = if method == StartMethod::Spawn { 300 } else { 1000 };
        let mut gate = Gate::new();
        let target = |mut gate: Fd<File>, number: usize| {
            pass(&mut gate);
            number
        };
        let open = *descriptors(std::process::id()).keys().last().unwrap() as u64;
        let before = limit(Resource::Nofile, Some(open + count as u64 + 30));
        let start = |number| {
            Process::new(target, (gate.entry(), number))
                .method(method)
                .start()
                .unwrap()
        };
        let children: Vec<Child<usize>> = (0..count).map(start).collect();
        assert!(
            children.iter().all(|child| child.is_alive()),
            "{method}: all of them at once"
        );
        gate.let_through(count);
        let all = join_all(&children, Until::forever());
        limit(Resource::Nofile, before);
        assert_eq!((all.finished.len(), all.running.len()), (count, 0), "{method}");
        for (at, result) in all.finished {
            assert_eq!(result, Ok(at), "{method}");
        }
        drop((children, gate));
        account.settle();
    }
}

fn c8_children_ended_as_soon_as_they_are_started() {
    const ROUNDS: u64 = 200;
    for method in METHODS {
        let account = Account::open();
        let mut chance = Chance::new(3);
        for round in 0..ROUNDS {
            let signal = [Signal::TERM, Signal::KILL, Signal::INT][(round % 3) as usize];
            let child = Process::new(forever, ()).method(method).start().unwrap();
            if round % 2 == 1 {
                chance.dawdle(300_000);
            }
            match signal {
                Signal::TERM => child.terminate(),
                Signal::KILL => child.kill(),
                _ => child.interrupt(),
            }
            .unwrap();
            assert_eq!(
                child.join(),
                Err(ChildError::Signaled { signal }),
                "{method}, round {round}"
            );
            assert_eq!(child.status(), Status::Signaled(signal));
        }
        account.settle();
    }
}

fn c5_children_dropped_without_a_join() {
    for method in METHODS {
        let account = Account::open();
        for number in 0..100 {
            let child = Process::new(|number: u32| number, number)
                .method(method)
                .start()
                .unwrap();
            if number % 2 == 0 {
                child.wait().unwrap();
            }
            drop(child);
        }
        // The next start, or this list, takes the last of them from the kernel's table.
        while !core_process::active_children().is_empty() {
            std::thread::yield_now();
        }
        account.settle();
    }
}
