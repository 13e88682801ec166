//! The cage reports what simple programs do.

use crate::harness::{outcome, program, run};
use core_process::{Signal, Status};
use grader::cage::{CageSpec, Ended, Tracer};

#[test]
fn true_and_false() {
    let good = outcome(&CageSpec::new("/bin/true"));
    assert_eq!((good.exit, good.ended), (Some(Status::Exited(0)), Ended::Exited));
    assert!(good.leftovers.is_empty());
    assert_eq!(good.processes.len(), 1);
    let main = &good.processes[0];
    assert_eq!(
        (main.pid, main.execs, main.name.as_str()),
        (good.main_pid, 1, "true")
    );
    assert_eq!(main.status, Some(Status::Exited(0)));
    assert_eq!(
        outcome(&CageSpec::new("/bin/false")).exit,
        Some(Status::Exited(1))
    );
}

#[test]
fn output_and_surroundings() {
    let seen = outcome(&program(&["say", "hello", "there"]));
    assert_eq!(seen.stdout, "hello there\n");
    assert!(
        seen.stderr.contains("cage-"),
        "its home is private: {}",
        seen.stderr
    );
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error = run(&CageSpec::new("/no/such/program")).unwrap_err();
    assert!(error.contains("No such file"), "{error}");
}

#[test]
fn death_by_signal() {
    let seen = outcome(&program(&["killed"]));
    assert_eq!(seen.exit, Some(Status::Signaled(Signal::ABRT)));
    assert_eq!(seen.ended, Ended::Exited);
}

#[test]
fn children_are_recorded_in_order() {
    let seen = outcome(&program(&["children", "20"]));
    assert_eq!(seen.tracer, Tracer::Ptrace);
    assert_eq!(seen.processes.len(), 21);
    assert!(
        seen.processes[1..]
            .iter()
            .all(|child| child.ppid == seen.main_pid && child.execs == 0)
    );
    assert!(
        seen.processes
            .iter()
            .all(|child| child.status == Some(Status::Exited(0)))
    );
    assert!(seen.leftovers.is_empty(), "{:?}", seen.leftovers);
}
