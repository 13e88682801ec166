//! Lesson 2.5, worked example: names are labels on handles, many may have the same one, and only the living are found.

use core_process::{Process, active_children, current, find_by_name, rename};

// region work
fn record() {
    loop {
        std::thread::park(); // it would record here, until it is ended
    }
}
// end region

// region itself
fn names_itself() -> String {
    rename("recorder-north-2"); // for itself and for `ps`
    let shown_by_ps = std::fs::read_to_string("/proc/self/comm").expect("there is a /proc");
    format!("{} to itself, {} in ps", current().name, shown_by_ps.trim_end())
}
// end region

// region below
fn has_a_child() -> (usize, String) {
    let below = Process::new(record, ()).daemon().name("recorder").start();
    below.expect("a process can be started");
    (find_by_name("recorder").len(), current().name)
}
// end region

pub fn main() {
    core_process::init();

    // region find
    let recorder = Process::new(record, ()).daemon().name("recorder");
    let first = recorder.start().expect("a process can be started");
    let second = recorder.start().expect("a process can be started");
    let found = find_by_name("recorder");
    println!("{} children run under the name {:?}", found.len(), first.name());
    println!(
        "both are found: {}",
        found
            .iter()
            .all(|child| [first.pid(), second.pid()].contains(&child.pid()))
    );
    // end region

    // region ended
    first.kill().expect("it is our child");
    first.wait().expect("it is our child");
    println!("after the end of one: {}", find_by_name("recorder").len());
    println!("its handle still has the name {:?}", first.name());
    // end region

    // region rename
    second.rename("old recorder");
    println!(
        "{} {}",
        find_by_name("recorder").len(),
        find_by_name("old recorder").len()
    );
    // end region

    // region default
    let nameless = Process::new(record, ())
        .daemon()
        .start()
        .expect("a process can be started");
    println!("the third start of this process: {}", nameless.name());
    println!("children that run: {}", active_children().len());
    // end region

    // region inside
    let child = Process::new(names_itself, ()).name("recorder-north-1").start();
    let child = child.expect("a process can be started");
    println!("{}", child.join().expect("it returns"));
    println!("{} to its parent", child.name());
    // end region

    // region tree
    let child = Process::new(has_a_child, ()).name("archive").start();
    let (recorders, archive) = child
        .expect("a process can be started")
        .join()
        .expect("it returns");
    println!(
        "children named \"recorder\": {} here, {recorders} in {archive}",
        find_by_name("recorder").len()
    );
    // end region
}
