//! Lesson 2.11, exercise: a program that somebody wrote in the order in which they thought of it. Repair it.
//!
//! The log shall get one header, the port be bound once, and each guest be greeted once, by a process of its own, started by
//! `Spawn`.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

/// The program.
pub fn main() {
    open_log();
    let port = bind_port().expect("the port is free");
    core_process::init();

    let mut children = Vec::new();
    for guest in 1..=guests() {
        let child = Process::new(greet, guest)
            .method(StartMethod::Spawn)
            .start()
            .expect("a process can be started");
        children.push(child);
    }
    for child in children {
        println!("{}", child.join().expect("the guest is greeted"));
    }
    drop(port);
}
