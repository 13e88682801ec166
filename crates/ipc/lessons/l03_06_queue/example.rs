//! Lesson 3.6, worked example: one queue for many, its bound, its end, and what becomes of a value whose producer is killed.

use core_process::{Child, Process, Status};
use ipc::{Consumer, GetError, Producer, Queue};

// region square
/// Squares what it gets until nothing will come any more.
fn square(numbers: Consumer<u64>, squares: Producer<u64>) -> usize {
    let mut done = 0;
    for number in numbers.iter() {
        let number = number.expect("it is a number");
        squares.put(&(number * number)).expect("somebody gets");
        done += 1;
    }
    done
}
// end region

// region killed
/// Puts one value, and is gone.
fn put_and_die(letters: Producer<String>) {
    letters
        .put(&"put before the end".to_owned())
        .expect("somebody gets");
    std::process::abort();
}
// end region

pub fn main() {
    core_process::init();

    // region many
    let (give, numbers) = Queue::bounded(4).expect("descriptors are free").split();
    let (squares, take) = Queue::new().expect("descriptors are free").split();
    let workers: Vec<Child<usize>> = (0..3)
        .map(|_| Process::new(square, (numbers.clone(), squares.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    drop((numbers, squares)); // they are the workers' now
    for number in 1..=10 {
        give.put(&number).expect("a worker gets");
    }
    drop(give); // the last producer: each worker's iteration ends
    let done: usize = workers
        .iter()
        .map(|worker| worker.join().expect("it returns"))
        .sum();
    let mut all: Vec<u64> = take
        .iter()
        .map(|square| square.expect("it is a number"))
        .collect();
    all.sort_unstable();
    println!("{done} squares: {all:?}");
    // end region

    // region bound
    let queue = Queue::bounded(2).expect("descriptors are free");
    for name in ["first", "second", "third"] {
        match queue.try_put(&name.to_owned()) {
            Ok(()) => println!("{name}: put"),
            Err(error) => println!("{name}: {error}"),
        }
    }
    println!("got: {}", queue.get().expect("there is one"));
    // end region

    // region closed
    queue.close();
    println!(
        "put: {}",
        queue.put(&"fourth".to_owned()).expect_err("it is closed")
    );
    println!("got: {}", queue.get().expect("it was put before"));
    println!("got: {}", queue.get().expect_err("that was all"));
    // end region

    // region dead
    let (letters, post) = Queue::new().expect("descriptors are free").split();
    let child = Process::new(put_and_die, letters)
        .stderr(core_process::Stdio::null())
        .start();
    let status = child
        .expect("a process can be started")
        .wait()
        .expect("it is our child");
    println!("killed: {}", matches!(status, Status::Signaled(_)));
    println!("got: {}", post.get().expect("it was put"));
    match post.get() {
        Err(GetError::Disconnected) => println!("and nothing will come any more"),
        other => println!("{other:?}"),
    }
    // end region
}
