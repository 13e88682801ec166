//! expect: NOT_A_PROCESS
//! One child greets all the guests: less to start, and the second guest's greeting is lost with the first one's crash.

use core_process::{Process, StartMethod};

use super::check::{bind_port, greet, guests, open_log};

fn greet_all(guests: u64) -> Vec<String> {
    (1..=guests).map(greet).collect()
}

pub fn main() {
    core_process::init();
    open_log();
    let port = bind_port().expect("the port is free");

    let child = Process::new(greet_all, guests())
        .method(StartMethod::Spawn)
        .start()
        .expect("a process can be started");
    for line in child.join().expect("the guests are greeted") {
        println!("{line}");
    }
    drop(port);
}
