//! Lesson 2.8, worked example: what a handle tells, how processes end, what a limit on a wait means, and a zombie.

use std::time::Duration;

use core_process::{Child, ChildError, ChildHandle, Process, StartMethod, Stdio, Until, exit, wait_any};

// region attributes
fn describe(child: &ChildHandle) {
    println!(
        "{}: {}, daemon: {}, it {}",
        child.name(),
        child.start_method(),
        child.is_daemon(),
        child.status()
    );
}
// end region

// region ends
fn end(how: String) -> u32 {
    match how.as_str() {
        "return" => 7,
        "panic" => panic!("no such record"),
        "exit 101" => exit(101),
        "exit 256" => exit(256),
        "exit -1" => exit(-1),
        _ => std::process::abort(),
    }
}
// end region

// region table
fn state_in_the_table(pid: u32) -> String {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(") ").next().unwrap_or_default()[..1].to_owned(),
        Err(_) => "not there".to_owned(),
    }
}
// end region

pub fn main() {
    core_process::init();

    // region look
    let recipe = Process::new(std::thread::park, ())
        .name("sleeper")
        .method(StartMethod::Spawn)
        .daemon();
    let sleeper = recipe.start().expect("a process can be started");
    describe(&sleeper);
    sleeper.rename("patient");
    sleeper.terminate().expect("it is our child");
    sleeper.wait().expect("it is our child");
    describe(&sleeper);
    // end region

    // region both
    for how in ["return", "panic", "exit 101", "exit 256", "exit -1", "abort"] {
        let recipe = Process::new(end, how.to_owned()).stderr(Stdio::null());
        let child = recipe.start().expect("a process can be started");
        let status = child.wait().expect("it is our child");
        match child.join() {
            Ok(value) => println!("{how}: it {status}; its function returned {value}"),
            Err(ChildError::Panicked { message, .. }) => {
                println!("{how}: it {status}; its function panicked: {message}");
            }
            Err(_) => println!("{how}: it {status}; its function never came to its end"),
        }
    }
    // end region

    // region limit
    let child: Child<()> = Process::new(std::thread::park, ())
        .start()
        .expect("a process can be started");
    println!("{:?}", child.join_timeout(Duration::ZERO));
    println!("after that it {}", child.status());
    // end region

    // region zombie
    child.kill().expect("it is our child");
    wait_any(&[&child], Until::forever()).expect("a child can be waited for");
    println!("dead, in the kernel's table: {}", state_in_the_table(child.pid()));
    println!("it {}", child.status());
    println!(
        "asked, in the kernel's table: {}",
        state_in_the_table(child.pid())
    );
    // end region
}
