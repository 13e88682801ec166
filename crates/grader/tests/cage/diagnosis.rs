//! The diagnosis of a hang names who waits for what, who holds it, and the ring.

use core_process::Signal;
use grader::cage::{CageOutcome, Diagnosis, Ended, Object, Stuck, Waits};

use crate::harness::{by_proc, outcome, program};

fn hang(args: &[&str]) -> (CageOutcome, Diagnosis) {
    let mut seen = outcome(&program(args));
    let ended = std::mem::replace(&mut seen.ended, Ended::Exited);
    let Ended::Hang(diagnosis) = ended else {
        panic!("{ended:?}")
    };
    (seen, diagnosis)
}

fn waits_of(process: &Stuck) -> &Object {
    let Waits::For { objects, .. } = &process.threads[0].waits else {
        panic!("{process:?}")
    };
    let [object] = &objects[..] else {
        panic!("{process:?}")
    };
    object
}

fn call_of(process: &Stuck) -> &str {
    process.threads[0].call.as_ref().map_or("", |call| &call.name)
}

#[test]
fn two_processes_that_read_from_each_other() {
    for spec in [program(&["cross-read"]), by_proc(program(&["cross-read"]))] {
        let seen = outcome(&spec);
        let Ended::Hang(diagnosis) = &seen.ended else {
            panic!("{:?}", seen.ended)
        };
        let child = seen.processes[1].pid;
        assert_eq!(diagnosis.cycle, [seen.main_pid, child], "{diagnosis:#?}");
        let [one, other] = &diagnosis.processes[..] else {
            panic!("{diagnosis:?}")
        };
        assert_eq!((call_of(one), call_of(other)), ("read", "read"));
        let Object::PipeData { writers, .. } = waits_of(one) else {
            panic!("{one:?}")
        };
        assert!(writers.iter().all(|holder| holder.pid == child) && !writers.is_empty());
        assert!(one.ends.iter().any(|end| end.target.starts_with("pipe:")));
    }
}

#[test]
fn a_join_before_the_drain() {
    let (seen, diagnosis) = hang(&["join-before-drain"]);
    let child = seen.processes[1].pid;
    assert_eq!(waits_of(&diagnosis.processes[0]), &Object::End { pid: child });
    let Object::PipeRoom { readers, .. } = waits_of(&diagnosis.processes[1]) else {
        panic!("{diagnosis:?}")
    };
    assert_eq!(readers[0].pid, seen.main_pid);
    assert_eq!(diagnosis.cycle, [seen.main_pid, child]);
}

#[test]
fn a_reader_that_holds_the_writing_end_itself() {
    let (seen, diagnosis) = hang(&["own-end"]);
    assert_eq!(diagnosis.cycle, [seen.main_pid], "{diagnosis:?}");
}

#[test]
fn locks_taken_in_opposite_orders() {
    let (seen, diagnosis) = hang(&["lock-order"]);
    let child = seen.processes[1].pid;
    let Object::FileLock { file, holders } = waits_of(&diagnosis.processes[0]) else {
        panic!("{diagnosis:?}")
    };
    assert!(file.ends_with("/b"), "{file}");
    assert_eq!(*holders, [child]);
    assert_eq!(diagnosis.cycle, [seen.main_pid, child]);
}

#[test]
fn a_record_lock_names_its_holder() {
    let (seen, diagnosis) = hang(&["record-lock"]);
    let Object::FileLock { holders, .. } = waits_of(&diagnosis.processes[1]) else {
        panic!("{diagnosis:?}")
    };
    assert_eq!(*holders, [seen.main_pid]);
    assert_eq!(diagnosis.cycle.len(), 2);
}

#[test]
fn a_shared_mutex_names_its_owner() {
    let (seen, diagnosis) = hang(&["mutex-order"]);
    let child = seen.processes[1].pid;
    let Object::Futex { owner, shared, .. } = waits_of(&diagnosis.processes[0]) else {
        panic!("{diagnosis:?}")
    };
    assert_eq!(*owner, Some(child));
    assert!(shared.is_some());
    assert_eq!(diagnosis.cycle, [seen.main_pid, child]);
}

#[test]
fn sockets_name_the_other_end() {
    let (seen, diagnosis) = hang(&["cross-receive"]);
    let child = seen.processes[1].pid;
    let Object::Socket { peers, .. } = waits_of(&diagnosis.processes[0]) else {
        panic!("{diagnosis:?}")
    };
    assert_eq!(peers.iter().map(|holder| holder.pid).collect::<Vec<_>>(), [child]);
    assert_eq!(diagnosis.cycle, [seen.main_pid, child]);
}

#[test]
fn poll_on_a_pidfd_and_a_pipe_names_both() {
    let (seen, diagnosis) = hang(&["poll-both"]);
    let child = seen.processes[1].pid;
    let Waits::For { objects, timed } = &diagnosis.processes[0].threads[0].waits else {
        panic!("{diagnosis:?}")
    };
    assert!(!timed);
    assert_eq!(objects[0], Object::End { pid: child });
    assert!(matches!(&objects[1], Object::PipeData { .. }), "{objects:?}");
}

#[test]
fn a_busy_loop_waits_for_nothing() {
    let (_, diagnosis) = hang(&["busy"]);
    let [main] = &diagnosis.processes[..] else {
        panic!("{diagnosis:?}")
    };
    assert_eq!((main.state, &main.threads[0].waits), ('R', &Waits::Not));
    assert!(!main.cpu.is_zero());
    assert!(diagnosis.cycle.is_empty());
}

#[test]
fn a_stopped_process_says_by_which_signal() {
    let (_, diagnosis) = hang(&["stopped-child"]);
    let child = &diagnosis.processes[1];
    assert_eq!((child.state, child.stopped), ('T', Some(Signal::STOP)));
    assert_eq!(child.threads[0].waits, Waits::Stopped);
    assert_eq!(diagnosis.processes[0].waits_for, [child.pid]);
}
