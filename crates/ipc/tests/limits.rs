//! At the limits of a process: each is an error that says which, and what was begun is undone. Each case runs in a process of
//! its own, since a limit is a process's.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs::File;
use std::os::fd::AsRawFd;

use core_process::{Fd, Process};
use ipc::{RecvError, SendError, pipe};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

core_process::divert_before_main!();

/// Leaves `free` numbers free; gives the limit that was there before.
fn leave_free(free: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    set(next + free);
    limit.current.unwrap()
}

fn set(current: u64) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        current: Some(current),
        maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
}

fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Runs a case in a child; fails with what the child says.
fn alone(case: core_process::Child<()>) {
    case.join().unwrap();
}

fn receive_at_the_limit() {
    let (sender, receiver) = pipe::<Vec<Fd<File>>>().unwrap();
    let files = |count: usize| -> Vec<Fd<File>> {
        (0..count)
            .map(|_| Fd::from(File::open("/dev/null").unwrap()))
            .collect()
    };
    let before = open();
    for count in [5, 300, 1] {
        sender.send(&files(count)).unwrap();
    }
    let limit = leave_free(2);
    for _ in 0..2 {
        match receiver.recv() {
            Err(RecvError::Os(error)) => {
                assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
            }
            Err(RecvError::Malformed(why)) => panic!("{why}"),
            other => panic!("{:?}", other.map(|files| files.len())),
        }
    }
    assert_eq!(receiver.recv().unwrap().len(), 1);
    set(limit);
    assert_eq!(open(), before);
}

#[test]
fn a_receiver_without_free_descriptors_is_told_and_gets_the_next_message() {
    alone(Process::new(receive_at_the_limit, ()).start().unwrap());
}

fn send_at_the_limit() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let before = open();
    let limit = leave_free(0);
    let error = sender.send(&vec![0; 1 << 20]).unwrap_err();
    match error {
        SendError::Os(error) => assert_eq!(error.raw_os_error(), Some(libc::EMFILE)),
        other => panic!("{other}"),
    }
    sender.send(&vec![7; 1000]).unwrap();
    assert_eq!(receiver.recv().unwrap(), [7; 1000]);
    set(limit);
    sender.send(&vec![1; 1 << 20]).unwrap();
    leave_free(0);
    assert!(matches!(receiver.recv(), Err(RecvError::Os(_))));
    set(limit);
    // The piece that the message was in: its sender keeps it, and its receiver never had it.
    assert_eq!(open(), before + 1);
    drop(sender);
    assert_eq!(open(), before - 1);
}

#[test]
fn a_large_message_needs_a_descriptor_and_says_so() {
    alone(Process::new(send_at_the_limit, ()).start().unwrap());
}

fn send_above_the_file_limit() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let maximum = getrlimit(Resource::Fsize).maximum;
    let small = Rlimit {
        current: Some(100_000),
        maximum,
    };
    setrlimit(Resource::Fsize, small).unwrap();
    match sender.send(&vec![0; 1 << 20]).unwrap_err() {
        SendError::Os(error) => assert_eq!(error.raw_os_error(), Some(libc::EFBIG)),
        other => panic!("{other}"),
    }
    sender.send(&vec![0; 90_000]).unwrap();
    assert_eq!(receiver.recv().unwrap().len(), 90_000);
}

#[test]
fn a_message_above_the_limit_of_files_is_an_error_and_no_signal() {
    alone(Process::new(send_above_the_file_limit, ()).start().unwrap());
}
