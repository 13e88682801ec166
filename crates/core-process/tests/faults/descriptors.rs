//! Descriptors in arguments and results: none, one, as many as a packet takes, too many; joined in any order or never.

use std::fs::File;
use std::io::Read;

use core_process::{Child, ChildError, Fd, Process, StartMethod, Until, join_all};

use crate::account::Account;
use crate::scene::{Gate, METHODS, THREADED, pass, pipe};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    results_with_descriptors_arrive_up_to_a_packets_limit,
    arguments_with_descriptors_arrive_up_to_the_limit,
    c5_a_result_that_nobody_joins_is_closed,
    a_join_does_not_wait_for_the_results_of_others,
    results_with_descriptors_that_nobody_joins_block_nobody,
    all_results_with_descriptors_come_by_join_all,
    main_ends_with_results_that_nobody_joined,
];

/// As many descriptors as one packet carries.
const MOST: usize = 253;

fn null() -> Fd<File> {
    Fd::from(File::open("/dev/null").unwrap())
}

fn nulls(count: usize) -> Vec<Fd<File>> {
    (0..count).map(|_| null()).collect()
}

fn results_with_descriptors_arrive_up_to_a_packets_limit() {
    for method in METHODS {
        for count in [0, 1, 2, MOST] {
            let account = Account::open();
            let child = Process::new(nulls, count).method(method).start().unwrap();
            for _ in 0..2 {
                assert_eq!(child.join().map(|all| all.len()), Ok(count), "{method}");
            }
            drop(child);
            account.settle();
        }
        let child = Process::new(nulls, MOST + 1).method(method).start().unwrap();
        match child.join() {
            Err(ChildError::Result { message }) => assert!(message.contains("253"), "{message}"),
            other => panic!("{method}: {other:?}"),
        }
    }
}

fn arguments_with_descriptors_arrive_up_to_the_limit() {
    let count = |all: Vec<Fd<File>>| all.len();
    for method in METHODS {
        for number in [0, 1, MOST - 5] {
            let child = Process::new(count, nulls(number)).method(method).start().unwrap();
            assert_eq!(child.join(), Ok(number), "{method}");
        }
        // What a forkserver is sent goes in one packet, with a few descriptors of the library's own.
        for number in [MOST + 1, 1000] {
            let account = Account::open();
            let started = Process::new(count, nulls(number)).method(method).start();
            if method == StartMethod::ForkServer {
                let text = started.unwrap_err().to_string();
                assert!(text.contains("descriptors") && text.contains("253"), "{text}");
            } else {
                assert_eq!(started.unwrap().join(), Ok(number), "{method}");
            }
            account.settle();
        }
    }
}

/// The writer comes back as the result; once it is closed everywhere, the reader sees the end.
fn c5_a_result_that_nobody_joins_is_closed() {
    for method in METHODS {
        let (mut reader, writer) = pipe();
        let child = Process::new(|writer: Fd<File>| writer, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        child.wait().unwrap();
        drop(child);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "{method}");
    }
}

/// More results than the way home can hold are ready before the first one that is joined.
fn a_join_does_not_wait_for_the_results_of_others() {
    let target = |mut gate: Fd<File>, number: u32| {
        pass(&mut gate);
        (number, null())
    };
    for method in THREADED {
        let account = Account::open();
        let many = if method == StartMethod::Spawn { 300 } else { 600 };
        let mut gate = Gate::new();
        let start = |number| {
            Process::new(target, (gate.entry(), number))
                .method(method)
                .start()
                .unwrap()
        };
        let children: Vec<Child<_>> = (0..many).map(start).collect();
        gate.let_through(many as usize - 1);
        // One is left in front of the gate. As soon as nobody else can end, the way home is full or all others have.
        let ended = || children.iter().filter(|child| !child.is_alive()).count();
        while ended() < 200 {
            let waiting: Vec<_> = children.iter().filter(|child| child.is_alive()).collect();
            core_process::wait_any(&waiting, Until::forever()).unwrap();
        }
        gate.let_through(1);
        for (number, child) in children.iter().enumerate().rev() {
            let (same, _file) = child.join().unwrap();
            assert_eq!(same as usize, number, "{method}");
        }
        drop((children, gate));
        account.settle();
    }
}

fn results_with_descriptors_that_nobody_joins_block_nobody() {
    for method in METHODS {
        let account = Account::open();
        for _ in 0..400 {
            let child = Process::new(null, ()).method(method).start().unwrap();
            child.wait().unwrap();
        }
        let child = Process::new(null, ()).method(method).start().unwrap();
        child.join().unwrap();
        drop(child);
        account.settle();
    }
}

fn all_results_with_descriptors_come_by_join_all() {
    let method = StartMethod::ForkServer;
    let account = Account::open();
    let start = |_| Process::new(null, ()).method(method).start().unwrap();
    let children: Vec<Child<_>> = (0..500).map(start).collect();
    let all = join_all(&children, Until::forever());
    assert_eq!((all.finished.len(), all.running.len()), (500, 0));
    assert!(all.finished.iter().all(|(_, result)| result.is_ok()));
    drop((all, children));
    account.settle();
}

/// The end of this process waits for its children; those that wait to send must be let go.
fn main_ends_with_results_that_nobody_joined() {
    let many = || {
        let start = |_| {
            Process::new(null, ())
                .method(StartMethod::ForkServer)
                .start()
                .unwrap()
        };
        let children: Vec<Child<_>> = (0..500).map(start).collect();
        std::mem::forget(children);
    };
    let child = Process::new(many, ()).method(StartMethod::Spawn).start().unwrap();
    assert_eq!(child.join(), Ok(()));
}
