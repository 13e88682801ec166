//! Hooks at the end of a process and after a fork: when, in which order, in which process.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::Mutex;

use core_process::{Fd, Process, StartMethod, after_fork, at_exit, exit};
use isolated::{alone, by_each_method};

core_process::divert_before_main!();

/// A hook that writes `text`.
fn says(out: &Fd<PipeWriter>, text: &'static str) -> impl FnOnce() + Send + 'static {
    let out = out.try_clone().unwrap();
    move || (&out).write_all(text.as_bytes()).unwrap()
}

/// All that comes until the last writer is gone.
fn to_the_end(mut reader: PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn p35_hooks_run_at_the_end_of_the_process_that_registered_them() {
    fn child(out: Fd<PipeWriter>) {
        at_exit(says(&out, "child's hook;"));
        (&*out).write_all(b"target;").unwrap();
    }
    fn parent(method: StartMethod, out: Fd<PipeWriter>) {
        at_exit(says(&out, "parent's hook;"));
        let child = Process::new(child, out).method(method).start().unwrap();
        child.join().unwrap();
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let parent = Process::new(parent, (method, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(to_the_end(reader), "target;child's hook;parent's hook;");
        parent.join().unwrap();
    }
    by_each_method(case);
}

#[test]
fn x04_exit_in_the_target_runs_hooks_and_waits_for_children() {
    fn grandchild(out: Fd<PipeWriter>) {
        (&*out).write_all(b"grandchild;").unwrap();
    }
    fn child(method: StartMethod, out: Fd<PipeWriter>) {
        at_exit(says(&out, "hook;"));
        let recipe = Process::new(grandchild, out).method(method);
        recipe.start().unwrap().join().unwrap();
        recipe.start().unwrap();
        exit(3)
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, (method, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status, core_process::Status::Exited(3));
        let mut said: Vec<_> = to_the_end(reader)
            .split_terminator(';')
            .map(str::to_owned)
            .collect();
        said.sort();
        assert_eq!(said, ["grandchild", "grandchild", "hook"]);
    }
    by_each_method(case);
}

#[test]
fn x04_a_panic_drops_what_the_target_owns_and_runs_hooks() {
    struct Owned(Fd<PipeWriter>);
    impl Drop for Owned {
        fn drop(&mut self) {
            (&*self.0).write_all(b"dropped;").unwrap();
        }
    }
    fn child(out: Fd<PipeWriter>) {
        at_exit(says(&out, "hook;"));
        let _owned = Owned(out);
        panic!("on purpose");
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        assert!(child.join().is_err());
        assert_eq!(to_the_end(reader), "dropped;hook;");
    }
    by_each_method(case);
}

#[test]
fn x08_hooks_run_once_each_the_last_first_whatever_one_does() {
    fn child(out: Fd<PipeWriter>) {
        at_exit(says(&out, "first;"));
        let (late, early) = (says(&out, "registered by a hook;"), says(&out, "second;"));
        at_exit(move || {
            early();
            at_exit(late);
        });
        at_exit(|| panic!("a hook on purpose"));
        at_exit(says(&out, "third;"));
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        child.join().unwrap();
        assert_eq!(to_the_end(reader), "third;second;registered by a hook;first;");
    }
    by_each_method(case);
}

#[test]
fn x08_a_hook_may_end_the_process_and_the_others_still_run() {
    fn child(out: Fd<PipeWriter>) {
        at_exit(says(&out, "first;"));
        at_exit(|| exit(6));
        at_exit(says(&out, "third;"));
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.wait().unwrap(), core_process::Status::Exited(6));
        assert_eq!(to_the_end(reader), "third;first;");
    }
    by_each_method(case);
}

#[test]
fn x08_a_hook_may_start_processes() {
    fn grandchild(out: Fd<PipeWriter>) {
        (&*out).write_all(b"grandchild;").unwrap();
    }
    fn child(method: StartMethod, out: Fd<PipeWriter>) {
        // One before, so that whatever a start keeps in the thread is there, and dropped before the hooks run.
        let recipe = Process::new(grandchild, out).method(method);
        recipe.start().unwrap().join().unwrap();
        at_exit(move || recipe.start().unwrap().join().unwrap());
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, (method, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        child.join().unwrap();
        assert_eq!(to_the_end(reader), "grandchild;grandchild;");
    }
    by_each_method(case);
}

#[test]
fn x08_a_panic_of_the_target_and_one_of_a_hook_are_two_panics() {
    fn child(out: Fd<PipeWriter>) {
        at_exit(says(&out, "first;"));
        at_exit(|| panic!("a hook on purpose"));
        panic!("the target on purpose");
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let child = Process::new(child, Fd::from(writer))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.wait().unwrap(), core_process::Status::Exited(101));
        assert_eq!(to_the_end(reader), "first;");
    }
    by_each_method(case);
}

static ORDER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn order() -> Vec<u8> {
    ORDER.lock().unwrap().clone()
}

fn register() {
    after_fork(|| ORDER.lock().unwrap().push(1));
    after_fork(|| panic!("a hook on purpose"));
    after_fork(|| ORDER.lock().unwrap().push(2));
}

#[test]
fn x10_fork_hooks_run_in_copies_before_the_target() {
    fn nested() -> Vec<u8> {
        Process::new(order, ())
            .method(StartMethod::Fork)
            .start()
            .unwrap()
            .join()
            .unwrap()
    }
    fn case() {
        register();
        let fork = |target: fn() -> Vec<u8>| {
            core_process::ForkProcess::new(target)
                .start()
                .unwrap()
                .join()
                .unwrap()
        };
        assert_eq!(fork(order), [1, 2], "in the order of registration");
        assert_eq!(fork(order), [1, 2], "in each copy, once");
        assert_eq!(fork(nested), [1, 2, 1, 2], "a copy of a copy");
        assert!(order().is_empty(), "and not here");
        let spawned = Process::new(order, ())
            .method(StartMethod::Spawn)
            .start()
            .unwrap();
        assert_eq!(spawned.join().unwrap(), [0_u8; 0]);
    }
    alone(case, ());
}

#[test]
fn x10_the_forkservers_children_have_the_hooks_that_it_loaded() {
    fn case() {
        core_process::set_forkserver_preload(register);
        let child = Process::new(order, ()).method(StartMethod::ForkServer);
        for _ in 0..2 {
            assert_eq!(child.start().unwrap().join().unwrap(), [1, 2]);
        }
    }
    alone(case, ());
}
