//! What each way home costs that a value can take from a child to its parent: the figures of the table in lesson 3.1.
//!
//! `cargo run --release -p ipc --example ways_home`. For each way and each size the time per value, the best of some rounds, and its
//! ratio to the fastest. Where a way needs a process for each value, its start is counted; elsewhere one process gives many values.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a small program, whose output is what it is for"
)]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use core_process::Process;
use core_process::shm::Segment;
use ipc::{Producer, Queue, Sender, Value, pipe};
use serde::{Deserialize, Serialize};

/// Short ones, so that a busy machine leaves some of them alone.
const ROUNDS: usize = 40;
const LARGE: usize = 1 << 20;

/// A way, and how long a value takes by it; `None` where it cannot go.
type Row = (&'static str, Option<Duration>, Option<Duration>);

fn main() {
    core_process::init();
    let rows: [Row; 7] = [
        ("exit code", Some(best(|| by_exit_code(10))), None),
        (
            "return value",
            Some(best(|| by_return(10, 8))),
            Some(best(|| by_return(4, LARGE))),
        ),
        (
            "pipe, `send`",
            Some(best(|| by_pipe(As::Value, 1000, 8))),
            Some(best(|| by_pipe(As::Value, 4, LARGE))),
        ),
        (
            "pipe, `send_bytes`",
            Some(best(|| by_pipe(As::Bytes, 1000, 8))),
            Some(best(|| by_pipe(As::Bytes, 4, LARGE))),
        ),
        (
            "queue",
            Some(best(|| by_queue(10_000, 8))),
            Some(best(|| by_queue(4, LARGE))),
        ),
        (
            "shared memory",
            Some(best(|| by_value(10_000))),
            Some(best(|| by_segment(10))),
        ),
        (
            "file",
            Some(best(|| by_file(20, 8))),
            Some(best(|| by_file(4, LARGE))),
        ),
    ];
    let fastest =
        |of: fn(&Row) -> Option<Duration>| rows.iter().filter_map(of).min().unwrap_or(Duration::MAX);
    let (small, large) = (fastest(|row| row.1), fastest(|row| row.2));
    println!("| way | 8 bytes | ratio | 1 MiB | ratio |");
    println!("| --- | --- | --- | --- | --- |");
    for (way, eight, mebi) in rows {
        println!("| {way} | {} | {} |", shown(eight, small), shown(mebi, large));
    }
}

/// `0.15 us | 1.0`.
fn shown(time: Option<Duration>, fastest: Duration) -> String {
    time.map_or_else(
        || "- | -".to_owned(),
        |time| {
            let ratio = time.as_secs_f64() / fastest.as_secs_f64();
            format!("{:.2} us | {ratio:.1}", time.as_secs_f64() * 1e6)
        },
    )
}

fn best(round: impl FnMut() -> Duration) -> Duration {
    std::iter::repeat_with(round).take(ROUNDS).min().unwrap()
}

fn leave(code: i32) {
    core_process::exit(code)
}

fn by_exit_code(count: u32) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        Process::new(leave, 7).start().unwrap().wait().unwrap();
    }
    begin.elapsed() / count
}

fn bytes(len: usize) -> Vec<u8> {
    vec![7; len]
}

fn by_return(count: u32, len: usize) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        assert_eq!(
            Process::new(bytes, len).start().unwrap().join().unwrap().len(),
            len
        );
    }
    begin.elapsed() / count
}

/// How a pipe is told to take bytes.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum As {
    /// As a value of type `Vec<u8>`, which is encoded.
    Value,
    /// As they are.
    Bytes,
}

fn send(count: u32, len: usize, how: As, sender: Sender<Vec<u8>>) {
    let value = bytes(len);
    for _ in 0..=count {
        match how {
            As::Value => sender.send(&value).unwrap(),
            As::Bytes => sender.send_bytes(&value).unwrap(),
        }
    }
}

/// The first value says that the process is there.
fn by_pipe(how: As, count: u32, len: usize) -> Duration {
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(send, (count, len, how, sender)).start().unwrap();
    let take = || match how {
        As::Value => receiver.recv().unwrap(),
        As::Bytes => receiver.recv_bytes().unwrap(),
    };
    take();
    let begin = Instant::now();
    for _ in 0..count {
        assert_eq!(take().len(), len);
    }
    let time = begin.elapsed() / count;
    child.join().unwrap();
    time
}

fn put(count: u32, len: usize, producer: Producer<Vec<u8>>) {
    let value = bytes(len);
    for _ in 0..=count {
        producer.put(&value).unwrap();
    }
}

fn by_queue(count: u32, len: usize) -> Duration {
    let (producer, consumer) = Queue::bounded(1024).unwrap().split();
    let child = Process::new(put, (count, len, producer)).start().unwrap();
    consumer.get().unwrap();
    let begin = Instant::now();
    assert_eq!(consumer.iter().map(Result::unwrap).count(), count as usize);
    let time = begin.elapsed() / count;
    child.join().unwrap();
    time
}

fn set(count: u32, cell: Value<u64>) -> Duration {
    let begin = Instant::now();
    for number in 0..u64::from(count) {
        cell.set(number).unwrap();
    }
    begin.elapsed()
}

/// One `set` there and one `get` here, which do not meet.
fn by_value(count: u32) -> Duration {
    let cell = Value::new(0).unwrap();
    let there = Process::new(set, (count, cell.clone()))
        .start()
        .unwrap()
        .join()
        .unwrap();
    let begin = Instant::now();
    let sum: u64 = (0..count).map(|_| cell.get().unwrap()).sum();
    assert_eq!(sum, u64::from(count) * u64::from(count - 1));
    (there + begin.elapsed()) / count
}

fn write_memory(count: u32, memory: Segment) -> Duration {
    let value = bytes(LARGE);
    let begin = Instant::now();
    for _ in 0..count {
        memory.write_bytes(0, &value);
    }
    begin.elapsed()
}

/// One copy in there and one copy out here.
fn by_segment(count: u32) -> Duration {
    let memory = Segment::create("ways-home", LARGE).unwrap();
    let theirs = memory.try_clone().unwrap();
    let child = Process::new(write_memory, (count, theirs)).start().unwrap();
    let there = child.join().unwrap();
    let begin = Instant::now();
    for _ in 0..count {
        assert_eq!(memory.read_bytes(0, LARGE).len(), LARGE);
    }
    (there + begin.elapsed()) / count
}

fn write_files(count: u32, len: usize, folder: PathBuf) -> Duration {
    let value = bytes(len);
    let begin = Instant::now();
    for number in 0..count {
        // Under another name until it is whole.
        let unfinished = folder.join("unfinished");
        fs::write(&unfinished, &value).unwrap();
        fs::rename(unfinished, folder.join(number.to_string())).unwrap();
    }
    begin.elapsed()
}

fn by_file(count: u32, len: usize) -> Duration {
    let folder = std::env::temp_dir().join(format!("ways-home-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let child = Process::new(write_files, (count, len, folder.clone()));
    let there = child.start().unwrap().join().unwrap();
    let begin = Instant::now();
    for number in 0..count {
        let file = folder.join(number.to_string());
        assert_eq!(fs::read(&file).unwrap().len(), len);
        fs::remove_file(file).unwrap();
    }
    let time = (there + begin.elapsed()) / count;
    fs::remove_dir(folder).unwrap();
    time
}
