//! Lesson 3.7, worked example: a simple queue, its errors, and what a stream of bytes does with two messages.

use std::io::{Read, Write};

use core_process::Process;
use ipc::SimpleQueue;

// region answer
/// Answers what it is asked, until it is told to stop.
fn answer(questions: SimpleQueue<Option<u32>>, answers: SimpleQueue<u32>) {
    while let Some(number) = questions.get().expect("it is a number") {
        answers.put(&(number * number)).expect("there is memory");
    }
}
// end region

pub fn main() {
    core_process::init();

    // region queue
    let questions = SimpleQueue::new().expect("descriptors are free");
    let answers = SimpleQueue::new().expect("descriptors are free");
    let child = Process::new(answer, (questions.clone(), answers.clone())).start();
    let child = child.expect("a process can be started");
    for number in [3, 4, 5] {
        questions.put(&Some(number)).expect("there is memory");
    }
    questions.put(&None).expect("there is memory");
    child.join().expect("it stops when it is told to");
    while !answers.is_empty() {
        println!("{}", answers.get().expect("it is a number"));
    }
    // end region

    // region stream
    let (mut from, mut to) = std::io::pipe().expect("descriptors are free");
    to.write_all(b"first").expect("there is room");
    to.write_all(b"second").expect("there is room");
    let mut bytes = [0; 100];
    let read = from.read(&mut bytes).expect("something is there");
    println!("one read: {}", String::from_utf8_lossy(&bytes[..read]));
    // end region
}
