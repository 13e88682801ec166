//! Lesson 2.1, worked example: who the main process is, who its children are, and who has the last word.

use core_process::{Process, current, is_main, parent};

// region introduce
fn introduce() -> String {
    let me = current();
    match parent() {
        None => format!("{}, depth {}, started by nobody of us", me.name, me.depth),
        Some(parent) => format!("{}, depth {}, started by {}", me.name, me.depth, parent.name()),
    }
}
// end region

// region descend
fn descend() -> Vec<String> {
    let child = Process::new(introduce, ())
        .start()
        .expect("a process can be started");
    vec![introduce(), child.join().expect("it returns")]
}
// end region

pub fn main() {
    core_process::init();

    // region line
    println!("{}", introduce());
    let child = Process::new(descend, ())
        .name("worker")
        .start()
        .expect("a process can be started");
    for line in child.join().expect("it returns") {
        println!("{line}");
    }
    // end region

    // region thread
    let asked_elsewhere = std::thread::spawn(is_main).join().expect("it returns");
    println!("asked by a second thread: {asked_elsewhere}");
    // end region

    // region end
    println!("main returns");
    let child = Process::new(|| println!("and its child still had something to say"), ()).start();
    drop(child); // nobody joins it, and it is waited for all the same
    // end region
}
