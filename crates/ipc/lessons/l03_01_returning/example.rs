//! Lesson 3.1, worked example: a value, its error, a panic, an exit code and a death come home, and eight bits of a number.

use core_process::{ChildError, Process};

// region divide
fn divide(a: u32, b: u32) -> Result<u32, String> {
    if b == 1 {
        return Err("that is no division".to_owned());
    }
    Ok(a / b)
}
// end region

// region list
fn letters(count: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(count).collect()
}
// end region

fn leave(code: i32) {
    core_process::exit(code);
}

fn abort() -> u32 {
    std::process::abort()
}

pub fn main() {
    core_process::init();

    // region value
    for (a, b) in [(84, 2), (84, 1), (84, 0)] {
        let child = Process::new(divide, (a, b))
            .start()
            .expect("a process can be started");
        match child.join() {
            Ok(Ok(quotient)) => println!("{a} / {b} = {quotient}"),
            Ok(Err(why)) => println!("{a} / {b}: {why}"),
            Err(ChildError::Panicked { message, .. }) => println!("{a} / {b}: {message}"),
            Err(other) => println!("{a} / {b}: {other}"),
        }
    }
    // end region

    // region size
    let child = Process::new(letters, 8 << 20)
        .start()
        .expect("a process can be started");
    println!("{} letters", child.join().expect("it returns").len());
    // end region

    // region code
    let child = Process::new(leave, 300)
        .start()
        .expect("a process can be started");
    println!("exit(300): {}", child.join().unwrap_err());
    // end region

    // region death
    let child = Process::new(abort, ()).start().expect("a process can be started");
    match child.join() {
        Ok(number) => println!("it returned {number}"),
        Err(error) => println!("no number: {error}"),
    }
    // end region
}
