//! Lesson 3.4, worked example: both ways, one way, the end, what holds it up, a full pipe, a broken one.

use std::time::Duration;

use core_process::Process;
use ipc::{Connection, Receiver, Sender, duplex, pipe};

// region measure
/// Says of each text how long it is.
fn measure(texts: Connection<usize, String>) {
    while let Ok(text) = texts.recv() {
        if texts.send(&text.len()).is_err() {
            return;
        }
    }
}
// end region

// region total
/// Adds up until nobody is left who could send.
fn total(numbers: Receiver<u64>, answer: Sender<String>) {
    let numbers: Vec<u64> = numbers.iter().map_while(Result::ok).collect();
    let text = format!(
        "{} numbers, {} in all",
        numbers.len(),
        numbers.iter().sum::<u64>()
    );
    answer.send(&text).ok();
}
// end region

pub fn main() {
    core_process::init();

    // region both_ways
    let (ours, theirs) = duplex::<String, usize>().expect("a descriptor is free");
    let child = Process::new(measure, theirs)
        .start()
        .expect("a process can be started");
    for text in ["four", ""] {
        ours.send(&text.to_owned()).expect("the child is there");
        let len = ours.recv().expect("the child answers");
        println!("{text:?} has {len} letters");
    }
    drop(ours); // the child's `recv` ends with an error, and so the child
    child.join().expect("it returns");
    // end region

    // region end
    let (numbers, their_numbers) = pipe().expect("a descriptor is free");
    let (their_answer, answer) = pipe().expect("a descriptor is free");
    let child = Process::new(total, (their_numbers, their_answer))
        .start()
        .expect("a process can be started");
    for number in 1..=10 {
        numbers.send(&number).expect("the child is there");
    }
    drop(numbers);
    println!("{}", answer.recv().expect("the child answers"));
    match answer.recv() {
        Ok(text) => println!("{text}"),
        Err(error) => println!("no more: {error}"),
    }
    child.join().expect("it returns");
    // end region

    // region held_up
    let (sender, receiver) = pipe::<u64>().expect("a descriptor is free");
    let forgotten = sender.clone();
    drop(sender);
    match receiver.recv_timeout(Duration::from_millis(20)) {
        Ok(number) => println!("{number}"),
        Err(error) => println!("a sender is left: {error}"),
    }
    drop(forgotten);
    println!("none is left, and `poll` says {}", receiver.poll());
    // end region

    // region full
    let (sender, receiver) = pipe::<Vec<u8>>().expect("a descriptor is free");
    let block = vec![7; 16 << 10];
    let refused = loop {
        if let Err(error) = sender.try_send(&block) {
            break error;
        }
    };
    println!("nobody receives: {refused}");
    receiver.recv().expect("some are there");
    println!("one is taken, one fits: {}", sender.try_send(&block).is_ok());
    // end region

    // region broken
    drop(receiver);
    if let Err(error) = sender.send(&block) {
        println!("nobody can receive: {error}");
    }
    // end region
}
