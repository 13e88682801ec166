//! `pipe` and `duplex` between real processes: CPython's rows, and what CPython loses, tears or hangs on.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{Fd, Process, Status, StopSource, Until, WaitError, wait_any};
use ipc::{Connection, Receiver, RecvError, SendError, Sender, duplex, pipe};
use serde::{Deserialize, Serialize, Serializer};
use sync::Lock;

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at / 7) as u8 ^ seed).collect()
}

fn double(numbers: Connection<u64, u64>) {
    while let Ok(number) = numbers.recv() {
        numbers.send(&(number * 2)).unwrap();
    }
}

#[test]
fn k01_both_ends_of_a_duplex_pipe_send_and_receive() {
    let (ours, theirs) = duplex::<u64, u64>().unwrap();
    let child = Process::new(double, theirs).start().unwrap();
    for number in [0, 1, 1 << 40] {
        ours.send(&number).unwrap();
        assert_eq!(ours.recv_timeout(WATCHDOG).unwrap(), number * 2);
    }
    drop(ours);
    child.join().unwrap();
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Letter {
    Empty,
    Text { from: String, pages: Vec<Vec<u8>> },
}

#[test]
fn k03_messages_keep_their_boundaries_at_every_size() {
    let (sender, receiver) = pipe().unwrap();
    for len in [0, 1, 100, (32 << 10) - 20, 32 << 10, (32 << 10) + 1, 1 << 20] {
        let letters = [
            Letter::Empty,
            Letter::Text {
                from: "щ".into(),
                pages: vec![vec![], pattern(len, 3)],
            },
        ];
        letters.iter().for_each(|letter| sender.send(letter).unwrap());
        for letter in &letters {
            assert!(receiver.recv_timeout(WATCHDOG).unwrap() == *letter, "{len} bytes");
        }
    }
    assert!(matches!(receiver.try_recv(), Err(RecvError::WouldBlock)));
}

fn send_and_end(sender: Sender<u32>) {
    for number in 0..3 {
        sender.send(&number).unwrap();
    }
}

#[test]
fn k04_the_end_comes_after_the_last_copy_of_the_last_sender_and_after_what_was_sent() {
    let (sender, receiver) = pipe::<u32>().unwrap();
    let copy = sender.clone();
    let child = Process::new(send_and_end, sender).start().unwrap();
    child.join().unwrap();
    assert_eq!(receiver.recv().unwrap(), 0);
    assert_eq!(receiver.recv().unwrap(), 1);
    assert_eq!(receiver.recv().unwrap(), 2);
    // A copy is left: no end, but silence.
    assert!(matches!(
        receiver.recv_timeout(Duration::from_millis(5)),
        Err(RecvError::TimedOut)
    ));
    drop(copy);
    for _ in 0..2 {
        let error = receiver.recv().unwrap_err();
        assert!(matches!(error, RecvError::Disconnected));
        assert!(
            error.to_string().starts_with("the last sender is gone"),
            "{error}"
        );
    }
}

#[test]
fn k04_a_sender_that_is_on_its_way_in_a_message_is_not_gone() {
    let (sender, receiver) = pipe::<u32>().unwrap();
    let (carrier, carried) = pipe::<Sender<u32>>().unwrap();
    carrier.send(&sender).unwrap();
    drop(sender);
    assert!(matches!(receiver.try_recv(), Err(RecvError::WouldBlock)));
    drop((carrier, carried)); // the message is lost, and the sender in it
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
}

#[test]
fn k05_sending_to_nobody_is_an_error_and_no_signal() {
    let (sender, receiver) = pipe::<u32>().unwrap();
    sender.send(&1).unwrap();
    drop(receiver);
    for _ in 0..3 {
        assert!(matches!(sender.send(&2), Err(SendError::Disconnected)));
        assert!(matches!(sender.try_send(&2), Err(SendError::Disconnected)));
    }
    // Large ones, too, and a sender that waits for room.
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    while sender.try_send(&pattern(30_000, 0)).is_ok() {}
    thread::scope(|scope| {
        let waiting = scope.spawn(|| sender.send(&pattern(1 << 20, 0)));
        drop(receiver);
        assert!(matches!(waiting.join().unwrap(), Err(SendError::Disconnected)));
    });
}

#[test]
fn k07_poll_tells_of_a_message_and_of_the_end() {
    let (sender, receiver) = pipe::<u32>().unwrap();
    assert!(!receiver.poll());
    assert!(matches!(
        receiver.poll_timeout(Duration::from_millis(2)),
        Err(WaitError::TimedOut)
    ));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(
        receiver.poll_until(&source.token()),
        Err(WaitError::Stopped)
    ));
    sender.send(&1).unwrap();
    assert!(receiver.poll());
    receiver.poll_until(Until::forever()).unwrap();
    assert_eq!(receiver.recv().unwrap(), 1);
    drop(sender);
    assert!(receiver.poll());
    assert!(matches!(receiver.try_recv(), Err(RecvError::Disconnected)));
}

#[test]
fn k09_bytes_are_received_as_they_were_sent_and_are_no_values() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let bytes = pattern(100_000, 1);
    for part in [&bytes[..], &bytes[50..60], &bytes[99_999..]] {
        sender.send_bytes(part).unwrap();
        assert!(receiver.recv_bytes().unwrap() == part);
    }
    sender.send_bytes(b"bytes").unwrap();
    assert!(matches!(receiver.recv(), Err(RecvError::OtherContent)));
    sender.send(&vec![1]).unwrap();
    assert!(matches!(receiver.recv_bytes(), Err(RecvError::OtherContent)));
    assert!(matches!(receiver.try_recv_bytes(), Err(RecvError::WouldBlock)));
    sender.try_send_bytes(b"1").unwrap();
    sender.send_bytes_timeout(b"2", WATCHDOG).unwrap();
    assert_eq!(receiver.try_recv_bytes().unwrap(), b"1");
    assert_eq!(receiver.recv_bytes_timeout(WATCHDOG).unwrap(), b"2");
    assert!(matches!(
        receiver.recv_bytes_timeout(Duration::ZERO),
        Err(RecvError::TimedOut)
    ));
}

#[test]
fn k10_an_empty_message_is_a_message_and_not_the_end() {
    let (sender, receiver) = pipe::<()>().unwrap();
    sender.send_bytes(&[]).unwrap();
    sender.send(&()).unwrap();
    drop(sender);
    assert_eq!(receiver.recv_bytes().unwrap(), b"");
    receiver.recv().unwrap();
    assert!(matches!(receiver.recv_bytes(), Err(RecvError::Disconnected)));
}

#[test]
fn k11_a_message_longer_than_allowed_is_an_error_and_costs_nothing() {
    let (sender, receiver) = pipe::<()>().unwrap();
    for len in [11, 1 << 20] {
        sender.send_bytes(&pattern(len, 0)).unwrap();
        sender.send_bytes(&pattern(10, 0)).unwrap();
        match receiver.recv_bytes_at_most(10) {
            Err(RecvError::TooLong { len: said, most: 10 }) => assert_eq!(said, len as u64),
            other => panic!("{other:?}"),
        }
        // Unlike in CPython the end can still be used.
        assert_eq!(receiver.recv_bytes_at_most(10).unwrap(), pattern(10, 0));
    }
}

#[test]
fn k12_a_buffer_too_short_gives_the_whole_message() {
    let (sender, receiver) = pipe::<()>().unwrap();
    sender.send_bytes(b"12345").unwrap();
    sender.send_bytes(b"123456").unwrap();
    let mut buffer = *b"......";
    assert_eq!(receiver.recv_bytes_into(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer, b"12345.");
    match receiver.recv_bytes_into(&mut buffer[..5]) {
        Err(RecvError::BufferTooShort(message)) => assert_eq!(message, b"123456"),
        other => panic!("{other:?}"),
    }
}

fn receive_all(receiver: Receiver<Vec<u8>>) -> usize {
    receiver.iter().map(|message| message.unwrap().len()).sum()
}

#[test]
fn k13_a_sender_waits_for_room_until_the_reader_takes() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let message = pattern(30_000, 0);
    let mut sent = 0;
    while sender.try_send(&message).is_ok() {
        sent += message.len();
    }
    assert!(matches!(sender.try_send(&message), Err(SendError::WouldBlock)));
    let begin = Instant::now();
    let late = sender.send_timeout(&message, Duration::from_millis(20));
    assert!(matches!(late, Err(SendError::TimedOut)));
    assert!(begin.elapsed() >= Duration::from_millis(20));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(
        sender.send_until(&message, &source.token()),
        Err(SendError::Stopped)
    ));
    let child = Process::new(receive_all, receiver).start().unwrap();
    sender.send(&message).unwrap();
    sent += message.len();
    drop(sender);
    assert_eq!(child.join().unwrap(), sent);
}

#[test]
#[ignore = "takes 6 GiB of memory"]
fn k14_a_message_of_more_than_2_gib() {
    let (sender, receiver) = pipe::<()>().unwrap();
    let len = (2 << 30) + 11;
    let mut bytes = vec![0; len];
    bytes[len - 1] = 7;
    sender.send_bytes(&bytes).unwrap();
    drop(bytes);
    let bytes = receiver.recv_bytes().unwrap();
    assert_eq!((bytes.len(), bytes[len - 1]), (len, 7));
}

fn send_blocks(seed: u8, sender: Sender<Vec<u8>>) {
    for len in [1 << 20, 3, 40_000, 1 << 20, 0] {
        sender.send(&pattern(len, seed)).unwrap();
    }
}

/// F049: in CPython the messages are torn.
#[test]
fn k15_f049_many_processes_may_send_and_receive_on_copies_of_one_end() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let recipes = (0..4_u8).map(|seed| Process::new(send_blocks, (seed, sender.clone())));
    let children: Vec<_> = recipes.map(|recipe| recipe.start().unwrap()).collect();
    drop(sender);
    let mut lens = thread::scope(|scope| {
        let takers = [(); 2].map(|()| {
            scope.spawn(|| {
                let whole = |message: Vec<u8>| {
                    let seed = message.first().copied().unwrap_or(0);
                    assert!(message == pattern(message.len(), seed), "a torn message");
                    message.len()
                };
                receiver
                    .iter()
                    .map(|message| whole(message.unwrap()))
                    .collect::<Vec<_>>()
            })
        });
        takers.map(|taker| taker.join().unwrap()).concat()
    });
    lens.sort_unstable();
    let mut expected = [1 << 20, 3, 40_000, 1 << 20, 0].repeat(4);
    expected.sort_unstable();
    assert_eq!(lens, expected);
    children.iter().for_each(|child| child.join().unwrap());
}

#[test]
fn k16_an_end_is_closed_with_its_scope_also_by_panic() {
    let (sender, receiver) = pipe::<u8>().unwrap();
    let panicked = thread::spawn(move || {
        sender.send(&1).unwrap();
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(panicked.join().is_err());
    assert_eq!(receiver.recv().unwrap(), 1);
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
}

#[derive(Serialize, Deserialize)]
struct Toolbox {
    answers: Sender<String>,
    jobs: Receiver<u32>,
    log: Fd<File>,
    lock: Lock,
    board: Segment,
}

fn use_tools(boxes: Receiver<Toolbox>) {
    let mut tools = boxes.recv().unwrap();
    while let Ok(job) = tools.jobs.recv() {
        let _guard = tools.lock.lock().unwrap();
        tools.log.write_all(b"x").unwrap();
        tools.board.write_bytes(job as usize, b"!");
        tools.answers.send(&format!("job {job}")).unwrap();
    }
}

#[test]
fn k17_ends_files_locks_and_segments_are_parts_of_messages() {
    let (boxes, for_child) = pipe::<Toolbox>().unwrap();
    let child = Process::new(use_tools, for_child).start().unwrap();
    let (answers, answered) = pipe().unwrap();
    let (give, jobs) = pipe().unwrap();
    let memfd = rustix::fs::memfd_create("k17", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut log = File::from(memfd);
    let board = Segment::create("k17", 8).unwrap();
    let tools = Toolbox {
        answers,
        jobs,
        log: Fd::from(log.try_clone().unwrap()),
        lock: Lock::new().unwrap(),
        board: board.try_clone().unwrap(),
    };
    boxes.send(&tools).unwrap();
    let lock = tools.lock.clone();
    drop(tools);
    give.send(&3).unwrap();
    assert_eq!(answered.recv_timeout(WATCHDOG).unwrap(), "job 3");
    drop(give);
    child.join().unwrap();
    assert!(matches!(answered.recv(), Err(RecvError::Disconnected)));
    drop(lock.try_lock().unwrap());
    log.rewind().unwrap();
    let mut text = String::new();
    log.read_to_string(&mut text).unwrap();
    assert_eq!(
        (text.as_str(), &board.read_bytes(0, 8)[..]),
        ("x", &b"\0\0\0!\0\0\0\0"[..])
    );
}

#[test]
fn k18_descriptors_travel_in_any_number() {
    for count in [1, 252, 253, 254, 1000] {
        let (sender, receiver) = pipe::<Vec<Fd<File>>>().unwrap();
        let null = File::open("/dev/null").unwrap();
        let files = (0..count).map(|_| Fd::from(null.try_clone().unwrap()));
        sender.send(&files.collect()).unwrap();
        let received = receiver.recv_timeout(WATCHDOG).unwrap();
        assert_eq!(received.len(), count);
        assert!(received.iter().all(|file| file.metadata().is_ok()));
    }
}

/// Fine if it is even.
#[derive(Deserialize, Debug, PartialEq)]
struct Fussy(u32);

impl Serialize for Fussy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 2 == 1 {
            return Err(serde::ser::Error::custom("it is odd"));
        }
        serializer.serialize_newtype_struct("Fussy", &self.0)
    }
}

#[test]
fn k19_a_value_that_cannot_be_encoded_is_the_senders_error_and_changes_nothing() {
    let (sender, receiver) = pipe().unwrap();
    let error = sender.send(&Fussy(1)).unwrap_err();
    assert!(matches!(error, SendError::Encode(_)));
    assert!(error.to_string().contains("it is odd"), "{error}");
    assert!(!receiver.poll());
    sender.send(&Fussy(2)).unwrap();
    assert_eq!(receiver.recv().unwrap(), Fussy(2));
}

fn wait_for_word(words: Receiver<String>) -> i32 {
    words.recv().map_or(1, |_| 0)
}

#[test]
fn k26_connections_children_and_any_descriptor_are_waited_for_together() {
    let (sender, receiver) = pipe::<u8>().unwrap();
    let (quiet, other_end) = duplex::<u8, u8>().unwrap();
    let (word, words) = pipe::<String>().unwrap();
    let child = Process::new(wait_for_word, words).start().unwrap();
    let (stream, mut peer) = UnixStream::pair().unwrap();
    let all: [&dyn AsFd; 4] = [&receiver, &quiet, &*child, &stream];
    assert!(matches!(
        wait_any(&all, Duration::from_millis(2)),
        Err(WaitError::TimedOut)
    ));
    sender.send(&1).unwrap();
    assert_eq!(wait_any(&all, WATCHDOG).unwrap(), [0]);
    peer.write_all(b"x").unwrap();
    drop(other_end);
    assert_eq!(wait_any(&all, WATCHDOG).unwrap(), [0, 1, 3]);
    word.send(&"go".to_owned()).unwrap();
    assert_eq!(wait_any(&all[2..3], WATCHDOG).unwrap(), [0]);
    assert_eq!(child.join().unwrap(), 0);
}

fn say_and_wait(sender: Sender<u32>, never: Receiver<()>) {
    sender.send(&1).unwrap();
    let _ = never.recv();
}

/// The kernel closes the ends of a killed process: nobody waits for it.
#[test]
fn a05_a_killed_peer_is_the_end_for_the_others() {
    let (sender, receiver) = pipe().unwrap();
    let (hold, never) = pipe().unwrap();
    let recipe = Process::new(say_and_wait, (sender, never));
    let child = recipe.start().unwrap();
    drop(recipe);
    assert_eq!(receiver.recv().unwrap(), 1);
    child.kill().unwrap();
    assert!(matches!(child.wait().unwrap(), Status::Signaled(_)));
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
    assert!(matches!(hold.send(&()), Err(SendError::Disconnected)));
}
