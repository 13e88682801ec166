//! expect: WRONG
//! `init` is forgotten, and the error that says so is swallowed with `if let Ok`: no guest is greeted, and all looks well.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    open_log();
    let port = bind_port().expect("the port is free");

    for guest in 1..=guests() {
        if let Ok(child) = Process::new(greet, guest).method(StartMethod::Spawn).start() {
            println!("{}", child.join().expect("the guest is greeted"));
        }
    }
    drop(port);
}
