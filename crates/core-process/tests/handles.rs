//! Values that are more than bytes, as arguments and results of real processes: files, memory, stop tokens.
//!
//! One test for each kind, by both start methods that carry arguments. This file does not know how they travel.
#![expect(
    clippy::unwrap_used,
    reason = "what a child of a test runs is a part of the test"
)]

core_process::divert_before_main!();

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use core_process::shm::Segment;
use core_process::{ChildError, Fd, Process, StartMethod, StopSource, StopToken, WaitError, wait_any};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const METHODS: [StartMethod; 2] = [StartMethod::Spawn, StartMethod::ForkServer];

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn add_to(segment: Segment, times: u64) -> Segment {
    for _ in 0..times {
        segment.atomic_u64(8).fetch_add(1, Ordering::Relaxed);
    }
    segment
}

#[test]
fn a_segment_is_shared_by_all_that_get_it_and_comes_back_as_a_result() {
    for method in METHODS {
        let ours = Segment::create("handles-segment", 4096).unwrap();
        let children = [(); 3].map(|()| {
            Process::new(add_to, (ours.try_clone().unwrap(), 5000u64))
                .method(method)
                .start()
                .unwrap()
        });
        let back = children.map(|child| child.join_timeout(WATCHDOG).unwrap());
        assert_eq!(ours.atomic_u64(8).load(Ordering::Relaxed), 15_000, "{method}");
        back[2].write_bytes(100, b"the same memory");
        assert_eq!(ours.read_bytes(100, 15), b"the same memory", "{method}");
    }
}

fn append(mut file: Fd<File>, text: String) -> (Fd<File>, Fd<OwnedFd>) {
    file.write_all(text.as_bytes()).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    (&ours).write_all(b"from the child").unwrap();
    (file, Fd::from(OwnedFd::from(theirs)))
}

#[test]
fn files_and_sockets_go_there_and_come_back() {
    for method in METHODS {
        let file = memfd_create("handles-file", MemfdFlags::CLOEXEC).unwrap();
        let mut ours = File::from(file.try_clone().unwrap());
        let arguments = (Fd::from(File::from(file)), "written there".to_owned());
        let child = Process::new(append, arguments).method(method).start().unwrap();
        let (_file, socket) = child.join_timeout(WATCHDOG).unwrap();

        let mut text = String::new();
        ours.rewind().unwrap();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "written there", "{method}");
        text.clear();
        UnixStream::from(socket.into_inner())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "from the child", "{method}");
    }
}

fn wait_for_the_stop(token: StopToken, mut ready: Fd<UnixStream>) -> bool {
    let (silent, _peer) = UnixStream::pair().unwrap();
    ready.write_all(b"!").unwrap();
    matches!(wait_any(&[silent], (&token, WATCHDOG)), Err(WaitError::Stopped)) && token.is_stopped()
}

#[test]
fn a_stop_reaches_waits_in_other_processes() {
    for method in METHODS {
        let source = StopSource::new().unwrap();
        let (mut ready, theirs) = UnixStream::pair().unwrap();
        let arguments = (source.token(), Fd::from(theirs));
        let child = Process::new(wait_for_the_stop, arguments)
            .method(method)
            .start()
            .unwrap();
        // The child is at its wait, or one instruction before it; a stop that came first counts too.
        ready.read_exact(&mut [0]).unwrap();
        source.stop();
        assert!(child.join_timeout(WATCHDOG).unwrap(), "{method}");
    }
}

fn stop(source: StopSource) {
    source.stop();
}

#[test]
fn a_child_can_stop_its_parent() {
    for method in METHODS {
        let source = StopSource::new().unwrap();
        let (silent, _peer) = UnixStream::pair().unwrap();
        let child = Process::new(stop, source.clone()).method(method).start().unwrap();
        let waited = wait_any(&[silent], (&source.token(), WATCHDOG));
        assert!(matches!(waited, Err(WaitError::Stopped)), "{method}");
        child.join_timeout(WATCHDOG).unwrap();
    }
}

#[test]
fn wait_any_sees_the_end_of_children() {
    for method in METHODS {
        let (hold, held) = UnixStream::pair().unwrap();
        let until_released = |mut held: Fd<UnixStream>| {
            let _ = held.read(&mut [0]);
        };
        let slow = Process::new(until_released, Fd::from(held))
            .method(method)
            .start()
            .unwrap();
        let quick = Process::new(|| (), ()).method(method).start().unwrap();
        let handles = [slow.pid(), quick.pid()];
        assert_eq!(
            wait_any(&[&slow, &quick], WATCHDOG).unwrap(),
            [1],
            "{method} {handles:?}"
        );
        drop(hold);
        slow.join_timeout(WATCHDOG).unwrap();
        quick.join_timeout(WATCHDOG).unwrap();
        assert_eq!(
            wait_any(&[&slow, &quick], Duration::ZERO).unwrap(),
            [0, 1],
            "{method}"
        );
    }
}

#[test]
fn a_file_in_an_argument_that_cannot_be_decoded_is_closed() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Picky(#[serde(deserialize_with = "refuse")] u8);
    fn refuse<'de, D: serde::Deserializer<'de>>(_: D) -> Result<u8, D::Error> {
        Err(serde::de::Error::custom("not today"))
    }
    fn never(_file: Fd<UnixStream>, _picky: Picky) {}

    for method in METHODS {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let child = Process::new(never, (Fd::from(theirs), Picky(1)))
            .method(method)
            .start()
            .unwrap();
        match child.wait_until(WATCHDOG) {
            Ok(_) => {}
            Err(error) => panic!("{method}: {error}"),
        }
        let error = child.join().unwrap_err();
        assert!(
            matches!(&error, ChildError::Argument { message } if message.contains("not today")),
            "{method}: {error:?}"
        );
        // With the recipe gone nobody has the other end: the stream has ended.
        ours.set_read_timeout(Some(WATCHDOG)).unwrap();
        assert_eq!(ours.read(&mut [0]).unwrap(), 0, "{method}");
    }
}

#[test]
fn a_segment_above_the_file_size_limit_is_an_error_and_no_signal() {
    fn create_with_a_limit() -> (Option<i32>, bool) {
        let maximum = getrlimit(Resource::Fsize).maximum;
        setrlimit(
            Resource::Fsize,
            Rlimit {
                current: Some(65_536),
                maximum,
            },
        )
        .unwrap();
        let refused = Segment::create("handles-limit", 65_537)
            .unwrap_err()
            .raw_os_error();
        (refused, Segment::create("handles-limit", 65_536).is_ok())
    }
    let child = Process::new(create_with_a_limit, ())
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    assert_eq!(child.join_timeout(WATCHDOG), Ok((Some(libc::EFBIG), true)));
}
