//! The cage ends a program that takes more than its budget, and one that hangs.

use std::time::Duration;

use crate::harness::{by_proc, outcome, program};
use core_process::{Signal, Status};
use grader::cage::{Budget, CageSpec, Ended, Resource};

const KILLED: Option<Status> = Some(Status::Signaled(Signal::KILL));

fn assert_limit(spec: &CageSpec, expected: Resource) -> u64 {
    let seen = outcome(spec);
    let Ended::Limit {
        what,
        observed,
        allowed,
    } = seen.ended
    else {
        panic!("{:?}", seen.ended)
    };
    assert_eq!(what, expected);
    assert!(observed > allowed, "{observed} of {allowed}");
    assert_eq!(seen.exit, KILLED);
    observed
}

#[test]
fn a_fork_bomb_is_counted_and_stopped() {
    let spec = CageSpec {
        budget: Budget {
            processes: 16,
            ..Budget::default()
        },
        ..program(&["fork-bomb"])
    };
    // Each newborn is attached before it runs an instruction, so the count is exact.
    assert_eq!(assert_limit(&spec, Resource::Processes), 17);
}

// Not an endless one: should the cage fail here, the machine that runs the tests would be gone.
#[test]
fn a_fork_bomb_is_stopped_without_ptrace() {
    let spec = CageSpec {
        budget: Budget {
            processes: 16,
            ..Budget::default()
        },
        ..program(&["fork-bomb", "11"])
    };
    assert_limit(&by_proc(spec), Resource::Processes);
}

#[test]
fn many_processes_one_after_the_other_are_within_the_budget() {
    let spec = CageSpec {
        budget: Budget {
            processes: 2,
            ..Budget::default()
        },
        ..program(&["children", "100"])
    };
    let seen = outcome(&spec);
    assert_eq!((seen.ended, seen.processes.len()), (Ended::Exited, 101));
}

#[test]
fn ten_gigabytes_of_output_are_stopped() {
    for spec in [program(&["flood"]), by_proc(program(&["flood"]))] {
        let spec = CageSpec {
            budget: Budget {
                output: 100_000,
                ..Budget::default()
            },
            ..spec
        };
        let seen = outcome(&spec);
        assert!(
            matches!(
                seen.ended,
                Ended::Limit {
                    what: Resource::Output,
                    ..
                }
            ),
            "{:?}",
            seen.ended
        );
        assert_eq!(seen.stdout.len(), 100_000);
    }
}

#[test]
fn memory_without_end_is_stopped() {
    for spec in [program(&["hog"]), by_proc(program(&["hog"]))] {
        let spec = CageSpec {
            budget: Budget {
                memory: 64 << 20,
                ..Budget::default()
            },
            ..spec
        };
        assert_limit(&spec, Resource::Memory);
    }
}

#[test]
fn threads_are_limited() {
    let spec = CageSpec {
        budget: Budget {
            processes: 1,
            ..Budget::default()
        },
        ..program(&["parked-threads", "20"])
    };
    assert_limit(&spec, Resource::Threads);
}

#[test]
fn the_whole_time_is_limited_in_spite_of_progress() {
    let spec = CageSpec {
        budget: Budget {
            total: Duration::from_millis(300),
            ..Budget::default()
        },
        ..program(&["children", "1000000"])
    };
    assert_limit(&spec, Resource::Time);
}

#[test]
fn a_busy_loop_hangs() {
    for spec in [program(&["busy"]), by_proc(program(&["busy"]))] {
        let seen = outcome(&spec);
        let Ended::Hang(diagnosis) = &seen.ended else {
            panic!("{:?}", seen.ended)
        };
        assert!(diagnosis.quiet >= 3 * spec.budget.deadline);
        assert_eq!(seen.exit, KILLED);
        assert!(
            seen.leftovers.orphans.is_empty(),
            "it did not end: nobody outlived it"
        );
    }
}

#[test]
fn waiting_for_a_stopped_child_hangs() {
    for spec in [program(&["stopped-child"]), by_proc(program(&["stopped-child"]))] {
        let seen = outcome(&spec);
        assert!(matches!(seen.ended, Ended::Hang(_)), "{:?}", seen.ended);
        assert_eq!(seen.processes.len(), 2);
        assert!(seen.processes[1].ended_at.is_some());
    }
}
