//! Names and numbers: what a process is called by itself, by its parent and by its children, and how it prints.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use core_process::{Process, StartMethod, Status, current, find_by_name, parent, rename};
use gate::{Gate, gate};
use isolated::by_each_method;

core_process::divert_before_main!();

fn named(gate: Gate) -> String {
    gate.pass();
    current().name
}

#[test]
fn p07_automatic_names_carry_the_path() {
    fn case(method: StartMethod) {
        let me = current().name;
        let name = move || {
            let child = Process::new(|| current().name, ())
                .method(method)
                .start()
                .unwrap();
            (child.name(), child.join().unwrap())
        };
        for number in 1..=3 {
            let expected = format!("{me}:{number}");
            assert_eq!(name(), (expected.clone(), expected));
        }
        let nested = |method: StartMethod| {
            let child = Process::new(|| current().name, ())
                .method(method)
                .start()
                .unwrap();
            (child.name(), child.join().unwrap(), current().path)
        };
        let nested = Process::new(nested, method).method(method).start().unwrap();
        let (outside, inside, path) = nested.join().unwrap();
        assert_eq!((outside, inside), (format!("{me}:4:1"), format!("{me}:4:1")));
        assert_eq!(path, [current().path, vec![4]].concat());
    }
    let first = Process::new(|| (), ())
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let name = first.name();
    first.join().unwrap();
    let number = name.strip_prefix("Process-").unwrap();
    assert!(number.parse::<u32>().unwrap() > 0, "{name}");
    by_each_method(case);
}

#[test]
fn p08_names_are_free_and_changed_on_one_side_only() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let twins = Process::new(named, gate).method(method).name("twin");
        let (first, second) = (twins.start().unwrap(), twins.start().unwrap());
        assert_eq!(find_by_name("twin").len(), 2);
        first.rename("");
        assert_eq!(first.name(), "");
        let found: Vec<u32> = find_by_name("twin").iter().map(|child| child.pid()).collect();
        assert_eq!(found, [second.pid()]);
        opener.open();
        opener.open();
        assert_eq!(
            (first.join().unwrap(), second.join().unwrap()),
            ("twin".into(), "twin".into())
        );
        assert_eq!(first.name(), "", "the name is known after the end");
        assert!(find_by_name("twin").is_empty());
    }
    by_each_method(case);
}

#[test]
fn p08_a_process_renames_itself() {
    fn case(method: StartMethod) {
        rename("a conductor of many");
        assert_eq!(current().name, "a conductor of many");
        let shown = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!(shown, "a conductor of \n", "the kernel keeps 15 bytes");
        let seen = Process::new(|| (current().name, parent().unwrap().name().to_owned()), ());
        let seen = seen.method(method).name("flute").start().unwrap().join().unwrap();
        assert_eq!(seen, ("flute".into(), "a conductor of many".into()));
        let from_a_thread = std::thread::spawn(|| rename("by a thread"));
        from_a_thread.join().unwrap();
        assert_eq!(
            std::fs::read_to_string("/proc/self/comm").unwrap(),
            "by a thread\n"
        );
    }
    by_each_method(case);
}

#[test]
fn p09_pids_are_the_kernels() {
    fn case(method: StartMethod) {
        let child = Process::new(|| (std::process::id(), current().pid), ());
        let child = child.method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), (child.pid(), child.pid()));
        assert_ne!(child.pid(), std::process::id());
    }
    by_each_method(case);
}

#[test]
fn p27_the_main_process_and_a_child_know_who_they_are() {
    fn case(method: StartMethod) {
        let depth = current().depth;
        let child = Process::new(|| (current(), core_process::is_main()).0.depth, ());
        assert_eq!(child.method(method).start().unwrap().join().unwrap(), depth + 1);
        let child = Process::new(
            || {
                let me = current();
                (
                    me.name.clone(),
                    me.is_daemon,
                    me.is_main(),
                    core_process::is_main(),
                    me.start_method,
                )
            },
            (),
        );
        let seen = child
            .method(method)
            .name("me")
            .daemon()
            .start()
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(seen, ("me".into(), true, false, false, Some(method)));
    }
    let me = current();
    assert_eq!(
        (me.name.as_str(), me.depth, me.is_daemon),
        ("MainProcess", 0, false)
    );
    assert!(me.is_main() && core_process::is_main() && parent().is_none());
    by_each_method(case);
}

#[test]
fn p43_recipes_and_children_print_what_they_are() {
    fn case(method: StartMethod) {
        let (_opener, gate) = gate();
        let recipe = Process::new(named, gate).method(method).name("n");
        let text = format!("{recipe:?}");
        assert!(
            text.starts_with("Process { target: names::named, name: Some(\"n\")"),
            "{text}"
        );
        let child = recipe.start().unwrap();
        let print = |status: &str| {
            let (pid, parent) = (child.pid(), std::process::id());
            format!(
                "Child {{ name: \"n\", pid: {pid}, parent: {parent}, status: {status}, daemon: false, method: {method} }}"
            )
        };
        assert_eq!(format!("{child:?}"), print("is running"));
        child.kill().unwrap();
        core_process::wait_any(&[&child], core_process::Until::forever()).unwrap();
        assert_eq!(format!("{child:?}"), print("has ended (not joined yet)"));
        assert_ne!(child.wait().unwrap(), Status::Running);
        assert_eq!(format!("{:?}", child.handle()), print("was ended by SIGKILL"));
    }
    by_each_method(case);
}
