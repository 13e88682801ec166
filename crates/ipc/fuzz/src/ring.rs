//! A queue whose other side writes into the shared memory whatever it likes: counts, places, lengths, the size, and the records.
//!
//! The input is a list of steps: put, get, look, write a word, write into a record, open it again as a new process would.
//! What it leaves alone are the two locks: whoever has a queue can take its locks and keep them, and a robust mutex of the C library
//! is a list of addresses that it follows. Who shares a queue, or a lock, with somebody, trusts him that far.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use core_process::codec;
use ipc::Queue;
use rustix::fs::fcntl_get_seals;

use super::Bytes;

/// The words, but for the locks.
const WORDS: &[u64] = &[
    0, 8, 16, 24, 128, 136, 144, 152, 160, 256, 264, 384, 392, 400, 408, 416, 512, 520, 528, 536, 640, 768,
    896,
];

/// More than any input needs: growth beyond it comes from a word that was believed.
const MOST_MEMORY: u64 = 64 << 20;

/// Plays the other side.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::of(input);
    let mut queue: Queue<Vec<u8>> = match bytes.byte() {
        0 => Queue::new(),
        bound => Queue::bounded(usize::from(bound)),
    }
    .expect("a queue");
    let memory = memory_of(&queue);
    let mut steps = 0;
    while !bytes.is_empty() && steps < 64 {
        steps += 1;
        match bytes.byte() % 6 {
            0 => {
                let len = usize::from(bytes.byte()) * 16;
                let _ = queue.try_put(&vec![7; len]);
            }
            1 => {
                let _ = queue.try_get();
            }
            2 => {
                let _ = (queue.qsize(), queue.is_empty(), queue.is_full());
            }
            3 => {
                let word = WORDS[usize::from(bytes.byte()) % WORDS.len()];
                let value = match bytes.byte() % 4 {
                    0 => bytes.word(),
                    1 => u64::from(bytes.byte()),
                    2 => u64::MAX - u64::from(bytes.byte()),
                    // A little more or less than what is there.
                    _ => {
                        let mut now = [0; 8];
                        let _ = memory.read_at(&mut now, word);
                        let change = i64::from(bytes.byte() as i8);
                        u64::from_le_bytes(now).wrapping_add_signed(change)
                    }
                };
                // `STEP` and `CLOSED` share eight bytes.
                let _ = memory.write_at(&value.to_le_bytes(), word);
            }
            4 => {
                let at = 4096 + u64::from(bytes.byte()) * 8;
                let len = usize::from(bytes.byte() % 16);
                let _ = memory.write_at(bytes.block(len), at);
            }
            _ => {
                let sent = codec::encode(&queue).expect("a queue can be encoded");
                if let Ok(again) = codec::decode(&sent.bytes, sent.descriptors) {
                    queue = again;
                }
            }
        }
        let size = memory.metadata().expect("it is a file").len();
        assert!(size <= MOST_MEMORY, "the memory has grown to {size}");
    }
}

/// The file of a queue's memory.
fn memory_of(queue: &Queue<Vec<u8>>) -> File {
    let sent = codec::encode(queue).expect("a queue can be encoded");
    let is_memory = |descriptor: &OwnedFd| fcntl_get_seals(descriptor.as_fd()).is_ok();
    let memory = sent.descriptors.into_iter().find(is_memory);
    memory.expect("a queue has memory").into()
}
