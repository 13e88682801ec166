//! Lesson 4.5, worked example: permits that are held, dropped, left behind by the dead, and made too many.

use core_process::{Process, Stdio};
use sync::{BoundedSemaphore, Permit, Semaphore};

// region die
/// Takes a permit and dies with it.
fn die_with_one(tickets: Semaphore) {
    let _permit = tickets.acquire().expect("there is a place for us");
    std::process::abort();
}
// end region

pub fn main() {
    core_process::init();

    // region permits
    let tickets = Semaphore::new(2).expect("a descriptor is free");
    let first = tickets.acquire().expect("there is a place for us");
    let second = tickets.acquire().expect("there is a place for us");
    println!("free: {}", tickets.available());
    println!(
        "a third one: {}",
        tickets.try_acquire().expect_err("there are two")
    );
    drop(first);
    println!("free: {}", tickets.available());
    // end region

    // region path
    println!("{:?}", attempt(&tickets, "12"));
    println!("{:?}", attempt(&tickets, "twelve").is_err());
    println!("free: {}", tickets.available());
    drop(second);
    // end region

    // region dead
    let child = Process::new(die_with_one, tickets.clone())
        .stderr(Stdio::null())
        .start();
    let status = child
        .expect("a process can be started")
        .wait()
        .expect("it is our child");
    println!("{status}, and free: {}", tickets.available());
    // end region

    // region bounded
    let tickets = BoundedSemaphore::new(1).expect("a descriptor is free");
    println!("{}", tickets.release().expect_err("it is free already"));
    let loose = Semaphore::new(1).expect("a descriptor is free");
    loose.release().expect("nobody counts");
    println!("and without a bound, free: {}", loose.available());
    // end region
}

// region attempt
fn attempt(tickets: &Semaphore, text: &str) -> Result<u32, std::num::ParseIntError> {
    let _permit: Permit = tickets.acquire().expect("there is a place for us");
    let number = text.parse()?; // leaves here, and the permit goes back
    Ok(number)
}
// end region
