//! expect: CRASH
//! `init` sounds like something for later, and is put behind the starts. The library refuses to start anything before it.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    open_log();
    let port = bind_port().expect("the port is free");

    let mut children = Vec::new();
    for guest in 1..=guests() {
        let child = Process::new(greet, guest)
            .method(StartMethod::Spawn)
            .start()
            .expect("a process can be started");
        children.push(child);
    }
    core_process::init();
    for child in children {
        println!("{}", child.join().expect("the guest is greeted"));
    }
    drop(port);
}
