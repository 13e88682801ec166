//! Messages whose descriptors are not what they should be: too many, too few, of another kind, memory that is not sealed, too short
//! or too long, handles of queues that are none.
//!
//! The input is a head (content and place, carriage, length, number), one byte for each descriptor, and the bytes of the value.

use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;

use core_process::Fd;
use core_process::packet::PacketSocket;
use core_process::shm::Segment;
use ipc::{Connection, JoinableQueue, Queue, RecvError, Sender, Value};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use serde::{Deserialize, Serialize};
use sync::Lock;

use super::frame::receiver;
use super::{Bytes, head};

/// Everything that is made of descriptors.
#[derive(Debug, Serialize, Deserialize)]
enum Handle {
    File(Fd<File>),
    Segment(Segment),
    Sender(Sender<u8>),
    Connection(Connection<u8>),
    Queue(Queue<u64>),
    Joinable(JoinableQueue<u64>),
    Lock(Lock),
    Value(Value<u64>),
    Nothing,
}

/// Sends one message to a receiver, and then one that must be received.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::of(input);
    let (places, carriage) = (bytes.byte(), bytes.byte());
    let len = match bytes.byte() {
        0 => None,
        1 => Some(bytes.word()),
        shift => Some(1_u64 << (shift % 64)),
    };
    let said = match bytes.byte() {
        0 => None,
        255 => Some(u32::MAX),
        count => Some(u32::from(count) - 1),
    };
    let count = usize::from(bytes.byte() % 16);
    let descriptors: Vec<OwnedFd> = (0..count).map(|_| descriptor(bytes.byte(), &mut bytes)).collect();
    let inline = bytes.rest();
    let place = places >> 1 & 1;
    let head = head(
        places & 1,
        place,
        carriage & 1,
        len.unwrap_or(inline.len() as u64),
        said.unwrap_or(count as u32),
    );
    let (hostile, receiver) = receiver::<Vec<Handle>>();
    let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
    let inline = if place == 1 && carriage & 2 == 0 {
        &[]
    } else {
        inline
    };
    if hostile
        .try_send(&[IoSlice::new(&head), IoSlice::new(inline)], &borrowed)
        .is_ok()
    {
        match receiver.try_recv() {
            Ok(handles) => drop(format!("{handles:?}")),
            Err(RecvError::WouldBlock | RecvError::Disconnected) => panic!("a message was sent"),
            Err(_) => {}
        }
    }
    let good = super::head(0, 0, 0, 2, 0);
    // A list of one element, the last variant.
    hostile
        .try_send(&[IoSlice::new(&good), IoSlice::new(&[1, 8])], &[])
        .expect("there is room");
    let next = receiver.try_recv().expect("the next message is received");
    assert!(matches!(next[..], [Handle::Nothing]));
}

fn descriptor(kind: u8, bytes: &mut Bytes<'_>) -> OwnedFd {
    const FROM_OUTSIDE: &str = "the process has descriptors free";
    match kind % 10 {
        0 => File::open("/dev/null").expect(FROM_OUTSIDE).into(),
        1 => UnixStream::pair().expect(FROM_OUTSIDE).0.into(),
        2 => PacketSocket::pair().expect(FROM_OUTSIDE).0.into(),
        3 => {
            // The descriptors of a message that carries many in a socket of their own.
            let (inside, outside) = PacketSocket::pair().expect(FROM_OUTSIDE);
            let null = File::open("/dev/null").expect(FROM_OUTSIDE);
            for _ in 0..bytes.byte() % 4 {
                let some = vec![null.as_fd(); usize::from(bytes.byte() % 8)];
                inside
                    .try_send(&[IoSlice::new(&[0])], &some)
                    .expect("there is room");
            }
            outside.into()
        }
        4 => std::io::pipe().expect(FROM_OUTSIDE).0.into(),
        5 => core_process::codec::encode(&Queue::<u64>::new().expect(FROM_OUTSIDE))
            .expect("a queue can be encoded")
            .descriptors
            .swap_remove(usize::from(bytes.byte()) % 3),
        _ => {
            let file =
                memfd_create("hostile", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect(FROM_OUTSIDE);
            let len = 1_u64 << (bytes.byte() % 63);
            let len = if kind % 10 == 6 { 4096 } else { len };
            if ftruncate(&file, len).is_ok() {
                let file = File::from(file.try_clone().expect(FROM_OUTSIDE));
                let _ = file.write_at(bytes.block(64), 0);
            }
            let seals = SealFlags::from_bits_truncate(u32::from(bytes.byte() & 0x1F));
            let _ = fcntl_add_seals(&file, seals);
            file
        }
    }
}
