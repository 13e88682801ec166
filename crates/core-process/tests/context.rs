//! Which start method is used where nothing is said, and how that is chosen.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use core_process::{
    AlreadySet, Context, Process, StartMethod, available_methods, current, reset_start_method,
    set_start_method, start_method,
};
use isolated::{METHODS, alone};

core_process::divert_before_main!();

fn used() -> Option<StartMethod> {
    Process::new(|| current().start_method, ())
        .start()
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn c01_c02_three_methods_and_the_default_is_the_first() {
    fn case() {
        let methods = available_methods();
        assert_eq!(methods[0], StartMethod::ForkServer);
        assert_eq!(methods.len(), 3);
        assert!(METHODS.iter().all(|method| methods.contains(method)));
        assert_eq!(start_method(), StartMethod::ForkServer);
        assert_eq!(used(), Some(StartMethod::ForkServer));
        let names: Vec<String> = methods.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["forkserver", "spawn", "fork"]);
    }
    alone(case, ());
}

#[test]
fn c03_the_method_is_set_once_unless_it_is_reset() {
    fn case(method: StartMethod) {
        set_start_method(method).unwrap();
        set_start_method(method).unwrap();
        assert_eq!((start_method(), used()), (method, Some(method)));
        for other in METHODS.into_iter().filter(|other| *other != method) {
            assert_eq!(set_start_method(other), Err(AlreadySet(method)));
        }
        assert_eq!(start_method(), method);
        let why = AlreadySet(method).to_string();
        assert!(
            why.starts_with(&format!("the start method is {method} already")),
            "{why}"
        );
        reset_start_method();
        assert_eq!(start_method(), available_methods()[0]);
        set_start_method(StartMethod::Fork).unwrap();
        assert_eq!(used(), Some(StartMethod::Fork));
    }
    isolated::by_each_method(case);
}

#[test]
fn c04_asking_for_the_method_fixes_nothing() {
    fn case() {
        assert_eq!(start_method(), StartMethod::ForkServer);
        assert_eq!(used(), Some(StartMethod::ForkServer));
        set_start_method(StartMethod::Spawn).unwrap();
        assert_eq!(used(), Some(StartMethod::Spawn));
    }
    alone(case, ());
}

#[test]
fn c05_a_context_is_fixed_whatever_the_default() {
    const FORK: Context = Context::new(StartMethod::Fork);
    fn case(default: StartMethod) {
        set_start_method(default).unwrap();
        for method in METHODS {
            let context = Context::new(method);
            assert_eq!(context.method(), method);
            let child = context
                .process(|n: u8| (current().start_method, n), 7)
                .start()
                .unwrap();
            assert_eq!(child.start_method(), method);
            assert_eq!(child.join().unwrap(), (Some(method), 7));
        }
        assert_eq!(FORK.method(), StartMethod::Fork);
        assert_eq!(used(), Some(default), "the default is what it was");
    }
    isolated::by_each_method(case);
    for method in METHODS {
        assert_eq!(method.to_string().parse(), Ok(method));
    }
    let unknown = "thread".parse::<StartMethod>().unwrap_err().to_string();
    assert_eq!(
        unknown,
        "there is no start method \"thread\": it is spawn, forkserver or fork"
    );
}
