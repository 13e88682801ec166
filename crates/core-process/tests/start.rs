//! Starting and joining by each method.
core_process::divert_before_main!();

use core_process::{ChildError, Process, Signal, StartMethod, Status};

const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

fn square(x: u64) -> u64 {
    x * x
}

#[test]
fn a_child_returns_its_targets_value() {
    for method in METHODS {
        let child = Process::new(square, 7).method(method).start().unwrap();
        assert_eq!(child.join(), Ok(49), "{method}");
        assert_eq!(child.join(), Ok(49), "{method}");
        assert_eq!(child.status(), Status::Exited(0));
    }
}

#[test]
fn fork_in_a_single_threaded_child() {
    let outer = Process::new(
        || {
            let n = [1, 2, 3];
            let child = core_process::ForkProcess::new(|| n.iter().sum::<i32>())
                .start()
                .unwrap();
            let second = Process::new(square, 5).method(StartMethod::Fork).start().unwrap();
            (
                child.join().unwrap(),
                second.join().unwrap(),
                core_process::current().depth,
            )
        },
        (),
    )
    .method(StartMethod::Spawn)
    .start()
    .unwrap();
    assert_eq!(outer.join(), Ok((6, 25, 1)));
}

#[test]
fn ends_other_than_a_value() {
    for method in METHODS {
        let child = Process::new(|| -> () { panic!("no {}", 7) }, ())
            .method(method)
            .start()
            .unwrap();
        match child.join() {
            Err(ChildError::Panicked {
                message, location, ..
            }) => {
                assert_eq!(message, "no 7");
                assert!(location.unwrap().contains("start.rs"));
            }
            other => panic!("{other:?}"),
        }
        let child = Process::new(|| -> () { std::process::exit(7) }, ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.join(), Err(ChildError::Exited { code: 7 }));
        let child = Process::new(|| -> () { std::process::abort() }, ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.join(), Err(ChildError::Signaled { signal: Signal::ABRT }));
    }
}
