//! The cage finds what a program leaves behind, and removes it.

use std::path::PathBuf;

use crate::harness::{by_proc, outcome, program};
use core_process::{Signal, Status};
use grader::cage::{CageOutcome, CageSpec, Ended, Tracer};

/// Both ways of watching.
fn both(args: &[&str]) -> [CageSpec; 2] {
    [program(args), by_proc(program(args))]
}

fn assert_dead(pid: i32) {
    assert!(
        !std::path::Path::new(&format!("/proc/{pid}")).exists(),
        "process {pid} is still there"
    );
}

/// Under `/proc` alone the parent of a process may be gone before the first look.
fn is_main_or_unknown(pid: i32, seen: &CageOutcome) -> bool {
    pid == seen.main_pid || (pid == 0 && seen.tracer != Tracer::Ptrace)
}

#[test]
fn an_orphan_of_a_main_that_exits_at_once() {
    for spec in both(&["orphan"]) {
        let seen = outcome(&spec);
        assert_eq!(
            (seen.exit, &seen.ended),
            (Some(Status::Exited(0)), &Ended::Exited)
        );
        let [orphan] = &seen.leftovers.orphans[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert!(orphan.command.ends_with("cage-programs orphan"), "{orphan:?}");
        assert_eq!(
            (orphan.own_session, orphan.ended, orphan.told),
            (false, None, None)
        );
        assert_eq!(seen.leftovers.abandoned().count(), 1);
        assert_dead(orphan.pid);
    }
}

#[test]
fn an_orphan_in_its_own_session_that_holds_the_output() {
    for spec in both(&["setsid-orphan"]) {
        let seen = outcome(&spec);
        let [orphan] = &seen.leftovers.orphans[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert!(orphan.own_session && orphan.holds_output, "{orphan:?}");
        assert_eq!(seen.stdout, "held\n");
        assert!(is_main_or_unknown(orphan.made_by, &seen), "{orphan:?}");
        assert_dead(orphan.pid);
    }
}

#[test]
fn a_double_fork_does_not_escape() {
    for spec in both(&["double-fork"]) {
        let seen = outcome(&spec);
        let [orphan] = &seen.leftovers.orphans[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert!(orphan.own_session);
        assert_dead(orphan.pid);
    }
    let seen = outcome(&program(&["double-fork"]));
    assert_eq!(seen.processes.len(), 3);
    assert_eq!(
        seen.leftovers.orphans[0].made_by, seen.processes[1].pid,
        "the process in the middle made it"
    );
}

#[test]
fn a_process_that_escapes_the_tracer_does_not_escape_the_cage() {
    let seen = outcome(&program(&["untraced"]));
    let [orphan] = &seen.leftovers.orphans[..] else {
        panic!("{:?}", seen.leftovers)
    };
    assert!(orphan.command.ends_with("untraced"), "{orphan:?}");
    assert_dead(orphan.pid);
}

#[test]
fn a_zombie() {
    for spec in both(&["zombie"]) {
        let seen = outcome(&spec);
        assert!(seen.leftovers.orphans.is_empty(), "{:?}", seen.leftovers);
        let [zombie] = &seen.leftovers.zombies[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert_eq!(zombie.status, Some(Status::Exited(7)));
        assert!(is_main_or_unknown(zombie.ppid, &seen), "{zombie:?}");
        assert_dead(zombie.pid);
    }
}

#[test]
fn a_child_that_ignores_sigterm() {
    for spec in both(&["stubborn-child"]) {
        let seen = outcome(&spec);
        let [orphan] = &seen.leftovers.orphans[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert_eq!(orphan.ended, None);
        assert_dead(orphan.pid);
    }
    let seen = outcome(&program(&["stubborn-child"]));
    let got: Vec<Signal> = seen.processes[1]
        .signals
        .iter()
        .map(|delivered| delivered.signal)
        .collect();
    assert_eq!(got, [Signal::TERM]);
}

#[test]
fn an_orphan_that_ends_because_its_parent_did_is_not_abandoned() {
    let seen = outcome(&program(&["loyal-child"]));
    let [orphan] = &seen.leftovers.orphans[..] else {
        panic!("{:?}", seen.leftovers)
    };
    assert_eq!(
        (orphan.told, orphan.ended),
        (
            Some(Signal::new(40).unwrap()),
            Some(Status::Signaled(Signal::new(40).unwrap()))
        )
    );
    assert_eq!(seen.leftovers.abandoned().count(), 0);
}

#[test]
fn a_temporary_file() {
    for spec in both(&["file"]) {
        assert_eq!(outcome(&spec).leftovers.files, [PathBuf::from("deep/left")]);
    }
}

#[test]
fn a_segment_in_dev_shm() {
    for spec in both(&["segment", "left-by-the-test"]) {
        let seen = outcome(&spec);
        let [segment] = &seen.leftovers.shm[..] else {
            panic!("{:?}", seen.leftovers)
        };
        assert_eq!((segment.name.as_str(), segment.bytes), ("left-by-the-test", 4096));
        if seen.tracer == Tracer::Ptrace {
            assert_eq!(segment.held_by, [seen.main_pid]);
        }
        assert!(!segment.certain || !std::path::Path::new("/dev/shm/left-by-the-test").exists());
    }
}

#[test]
fn two_cages_do_not_see_each_others_segments() {
    let runs: Vec<_> = ["one", "other"]
        .map(|name| std::thread::spawn(move || outcome(&program(&["segment", &format!("cage-test-{name}")]))))
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    for seen in runs
        .iter()
        .filter(|seen| seen.leftovers.shm.iter().all(|segment| segment.certain))
    {
        assert_eq!(seen.leftovers.shm.len(), 1, "{:?}", seen.leftovers.shm);
    }
}

#[test]
fn descriptors_that_are_open_at_the_end() {
    let open = outcome(&program(&["memfd"])).leftovers.open;
    assert!(
        open.iter().any(|end| end.target.starts_with("/memfd:leaked")),
        "{open:?}"
    );
    assert!(outcome(&program(&["nothing"])).leftovers.open.is_empty());
}
