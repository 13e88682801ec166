//! Lesson 2.3, worked example: what each side knows of the other, and one wait for a child's end and a child's word.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use core_process::{Fd, Process, Signal, Until, WaitError, parent, wait_any};

// region child
fn dive(mut line: Fd<UnixStream>) -> u32 {
    line.write_all(b"?").expect("the parent listens");
    let mut depth = [0];
    line.read_exact(&mut depth).expect("the parent answers");
    u32::from(depth[0]) * 2
}
// end region

// region upwards
fn look_up() -> String {
    let parent = parent().expect("a child has a parent");
    format!("{}, alive: {}", parent.name(), parent.is_alive())
}
// end region

pub fn main() {
    core_process::init();

    // region known
    let child = Process::new(look_up, ())
        .start()
        .expect("a process can be started");
    println!("the child sees its parent: {}", child.join().expect("it returns"));
    let reader = Process::new(|| std::io::stdin().lines().count(), ())
        .start()
        .expect("a process can be started");
    println!("lines on a child's stdin: {}", reader.join().expect("it returns"));
    let sleeper = Process::new(std::thread::park, ())
        .start()
        .expect("a process can be started");
    sleeper.signal(Signal::TERM).expect("it is our child");
    println!(
        "the parent sees its child: it {}",
        sleeper.wait().expect("it is our child")
    );
    // end region

    // region poll
    let (mut line, theirs) = UnixStream::pair().expect("two descriptors are free");
    let child = Process::new(dive, Fd::from(theirs))
        .start()
        .expect("a process can be started");
    match wait_any(&[&child], Duration::ZERO) {
        Err(WaitError::TimedOut) => println!("the diver is under way"),
        other => println!("surprise: {other:?}"),
    }
    // end region

    // region both
    let mut open = true;
    loop {
        let mut awaited = vec![child.as_fd()];
        if open {
            awaited.push(line.as_fd());
        }
        let ready = wait_any(&awaited, Until::forever()).expect("both can be waited for");
        if ready.contains(&1) {
            let mut question = [0];
            open = line.read(&mut question).expect("the line works") == 1;
            if open {
                println!("the diver asks, and is answered");
                line.write_all(&[21]).expect("the diver listens");
            }
        }
        if ready.contains(&0) {
            break;
        }
    }
    println!("the diver {} with {:?}", child.status(), child.join());
    // end region
}
