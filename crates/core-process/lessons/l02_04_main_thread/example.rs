//! Lesson 2.4, worked example: which thread is the main one, which threads a process waits for, and which it cuts.

use std::sync::mpsc;

use core_process::{Process, at_exit, thread};

// region where
fn whereabouts(who: String) {
    // A link of the form PID/task/TID: the calling process and the calling thread.
    let link = std::fs::read_link("/proc/thread-self").expect("there is a /proc");
    println!("{who}: {}, main thread: {}", link.display(), thread::is_main());
}
// end region

// region session
fn session() {
    at_exit(|| println!("hook: I run when the saver is done"));
    std::thread::spawn(|| {
        loop {
            std::thread::park(); // a ticker would tick here, for ever
        }
    });
    let (target, target_returns) = mpsc::channel::<()>();
    thread::spawn(move || {
        let _ = target_returns.recv(); // fails as soon as the other end is dropped
        println!("saver: the target has returned, and I still save");
    })
    .expect("a thread can be started");
    println!("target: I return");
    drop(target);
}
// end region

pub fn main() {
    core_process::init();

    // region threads
    whereabouts("main process".to_owned());
    let second = std::thread::spawn(|| {
        whereabouts("its second thread".to_owned());
        let child = Process::new(whereabouts, "a child started there".to_owned()).start();
        child.expect("a process can be started").join()
    });
    second.join().expect("it returns").expect("the child returns");
    // end region

    // region end
    let child = Process::new(session, ())
        .start()
        .expect("a process can be started");
    child.join().expect("it returns");
    println!("parent: joined, the ticker was cut");
    // end region
}
