//! Lesson 2.6, worked example: the pid seen from both sides, a parent that goes away, a pid that names nobody any more.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;

use core_process::{Fd, ParentDeath, Process, Signal, current, exit_now, parent};

// region both
fn both_ids() -> (u32, Option<u32>) {
    (current().pid, parent().map(|parent| parent.pid()))
}
// end region

// region orphan
fn orphan(mut line: Fd<UnixStream>) {
    let starter = parent().expect("a child has a parent");
    starter.join().expect("a parent can be waited for");
    let changed = parent_id() != starter.pid();
    let said = format!(
        "{} was started by {}, which is alive: {}; the system names another parent: {changed}",
        current().pid,
        starter.pid(),
        starter.is_alive()
    );
    line.write_all(said.as_bytes()).expect("main listens");
}

fn leave_an_orphan(line: Fd<UnixStream>) {
    let recipe = Process::new(orphan, line).on_parent_death(ParentDeath::Continue);
    let child = recipe.start().expect("a process can be started");
    println!("{} leaves {}", current().pid, child.pid());
    exit_now(0); // at once: a normal end would wait for the child
}
// end region

pub fn main() {
    core_process::init();
    println!(
        "main is {}, started by {:?}",
        current().pid,
        parent().map(|parent| parent.pid())
    );

    // region sides
    let child = Process::new(both_ids, ())
        .start()
        .expect("a process can be started");
    let (own, starter) = child.join().expect("it returns");
    println!("the parent calls it {}, it calls itself {own}", child.pid());
    println!(
        "its parent calls itself {}, it says {}",
        current().pid,
        starter.unwrap_or(0)
    );
    // end region

    // region threads
    let elsewhere = std::thread::spawn(|| current().pid).join().expect("it returns");
    println!("a second thread has the same pid: {}", elsewhere == current().pid);
    // end region

    // region stale
    println!(
        "it {}, and its number may be another process's now",
        child.status()
    );
    println!(
        "a signal to the handle is safe: {:?}",
        child.signal(Signal::KILL).is_ok()
    );
    // end region

    // region left
    let (mut line, theirs) = UnixStream::pair().expect("two descriptors are free");
    let child = Process::new(leave_an_orphan, Fd::from(theirs))
        .start()
        .expect("a process can be started");
    child.wait().expect("it is our child");
    let mut said = String::new();
    line.read_to_string(&mut said).expect("the line works");
    println!("{said}");
    // end region

    // It is no child of ours: its end can be seen, and not be waited for.
    let pid = said.split(' ').next().unwrap_or_default();
    while std::fs::exists(format!("/proc/{pid}")).is_ok_and(|exists| exists) {
        std::thread::yield_now();
    }
}
