//! F102, D8: the forkserver is killed, stopped, or cannot live. Its children do not depend on it, and the next start
//! makes another.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::sync::mpsc;

use core_process::{Fd, Process, Signal, StartError, StartMethod, Status, set_forkserver_preload};
use rustix::process::{Pid, Signal as Raw, kill_process};

use crate::account::Account;
use crate::cage::until_ended;
use crate::scene::{Chance, Gate, open_process, pass, pipe, program};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f102_children_outlive_a_killed_forkserver,
    f102_a_forkserver_killed_at_any_moment_loses_and_doubles_no_child,
    f102_a_stopped_forkserver_delays_a_start_and_can_be_killed,
    f102_a_stopped_forkserver_does_not_keep_the_program_from_ending,
    d8_a_preload_that_panics_is_the_error_of_the_start,
    d8_a_preload_that_leaves_a_thread_is_the_error_of_the_start,
    d8_a_preload_that_exits_or_aborts_is_the_error_of_the_start,
];

pub(crate) const PROGRAMS: &[Named] = named![ends_with_a_stopped_forkserver];

fn process<F, A, M>(target: F, args: A) -> Process<F, A, M>
where
    F: core_process::Target<A, M>,
    A: serde::Serialize + serde::de::DeserializeOwned,
{
    Process::new(target, args).method(StartMethod::ForkServer)
}

fn server() -> u32 {
    let [server] = core_process::own_processes()[..] else {
        panic!("{:?}", core_process::own_processes())
    };
    server
}

fn send(pid: u32, signal: Raw) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

fn f102_children_outlive_a_killed_forkserver() {
    let mut gate = Gate::new();
    let returns = |mut gate: Fd<File>| {
        pass(&mut gate);
        "x".repeat(20_000)
    };
    let gives = |mut gate: Fd<File>| {
        pass(&mut gate);
        gate
    };
    let exits = |mut gate: Fd<File>| -> () {
        pass(&mut gate);
        std::process::exit(7)
    };
    let text = process(returns, gate.entry()).start().unwrap();
    let file = process(gives, gate.entry()).start().unwrap();
    let code = process(exits, gate.entry()).start().unwrap();
    let killed = process(crate::scene::forever, ()).start().unwrap();
    let first = server();
    let pidfd = open_process(first);
    send(first, Raw::KILL);
    until_ended(&pidfd);

    assert!(text.is_alive() && file.is_alive() && code.is_alive() && killed.is_alive());
    killed.kill().unwrap();
    gate.let_through(3);
    assert_eq!(text.join().map(|text| text.len()), Ok(20_000));
    file.join().unwrap();
    assert_eq!(code.wait(), Ok(Status::Exited(7)));
    assert_eq!(killed.wait(), Ok(Status::Signaled(Signal::KILL)));
    // The next start has a server of its own, and the old one is no zombie (the account tells).
    assert_eq!(process(|| 1, ()).start().unwrap().join(), Ok(1));
    assert_ne!(server(), first);
}

/// A child writes its number to the journal; the result comes back as well. A second thread kills the server in each
/// round, at a moment of its own.
fn f102_a_forkserver_killed_at_any_moment_loses_and_doubles_no_child() {
    const ROUNDS: u32 = 200;
    let account = Account::open();
    let (journal, writer) = pipe();
    let target = |number: u32, journal: Fd<File>| {
        (&*journal).write_all(&number.to_ne_bytes()).unwrap();
        number
    };
    let (rounds, next) = mpsc::channel::<u32>();
    let killer = std::thread::spawn(move || {
        let mut chance = Chance::new(7);
        for _ in next {
            chance.dawdle(200_000);
            for pid in core_process::own_processes() {
                // It may have ended meanwhile, and a pid is not used again so soon in a namespace of ours.
                let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Raw::KILL);
            }
        }
    });
    let mut chance = Chance::new(8);
    let mut started = Vec::new();
    let mut refused = 0;
    for number in 0..ROUNDS {
        rounds.send(number).unwrap();
        chance.dawdle(100_000);
        match process(target, (number, Fd::from(writer.try_clone().unwrap()))).start() {
            Ok(child) => {
                assert_eq!(child.join(), Ok(number));
                started.push(number);
            }
            Err(StartError::ForkServer { .. }) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    drop((rounds, writer));
    killer.join().unwrap();
    let mut bytes = Vec::new();
    { journal }.read_to_end(&mut bytes).unwrap();
    let mut ran: Vec<u32> = bytes
        .chunks(4)
        .map(|word| u32::from_ne_bytes(word.try_into().unwrap()))
        .collect();
    ran.sort_unstable();
    assert_eq!(
        ran, started,
        "each child that was started ran once, and no other did"
    );
    println!("{} children, {refused} starts refused", started.len());
    assert!(
        started.len() > refused,
        "the scenario is to kill servers, not all of them"
    );
    // The last server may have been killed since.
    process(|| 1, ()).start().unwrap().join().unwrap();
    account.settle();
}

fn f102_a_stopped_forkserver_delays_a_start_and_can_be_killed() {
    process(|| 1, ()).start().unwrap().join().unwrap();
    for way_out in [Raw::CONT, Raw::KILL] {
        send(server(), Raw::STOP);
        let (begins, begun) = mpsc::channel();
        let starts = std::thread::spawn(move || {
            begins.send(()).unwrap();
            process(|| 2, ()).start().unwrap().join()
        });
        begun.recv().unwrap();
        send(server(), way_out);
        assert_eq!(starts.join().unwrap(), Ok(2), "{way_out:?}");
    }
}

fn f102_a_stopped_forkserver_does_not_keep_the_program_from_ending() {
    let mut program = program("ends_with_a_stopped_forkserver")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let pid: u32 = lines.next().unwrap().unwrap().parse().unwrap();
    let pidfd = open_process(pid);
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
    until_ended(&pidfd);
}

fn ends_with_a_stopped_forkserver() {
    process(|| 1, ()).start().unwrap().join().unwrap();
    println!("{}", server());
    send(server(), Raw::STOP);
}

/// The error, from a start with this preload.
fn refusal<P: core_process::Target<(), M, Output = ()>, M: 'static>(preload: P) -> String {
    let account = Account::open();
    set_forkserver_preload(preload);
    let error = process(|| 1, ()).start().unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(
            error,
            StartError::ForkServer { .. } | StartError::ForkWithThreads { .. }
        ),
        "{error:?}"
    );
    account.settle();
    text
}

fn repaired() {
    set_forkserver_preload(|| {});
    assert_eq!(process(|| 1, ()).start().unwrap().join(), Ok(1));
}

fn d8_a_preload_that_panics_is_the_error_of_the_start() {
    let text = refusal(|| panic!("no such table"));
    assert!(text.contains("no such table"), "{text}");
    repaired();
}

fn d8_a_preload_that_leaves_a_thread_is_the_error_of_the_start() {
    let text = refusal(|| drop(std::thread::spawn(crate::scene::forever)));
    assert!(text.contains("2 threads"), "{text}");
    repaired();
}

fn d8_a_preload_that_exits_or_aborts_is_the_error_of_the_start() {
    let text = refusal(|| std::process::exit(4));
    assert!(text.contains("code 4"), "{text}");
    let text = refusal(|| std::process::abort());
    assert!(text.contains("SIGABRT"), "{text}");
    repaired();
}
