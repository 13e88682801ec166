//! What a peer that does not keep to the protocol gets out of us: an error, and the next message is received.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use core_process::packet::PacketSocket;
use core_process::{Fd, codec};
use ipc::{Receiver, RecvError};

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A peer that does not keep to the protocol, and our end.
fn hostile<T>() -> (PacketSocket, Receiver<T>) {
    let (ours, theirs) = PacketSocket::pair().unwrap();
    let sent = codec::encode(&(0_u64, ours)).unwrap();
    (theirs, codec::decode(&sent.bytes, sent.descriptors).unwrap())
}

fn head(len: u64, place: u8, descriptors: u32) -> [u8; 24] {
    let mut head = [0; 24];
    head[..4].copy_from_slice(b"ipc1");
    head[5] = place;
    head[8..16].copy_from_slice(&len.to_le_bytes());
    head[16..20].copy_from_slice(&descriptors.to_le_bytes());
    head
}

fn memfd(len: u64, seals: rustix::fs::SealFlags) -> OwnedFd {
    use rustix::fs::{MemfdFlags, fcntl_add_seals, ftruncate, memfd_create};
    let file = memfd_create("hostile", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&file, len).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    file
}

/// What looks like a piece of a pool that is lent, and is as long and as sealed as that.
fn piece(len: u64, seals: rustix::fs::SealFlags) -> OwnedFd {
    let file = memfd(len, rustix::fs::SealFlags::empty());
    rustix::io::pwrite(&file, b"corepool", 0).unwrap();
    rustix::io::pwrite(&file, &[1; 16], 8).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file
}

/// F050 and F051: lengths that lie, memory that shrinks or is not there, descriptors too many and too few, four bytes and silence.
#[test]
fn f050_f051_a_hostile_peer_gets_an_error_out_of_us_and_nothing_else() {
    use rustix::fs::SealFlags;
    let (hostile, receiver) = hostile::<Vec<u8>>();
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    let (bundle, inside) = PacketSocket::pair().unwrap();
    bundle.send(&[IoSlice::new(b"no descriptor")], &[]).unwrap();
    let mut many = head(0, 0, u32::MAX);
    many[6] = 1;
    let attacks: Vec<(Vec<u8>, Vec<OwnedFd>)> = vec![
        (b"ipc1".to_vec(), vec![]),
        (vec![0xFF; 32 << 10], vec![]),
        (vec![0; 40 << 10], vec![]),
        (head(1 << 60, 0, 0).to_vec(), vec![]),
        (head(1 << 62, 1, 0).to_vec(), vec![]),
        (head(1 << 62, 1, 0).to_vec(), vec![memfd(1 << 62, all)]),
        (
            head(1 << 20, 1, 0).to_vec(),
            vec![memfd(1 << 20, SealFlags::GROW)],
        ),
        (head(1 << 20, 1, 0).to_vec(), vec![memfd(100, all)]),
        (head(u64::MAX, 1, 0).to_vec(), vec![memfd(100, all)]),
        // Pieces of a pool: none, of nothing, not of a pool, not sealed, and shorter than they claim.
        (head(1 << 20, 2, 0).to_vec(), vec![]),
        (head(1 << 20, 2, 0).to_vec(), vec![memfd(0, all)]),
        (head(1 << 20, 2, 0).to_vec(), vec![memfd(1 << 20, all)]),
        (
            head(1 << 20, 2, 0).to_vec(),
            vec![piece(1 << 20, SealFlags::empty())],
        ),
        (
            head(1 << 20, 2, 0).to_vec(),
            vec![piece(1 << 20, SealFlags::SHRINK)],
        ),
        (
            head(1 << 20, 2, 0).to_vec(),
            vec![piece(1 << 10, SealFlags::SHRINK | SealFlags::GROW)],
        ),
        (
            head(u64::MAX, 2, 0).to_vec(),
            vec![piece(4096, SealFlags::SHRINK | SealFlags::GROW)],
        ),
        (head(0, 0, 3).to_vec(), vec![memfd(1, all)]),
        (head(0, 0, 0).to_vec(), vec![memfd(1, all)]),
        (many.to_vec(), vec![inside.into()]),
        // A list that claims 2^62 elements.
        (
            [
                &head(9, 0, 0)[..],
                &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F],
            ]
            .concat(),
            vec![],
        ),
    ];
    for (at, (bytes, descriptors)) in attacks.into_iter().enumerate() {
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        hostile.send(&[IoSlice::new(&bytes)], &borrowed).unwrap();
        drop(borrowed);
        drop(descriptors);
        let error = receiver.recv_timeout(WATCHDOG).unwrap_err();
        assert!(
            matches!(
                error,
                RecvError::Malformed(_) | RecvError::Decode(_) | RecvError::Os(_)
            ),
            "attack {at}: {error:?}"
        );
    }
    // Four bytes and silence: the deadline holds, since no part of a message was ever taken for one.
    assert!(matches!(
        receiver.recv_timeout(Duration::from_millis(10)),
        Err(RecvError::TimedOut)
    ));
    hostile
        .send(&[IoSlice::new(&head(3, 0, 0)), IoSlice::new(&[2, 7, 8])], &[])
        .unwrap();
    assert_eq!(receiver.recv_timeout(WATCHDOG).unwrap(), [7, 8]);
}

#[test]
fn k06_a_message_that_is_cut_short_is_an_error_and_the_next_one_is_received() {
    let (hostile, receiver) = hostile::<u64>();
    hostile.send(&[IoSlice::new(b"ipc1\0\0\0\0\x08")], &[]).unwrap();
    assert!(matches!(
        receiver.recv_timeout(WATCHDOG),
        Err(RecvError::Malformed(_))
    ));
    hostile
        .send(&[IoSlice::new(&head(1, 0, 0)), IoSlice::new(&[9])], &[])
        .unwrap();
    assert_eq!(receiver.recv_timeout(WATCHDOG).unwrap(), 9);
}

#[test]
fn k28_a_descriptor_of_another_kind_is_no_end() {
    let (stream, _peer) = UnixStream::pair().unwrap();
    for other in [OwnedFd::from(stream), File::open("/dev/null").unwrap().into()] {
        let sent = codec::encode(&(7_u64, Fd::from(other))).unwrap();
        let error = codec::decode::<Receiver<u8>>(&sent.bytes, sent.descriptors).unwrap_err();
        assert!(error.to_string().contains("no end of a pair"), "{error}");
    }
}
