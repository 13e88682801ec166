//! Lesson 2.11, another right answer: `init` inside of a function that is called first, the log opened last, and nobody joined,
//! since children that are not daemons are waited for when the program ends.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

fn begin() {
    core_process::init();
}

/// The program.
pub fn main() {
    begin();
    let _port = bind_port().expect("the port is free");
    for guest in 1..=guests() {
        let recipe = Process::new(greet, guest).method(StartMethod::Spawn);
        recipe.start().expect("a process can be started");
    }
    open_log();
}
