//! expect: WRONG
//! The port had to move, because the children failed to bind it; the log writes its header without complaint, once for each.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

// region answer
pub fn main() {
    open_log();
    core_process::init();
    let port = bind_port().expect("the port is free");
    // end region

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
