//! Faults come where they are asked for, and a sweep visits every system call.

use std::collections::HashSet;

use core_process::{Signal, Status};
use grader::cage::{CageSpec, Ended};
use grader::inject::{Action, At, Fault, Sweep, SweepRun, sweep};

use crate::harness::{outcome, program};

fn faulty(args: &[&str], at: At, action: Action) -> CageSpec {
    CageSpec {
        faults: vec![Fault { at, action }],
        ..program(args)
    }
}

fn point(name: &str) -> At {
    At::Point {
        name: name.into(),
        hit: 1,
    }
}

#[test]
fn a_kill_at_a_named_point() {
    let seen = outcome(&faulty(
        &["points", "3"],
        At::Point {
            name: "step".into(),
            hit: 3,
        },
        Action::Kill,
    ));
    assert_eq!(seen.exit, Some(Status::Signaled(Signal::KILL)));
    assert_eq!(seen.stdout, "1\n2\n", "twice it got past the point");
    assert_eq!(
        (seen.injected.len(), seen.injected[0].call.as_str()),
        (1, "prctl")
    );
}

#[test]
fn a_stop_at_a_named_point_hangs() {
    let seen = outcome(&faulty(&["points", "1"], point("step"), Action::Stop));
    assert!(matches!(seen.ended, Ended::Hang(_)), "{:?}", seen.ended);
}

#[test]
fn a_point_that_is_not_reached_injects_nothing() {
    let seen = outcome(&faulty(&["points", "1"], point("elsewhere"), Action::Kill));
    assert_eq!((seen.exit, seen.injected.len()), (Some(Status::Exited(0)), 0));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_failing_call() {
    let seen = outcome(&faulty(&["open"], point("open"), Action::Errno(libc::EMFILE)));
    assert_eq!(seen.stdout, "Too many open files (os error 24)\n");
    assert_eq!(seen.injected[0].call, "openat");
    assert_eq!(outcome(&program(&["open"])).stdout, "opened\n");
}

#[test]
fn a_kill_of_a_child_at_its_first_call() {
    let at = At::Call {
        process: 1,
        call: 1,
        after: None,
        until: None,
    };
    let seen = outcome(&faulty(&["fork-and-wait"], at, Action::Kill));
    assert_eq!(
        seen.stdout,
        format!("{}\n", libc::SIGKILL),
        "the parent sees the signal"
    );
    assert_eq!(seen.processes[1].status, Some(Status::Signaled(Signal::KILL)));
}

fn swept(victim: u32) -> Vec<SweepRun> {
    let window = Sweep {
        after: Some("begin".into()),
        until: Some("end".into()),
        victim,
        ..Sweep::new(program(&["fork-and-wait"]))
    };
    sweep(&window).expect("ptrace is permitted where this test runs")
}

#[test]
fn a_sweep_over_the_parent() {
    let runs = swept(0);
    let (last, hit) = runs.split_last().unwrap();
    assert_eq!(
        (last.exit, last.injected.is_none()),
        (Some(Status::Exited(0)), true)
    );
    assert!(
        hit.iter()
            .all(|run| run.exit == Some(Status::Signaled(Signal::KILL))),
        "{hit:?}"
    );
    let calls: HashSet<&str> = hit
        .iter()
        .flat_map(|run| &run.injected)
        .map(|hit| hit.call.as_str())
        .collect();
    assert!(
        calls.contains("wait4") && (calls.contains("clone") || calls.contains("fork")),
        "{calls:?}"
    );
    // Killed while it waits, it leaves a child that does not mind.
    assert!(
        hit.iter()
            .any(|run| !run.leftovers.orphans.is_empty() || run.processes.len() == 2)
    );
}

#[test]
fn a_sweep_over_the_child() {
    let runs = swept(1);
    let (last, hit) = runs.split_last().unwrap();
    assert_eq!(last.stdout, "0\n");
    assert!(!hit.is_empty());
    for run in hit {
        assert!(run.is_clean(), "{run}");
        assert_eq!(
            (run.exit, run.stdout.as_str()),
            (Some(Status::Exited(0)), "9\n"),
            "{run}"
        );
    }
}
