//! Recipes: what a target is given, what it gives back, and that a recipe is never itself running.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::io::{PipeReader, PipeWriter, Read};
use std::os::unix::process::parent_id;

use core_process::{Fd, ForkProcess, Process, StartMethod, Status, active_children, current};
use gate::{Gate, gate};
use isolated::{alone, by_each_method};
use serde::{Deserialize, Serialize};

core_process::divert_before_main!();

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Worker {
    jobs: Vec<String>,
    done: usize,
}

impl Worker {
    fn run(mut self) -> Self {
        self.done = self.jobs.len();
        self
    }
}

#[test]
fn p01_a_recipe_starts_nothing() {
    fn case(method: StartMethod) {
        let recipe = Process::new(std::thread::park, ()).method(method).daemon();
        assert!(active_children().is_empty());
        drop(recipe);
        assert!(active_children().is_empty());
        let first = Process::new(|| current().name, ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(
            first.join().unwrap(),
            format!("{}:1", current().name),
            "nothing was counted"
        );
    }
    by_each_method(case);
}

#[test]
fn p02_p37_a_target_gets_its_arguments() {
    fn nothing() {}
    fn one(list: Vec<u8>) -> usize {
        list.len()
    }
    fn pair(pair: (u8, u8)) -> u8 {
        pair.0 + pair.1
    }
    fn case(method: StartMethod) {
        macro_rules! result {
            ($target:expr, $args:expr) => {
                Process::new($target, $args)
                    .method(method)
                    .start()
                    .unwrap()
                    .join()
                    .unwrap()
            };
        }
        let child = Process::new(nothing, ()).method(method).start().unwrap();
        child.join().unwrap();
        assert_eq!(child.status(), Status::Exited(0));
        // A list is one argument, whatever its length; a tuple is as many as the target has parameters.
        assert_eq!(result!(one, vec![7; 100_000]), 100_000);
        assert_eq!(result!(one, vec![]), 0);
        assert_eq!(result!(pair, (1, 2)), 3);
        assert_eq!(result!(|a: u8, b: i64| i64::from(a) - b, (1, 2)), -1);
        assert_eq!(result!(|a: u8, b: u8, c: u8| a + b + c, (1, 2, 3)), 6);
        assert_eq!(
            result!(|a: u8, b: u8, c: u8, d: u8| a + b + c + d, (1, 2, 3, 4)),
            10
        );
        let five = |a: u8, b: u8, c: u8, d: u8, e: u8| a + b + c + d + e;
        assert_eq!(result!(five, (1, 2, 3, 4, 5)), 15);
        let six = |a: u8, b: u8, c: u8, d: u8, e: u8, f: String| format!("{f}{}", a + b + c + d + e);
        assert_eq!(result!(six, (1, 2, 3, 4, 5, "sum: ".to_owned())), "sum: 15");
        assert_eq!(
            result!(std::convert::identity::<Option<f64>>, Some(0.5)),
            Some(0.5)
        );
    }
    by_each_method(case);
}

#[test]
fn p03_what_a_child_changes_stays_there() {
    fn case(method: StartMethod) {
        let worker = Worker {
            jobs: vec!["a".into(), "b".into()],
            done: 0,
        };
        let child = Process::new(Worker::run, worker.clone())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.join().unwrap().done, 2);
        assert_eq!(worker.done, 0);
    }
    by_each_method(case);
}

#[test]
fn p04_each_start_is_a_process_of_its_own() {
    fn case(method: StartMethod) {
        let recipe = Process::new(std::process::id, ()).method(method);
        let (first, second) = (recipe.start().unwrap(), recipe.clone().start().unwrap());
        assert_ne!(first.pid(), second.pid());
        assert_eq!(
            (first.join().unwrap(), second.join().unwrap()),
            (first.pid(), second.pid())
        );
        // After both have ended, too.
        let third = recipe.start().unwrap();
        assert_eq!(third.join().unwrap(), third.pid());
        assert_ne!(third.name(), first.name());
    }
    by_each_method(case);
}

#[test]
fn p05_a_child_belongs_to_the_process_that_starts_it() {
    fn case(method: StartMethod) {
        let recipe = Process::new(parent_id, ()).method(method);
        let ours = recipe.start().unwrap();
        assert_eq!(ours.join().unwrap(), std::process::id());
        // The copy of this process has a copy of the recipe: what it starts is its own.
        let copy = ForkProcess::new(|| recipe.start().unwrap().join().unwrap())
            .start()
            .unwrap();
        assert_eq!(copy.join().unwrap(), copy.pid());
    }
    // A process with a forkserver has one thread still, and may fork.
    by_each_method(case);
}

#[test]
fn p06_the_parent_keeps_no_argument_of_a_started_child() {
    fn hold(writer: Fd<PipeWriter>, gate: Gate) {
        gate.pass();
        drop(writer);
    }
    fn ends(mut reader: &PipeReader) -> usize {
        reader.read_to_end(&mut Vec::new()).unwrap()
    }
    fn case(method: StartMethod) {
        let (reader, writer) = std::io::pipe().unwrap();
        let (opener, gate) = gate();
        let child = Process::new(hold, (Fd::from(writer), gate))
            .method(method)
            .start()
            .unwrap();
        opener.open();
        // End of file comes when the last copy of the writer is closed: it would not if the parent, its handle, or the
        // forkserver still held one.
        assert_eq!(ends(&reader), 0);
        child.join().unwrap();
    }
    by_each_method(case);
}

#[test]
fn p38_arguments_are_not_shared_between_starts() {
    fn push(mut list: Vec<u32>) -> Vec<u32> {
        list.push(9);
        list
    }
    fn case(method: StartMethod) {
        let recipe = Process::new(push, Vec::new()).method(method);
        for _ in 0..3 {
            assert_eq!(recipe.start().unwrap().join().unwrap(), [9]);
        }
    }
    by_each_method(case);
}

#[test]
fn p42_the_target_runs_in_the_childs_first_thread() {
    fn first_thread() -> (u32, u32, bool) {
        let thread = std::fs::read_link("/proc/thread-self").unwrap();
        let number = thread.file_name().unwrap().to_str().unwrap().parse().unwrap();
        (number, std::process::id(), core_process::thread::is_main())
    }
    fn case(method: StartMethod) {
        let child = Process::new(first_thread, ()).method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), (child.pid(), child.pid(), true));
        if method != StartMethod::Fork {
            let start = move || Process::new(first_thread, ()).method(method).start().unwrap();
            let child = std::thread::spawn(start).join().unwrap();
            assert_eq!(child.join().unwrap(), (child.pid(), child.pid(), true));
        }
    }
    by_each_method(case);
    assert!(!alone(
        || std::thread::spawn(core_process::thread::is_main).join().unwrap(),
        ()
    ));
}
