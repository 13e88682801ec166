//! Lesson 2.2, worked example: recipe, child, status; arguments are copies; a daemon.

use core_process::{ChildError, Process, Signal, Status};

// region recipe
fn eat(mut basket: Vec<String>) -> usize {
    basket.pop();
    basket.len()
}
// end region

fn divide(a: u32, b: u32) -> u32 {
    a / b
}

pub fn main() {
    core_process::init();

    // region start
    let basket = vec!["apple".to_owned(), "pear".to_owned(), "plum".to_owned()];
    let recipe = Process::new(eat, basket.clone()).name("eater");
    let child = recipe.start().expect("a process can be started");
    println!(
        "the child is not the parent: {}",
        child.pid() != std::process::id()
    );
    println!(
        "it left {} pieces in its basket",
        child.join().expect("it returns")
    );
    println!("ours still holds {}", basket.len());
    // end region

    // region again
    let again = recipe.start().expect("a process can be started");
    println!("another start, another process: {}", again.pid() != child.pid());
    again.join().expect("it returns");
    println!("{} {}", again.name(), again.status());
    // end region

    // region failure
    let failed = Process::new(divide, (1, 0))
        .stderr(core_process::Stdio::null())
        .start();
    match failed.expect("a process can be started").join() {
        Ok(quotient) => println!("1 / 0 = {quotient}"),
        Err(ChildError::Panicked { message, .. }) => println!("no quotient: {message}"),
        Err(other) => println!("no quotient: {other}"),
    }
    // end region

    // region killed
    let sleeper = Process::new(std::thread::park, ())
        .daemon()
        .start()
        .expect("a process can be started");
    println!("it {}", sleeper.status());
    sleeper.kill().expect("it is our child");
    assert_eq!(sleeper.wait(), Ok(Status::Signaled(Signal::KILL)));
    println!("it {}", sleeper.status());
    // end region
}
