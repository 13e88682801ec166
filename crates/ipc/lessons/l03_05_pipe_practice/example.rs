//! Lesson 3.5, worked example: waiting for several pipes at once, requests with numbers, an end, a pipe that travels through a pipe.

use std::collections::BTreeMap;

use core_process::{Process, Until, wait_any};
use ipc::{Receiver, Sender, pipe};

// region worker
/// Squares numbers; each result says which request it is for.
fn square(requests: Receiver<(u32, u64)>, results: Sender<(u32, u64)>) {
    for (id, number) in requests.iter().map_while(Result::ok) {
        if results.send(&(id, number * number)).is_err() {
            return;
        }
    }
}
// end region

// region friends
fn greet(letterbox: Receiver<Sender<String>>) {
    if let Ok(friend) = letterbox.recv() {
        friend.send(&"hello from the other one".to_owned()).ok();
    }
}

fn listen(greetings: Receiver<String>) -> Option<String> {
    greetings.recv().ok()
}
// end region

pub fn main() {
    core_process::init();

    // region fan_in
    let (mut requests, mut results) = (Vec::new(), Vec::new());
    let mut workers = Vec::new();
    for _ in 0..2 {
        let (request, their_requests) = pipe().expect("a descriptor is free");
        let (their_results, result) = pipe().expect("a descriptor is free");
        let worker = Process::new(square, (their_requests, their_results));
        workers.push(worker.start().expect("a process can be started"));
        requests.push(request);
        results.push(result);
    }
    requests[1].send(&(7, 12)).expect("the worker is there");
    let ready = wait_any(&results, Until::forever()).expect("pipes can be waited for");
    println!("ready: {ready:?}");
    println!("request, result: {:?}", results[1].recv().expect("it is ready"));
    // end region

    // region ids
    for id in 0..6 {
        let worker = &requests[id as usize % 2];
        worker.send(&(id, u64::from(id))).expect("the worker is there");
    }
    requests.clear(); // that was all
    let mut squares = BTreeMap::new();
    while !results.is_empty() {
        let ready = wait_any(&results, Until::forever()).expect("pipes can be waited for");
        for place in ready.into_iter().rev() {
            match results[place].recv() {
                Ok((id, square)) => drop(squares.insert(id, square)),
                Err(_) => drop(results.remove(place)),
            }
        }
    }
    println!("{:?}", squares.values().collect::<Vec<_>>());
    for worker in &workers {
        worker.join().expect("it returns");
    }
    // end region

    // region introduce
    let (letterbox, their_letterbox) = pipe().expect("a descriptor is free");
    let (speak, greetings) = pipe().expect("a descriptor is free");
    let listener = Process::new(listen, greetings)
        .start()
        .expect("a process can be started");
    let greeter = Process::new(greet, their_letterbox)
        .start()
        .expect("a process can be started");
    letterbox.send(&speak).expect("the greeter is there");
    drop(speak);
    println!("{}", listener.join().expect("it returns").unwrap_or_default());
    greeter.join().expect("it returns");
    // end region

    // region dead
    let (request, their_requests) = pipe::<(u32, u64)>().expect("a descriptor is free");
    let (their_results, result) = pipe().expect("a descriptor is free");
    let worker = Process::new(square, (their_requests, their_results))
        .start()
        .expect("a process can be started");
    request.send(&(1, 5)).expect("the worker is there");
    result
        .poll_until(Until::forever())
        .expect("a pipe can be waited for");
    worker.kill().expect("it is our child");
    worker.wait().expect("it is our child");
    println!("killed, and ready: {}", result.poll());
    println!("what it had sent: {:?}", result.recv().expect("it had sent it"));
    println!(
        "ready again: {}, with {}",
        result.poll(),
        result.recv().unwrap_err()
    );
    println!("a request: {}", request.send(&(2, 6)).unwrap_err());
    // end region
}
