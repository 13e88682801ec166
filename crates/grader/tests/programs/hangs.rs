//! Programs that wait for ever, each in its own way.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, fcntl_lock, flock};

use crate::deeds::Deed;
use crate::raw;

pub(crate) const HANGS: &[(&str, Deed)] = &[
    ("cross-read", cross_read),
    ("join-before-drain", join_before_drain),
    ("own-end", own_end),
    ("lock-order", lock_order),
    ("record-lock", record_lock),
    ("mutex-order", mutex_order),
    ("cross-receive", cross_receive),
    ("poll-both", poll_both),
];

fn new_pipe() -> (PipeReader, PipeWriter) {
    pipe().expect("descriptors are left")
}

/// Each reads before it writes.
fn cross_read(_: &[String]) {
    let (mut to_child, mut from_main) = new_pipe();
    let (mut to_main, mut from_child) = new_pipe();
    if raw::fork() {
        drop((from_main, to_main));
        let _ = to_child.read(&mut [0]);
        let _ = from_child.write(&[1]);
    } else {
        drop((to_child, from_child));
        let _ = to_main.read(&mut [0]);
        let _ = from_main.write(&[1]);
    }
}

/// The parent waits for the child's end, and the child for room in the pipe that the parent should read.
fn join_before_drain(_: &[String]) {
    let (mut reader, mut writer) = new_pipe();
    let child = raw::fork_pid();
    if child == 0 {
        drop(reader);
        let _ = writer.write_all(&vec![0; 1 << 20]);
        std::process::exit(0);
    }
    drop(writer);
    raw::wait(child);
    let _ = reader.read_to_end(&mut Vec::new());
}

fn own_end(_: &[String]) {
    let (mut reader, _writer) = new_pipe();
    let _ = reader.read(&mut [0]);
}

/// Takes one lock, meets the other process, and takes the other one's.
fn in_opposite_orders(take: impl Fn(usize)) {
    let (mut to_child, mut from_main) = new_pipe();
    let (mut to_main, mut from_child) = new_pipe();
    if raw::fork() {
        take(1);
        let _ = from_child.write(&[1]);
        let _ = to_child.read(&mut [0]);
        take(0);
    } else {
        take(0);
        let _ = from_main.write(&[1]);
        let _ = to_main.read(&mut [0]);
        take(1);
    }
}

fn lock_order(_: &[String]) {
    in_opposite_orders(|which| {
        // Such a lock belongs to an open file, so each process opens its own.
        let file = File::create(["a", "b"][which]).expect("the directory is writable");
        let _ = flock(&file, FlockOperation::LockExclusive);
        // Held until the end.
        std::mem::forget(file);
    });
}

/// The parent waits for its child, and the child for a record lock of the parent.
fn record_lock(_: &[String]) {
    let file = File::create("record").expect("the directory is writable");
    fcntl_lock(&file, FlockOperation::LockExclusive).expect("nobody has it");
    let child = raw::fork_pid();
    if child == 0 {
        let _ = fcntl_lock(&file, FlockOperation::LockExclusive);
        std::process::exit(0);
    }
    raw::wait(child);
}

fn mutex_order(_: &[String]) {
    let mutexes = [raw::SharedMutex::new(), raw::SharedMutex::new()];
    in_opposite_orders(|which| mutexes[which].lock());
}

fn cross_receive(_: &[String]) {
    let (mut one, mut other) = std::os::unix::net::UnixStream::pair().expect("descriptors are left");
    if raw::fork() {
        drop(one);
        let _ = other.read(&mut [0]);
    } else {
        drop(other);
        let _ = one.read(&mut [0]);
    }
}

/// Waits for the end of its child or for a byte from it.
fn poll_both(_: &[String]) {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let (reader, writer) = new_pipe();
    let child = raw::fork_pid();
    if child == 0 {
        loop {
            raw::pause();
        }
    }
    drop(writer);
    let pidfd = pidfd_open(Pid::from_raw(child).expect("positive"), PidfdFlags::empty()).expect("it lives");
    let ends = [pidfd.as_fd(), reader.as_fd()];
    let mut both = [
        PollFd::new(&ends[0], PollFlags::IN),
        PollFd::new(&ends[1], PollFlags::IN),
    ];
    let _ = poll(&mut both, None);
}
