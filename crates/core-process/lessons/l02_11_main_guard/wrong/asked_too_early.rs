//! expect: WRONG
//! "If I am the main process, open the log": but before `init` a child does not know yet that it is one.

use core_process::{Process, StartMethod, is_main};

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    if is_main() {
        open_log();
    }
    core_process::init();
    let port = bind_port().expect("the port is free");

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
