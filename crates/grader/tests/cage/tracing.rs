//! The tracer does not disturb what it watches, and places what it sees.

use crate::harness::{by_proc, outcome, program};
use core_process::{Signal, Status};
use grader::cage::{CageSpec, Deaths, Ended, Tracer};

#[test]
fn signals_arrive_real_time_ones_too() {
    let seen = outcome(&program(&["signals"]));
    assert_eq!(seen.exit, Some(Status::Signaled(Signal::TERM)));
    let got: Vec<i32> = seen.processes[0]
        .signals
        .iter()
        .map(|delivered| delivered.signal.number())
        .collect();
    assert_eq!(got, [libc::SIGUSR1, 40, libc::SIGTERM]);
}

#[test]
fn a_thread_that_is_not_the_leader_may_exec() {
    for spec in [program(&["thread-exec"]), by_proc(program(&["thread-exec"]))] {
        let seen = outcome(&spec);
        assert_eq!(
            (seen.exit, &seen.ended),
            (Some(Status::Exited(0)), &Ended::Exited)
        );
        assert_eq!((seen.stdout.as_str(), seen.processes.len()), ("after\n", 1));
    }
    assert_eq!(outcome(&program(&["thread-exec"])).processes[0].execs, 2);
}

#[test]
fn threads_are_not_processes() {
    let seen = outcome(&program(&["threads", "50"]));
    assert_eq!((seen.processes.len(), seen.exit), (1, Some(Status::Exited(0))));
}

#[test]
fn a_process_exits_while_its_threads_run() {
    let seen = outcome(&program(&["exit-among-threads", "8"]));
    assert_eq!((seen.processes.len(), seen.exit), (1, Some(Status::Exited(5))));
    assert!(seen.leftovers.is_empty());
}

#[test]
fn a_stopped_process_can_be_continued() {
    for spec in [
        program(&["stop-and-continue"]),
        by_proc(program(&["stop-and-continue"])),
    ] {
        let seen = outcome(&spec);
        assert_eq!(
            (seen.exit, seen.stdout.as_str()),
            (Some(Status::Exited(0)), "stopped\ncontinued\nexited\n")
        );
    }
}

#[test]
fn spawned_children_have_one_exec() {
    let seen = outcome(&program(&["spawn", "4"]));
    assert_eq!(seen.exit, Some(Status::Exited(0)));
    assert_eq!(seen.processes.len(), 5);
    assert!(
        seen.processes.iter().all(|process| process.execs == 1),
        "{:?}",
        seen.processes
    );
}

#[test]
fn a_sibling_by_clone_parent_has_the_makers_parent() {
    let seen = outcome(&program(&["clone-parent"]));
    assert_eq!(seen.exit, Some(Status::Exited(0)), "{}", seen.stderr);
    let [main, server, child] = &seen.processes[..] else {
        panic!("{:?}", seen.processes)
    };
    assert_eq!((child.ppid, child.made_by), (main.pid, server.pid));
}

#[test]
fn without_ptrace_it_says_so() {
    let Tracer::ProcOnly(why) = outcome(&by_proc(program(&["nothing"]))).tracer else {
        panic!("it was traced")
    };
    assert!(why.contains("ptrace"), "{why}");
}

#[test]
fn births_and_ends_have_their_place_in_the_journal() {
    for _ in 0..10 {
        let seen = outcome(&program(&["clock"]));
        assert_eq!(seen.exit, Some(Status::Exited(0)), "{}", seen.stderr);
        let [main, child] = &seen.processes[..] else {
            panic!("{:?}", seen.processes)
        };
        assert_eq!((main.forked_at, main.ended_at), (0, Some(20)));
        assert_eq!((child.forked_at, child.ended_at), (1, Some(10)));
    }
}

#[test]
fn a_slow_death_is_waited_for_and_not_outrun() {
    let spec = CageSpec {
        deaths: Deaths::Slow,
        ..program(&["kill-and-look"])
    };
    let seen = outcome(&spec);
    assert_eq!(seen.stdout, "still there\nwaited\n");
    assert_eq!(seen.exit, Some(Status::Exited(0)));
    assert!(seen.leftovers.is_empty());
}
