//! F092: descriptors, processes and memory used up. Each failure names its limit, leaves nothing, and the next start is
//! fine.

use std::fs::File;
use std::process::Stdio;

use core_process::{ChildError, Fd, Process, StartError, StartMethod};
use rustix::process::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::account::{Account, children_of};
use crate::scene::{METHODS, fill_the_table, limit, program};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f092_descriptors_used_up_at_every_point_of_a_start,
    f092_descriptors_used_up_with_stdin_closed,
    f092_descriptors_used_up_in_a_join,
    f092_processes_used_up,
    f092_memory_used_up_is_an_error_of_the_start,
    f092_memory_used_up_in_a_join,
];

pub(crate) const PROGRAMS: &[Named] = named![as_nobody, with_little_memory, with_stdin_closed];

/// Starts with a limit of one descriptor more than are open, then two, and so on until one succeeds.
fn exhaust_descriptors(method: StartMethod) {
    exhaust_for(method, || ());
    exhaust_for(method, || Fd::from(File::open("/dev/null").unwrap()));
}

fn exhaust_for<A: Serialize + DeserializeOwned>(method: StartMethod, argument: fn() -> A) {
    let recipe = Process::new(|_: A| 6, argument()).method(method);
    let (highest, _files) = fill_the_table();
    let account = Account::open();
    let mut failures = 0;
    for allowed in highest + 1..highest + 60 {
        let before = limit(Resource::Nofile, Some(allowed));
        let started = recipe.start();
        limit(Resource::Nofile, before);
        match started {
            Ok(child) => {
                assert_eq!(child.join(), Ok(6), "{method} with {allowed}");
                drop(child);
                account.settle();
                assert!(failures > 0, "{method}: no start failed");
                println!("{method}: {failures} starts failed by RLIMIT_NOFILE");
                return;
            }
            Err(StartError::Limit {
                limit: "RLIMIT_NOFILE",
                value,
            }) if value == allowed => failures += 1,
            Err(error) => panic!("{method} with {allowed}: {error:?}"),
        }
        account.settle();
        // The limit is gone, and so is the failure.
        if failures % 3 == 1 {
            let next = Process::new(|| 5, ()).method(method).start().unwrap();
            assert_eq!(next.join(), Ok(5), "{method} after {allowed}");
        }
    }
    panic!("{method}: no limit was enough");
}

fn f092_descriptors_used_up_at_every_point_of_a_start() {
    for method in METHODS {
        // Twice: with a forkserver (and a way home) that have to be made, and with those that are there.
        exhaust_descriptors(method);
        exhaust_descriptors(method);
    }
}

fn f092_descriptors_used_up_with_stdin_closed() {
    let status = program("with_stdin_closed")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// The lowest free number is 0: what is opened has to move, and that needs one more.
fn with_stdin_closed() {
    close(0);
    METHODS.into_iter().for_each(exhaust_descriptors);
}

pub(crate) fn close(number: i32) {
    #[allow(unsafe_code, reason = "closes a standard stream")]
    // SAFETY: nothing in this process owns a standard stream.
    unsafe {
        rustix::io::close(number);
    }
}

fn f092_descriptors_used_up_in_a_join() {
    let opens = |count: usize| {
        let null = |_| Fd::from(File::open("/dev/null").unwrap());
        (0..count).map(null).collect::<Vec<_>>()
    };
    for method in METHODS {
        let account = Account::open();
        let first = Process::new(opens, 20).method(method).start().unwrap();
        let second = Process::new(opens, 2).method(method).start().unwrap();
        first.wait().unwrap();
        second.wait().unwrap();
        let (highest, files) = fill_the_table();
        let before = limit(Resource::Nofile, Some(highest + 10));
        // It says which limit. What lies behind it has to wait, too.
        let failed = first.join().map(|all| all.len());
        assert!(
            matches!(&failed, Err(ChildError::Result { message }) if message.contains("RLIMIT_NOFILE")),
            "{method}: {failed:?}"
        );
        let behind = second.join().map(|all| all.len());
        assert!(
            matches!(&behind, Ok(2))
                || matches!(&behind, Err(ChildError::Result { message }) if message.contains("RLIMIT_NOFILE")),
            "{method}: {behind:?}"
        );
        limit(Resource::Nofile, before);
        // Nothing was lost by it.
        assert_eq!(second.join().map(|all| all.len()), Ok(2), "{method}");
        assert_eq!(first.join().map(|all| all.len()), Ok(20), "{method}");
        drop((first, second, files));
        account.settle();
    }
}

fn f092_processes_used_up() {
    if !rustix::process::geteuid().is_root() {
        println!(
            "not run: RLIMIT_NPROC binds other users than root, and this is not root, who could become one"
        );
        return;
    }
    let status = program("as_nobody").stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "{status}");
}

fn as_nobody() {
    let nobody = 65534;
    nix::unistd::setgid(nobody.into()).unwrap();
    nix::unistd::setuid(nobody.into()).unwrap();
    for method in METHODS {
        let mut failures = 0;
        for allowed in 1..1000 {
            let before = limit(Resource::Nproc, Some(allowed));
            let started = Process::new(|| 6, ()).method(method).start();
            limit(Resource::Nproc, before);
            match started {
                Ok(child) => {
                    assert_eq!(child.join(), Ok(6), "{method}");
                    break;
                }
                Err(StartError::Limit {
                    limit: "RLIMIT_NPROC",
                    value,
                }) => {
                    assert_eq!(value, allowed, "{method}");
                    failures += 1;
                }
                Err(error) => panic!("{method} with {allowed}: {error:?}"),
            }
            let helpers = core_process::own_processes();
            let left = children_of(std::process::id());
            assert!(
                left.iter().all(|pid| helpers.contains(pid)),
                "{method} with {allowed}: {left:?}"
            );
        }
        assert!(failures > 0, "{method}: the limit was never reached");
        let next = Process::new(|| 5, ()).method(method).start().unwrap();
        assert_eq!(next.join(), Ok(5), "{method}");
    }
}

fn f092_memory_used_up_is_an_error_of_the_start() {
    for method in METHODS {
        let status = program("with_little_memory")
            .env("METHOD", method.to_string())
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{method}: {status}");
    }
}

fn virtual_memory() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 4096
}

/// Allows a page more than there is, then two, and so on: a start fails with an error until one succeeds.
fn with_little_memory() {
    let method: StartMethod = std::env::var("METHOD").unwrap().parse().unwrap();
    let mut failures = 0;
    // What the allocator has in stock is used up, but for a cushion: pieces that are large enough for anything but the
    // stack of a new process, each fenced in by one that stays.
    let (cushion, _fences): (Vec<Vec<u8>>, Vec<Vec<u8>>) = (0..10)
        .map(|_| (Vec::with_capacity(40_000), Vec::with_capacity(4_000)))
        .unzip();
    let mut stock = Vec::with_capacity(10_000);
    limit(Resource::As, Some(virtual_memory()));
    for size in [60_000, 4_000] {
        let mut chunk = Vec::<u8>::new();
        while stock.len() < stock.capacity() && chunk.try_reserve_exact(size).is_ok() {
            stock.push(std::mem::take(&mut chunk));
        }
    }
    drop(cushion);
    for pages in std::iter::successors(Some(0_u64), |pages| Some(pages + 1 + pages / 32)) {
        let before = limit(Resource::As, Some(virtual_memory() + (pages * 4096)));
        let started = Process::new(|| 6, ()).method(method).start();
        limit(Resource::As, before);
        // The child has this limit too, and may fail by it; then it says so.
        match started.map(|child| child.join()) {
            Ok(Ok(6)) => {
                assert!(failures > 0, "{method}: the limit was never reached");
                return;
            }
            Ok(Ok(other)) => panic!("{other}"),
            Ok(Err(_)) => {}
            Err(StartError::Os { source, .. }) if source.raw_os_error() == Some(libc::ENOMEM) => {
                failures += 1
            }
            Err(StartError::ForkServer { .. }) => {}
            Err(error) => panic!("{method} with {pages} pages: {error:?}"),
        }
    }
}

fn f092_memory_used_up_in_a_join() {
    for method in METHODS {
        let child = Process::new(|| "x".repeat(64 << 20), ())
            .method(method)
            .start()
            .unwrap();
        child.wait().unwrap();
        let before = limit(Resource::As, Some(virtual_memory() + (1 << 20)));
        let failed = child.join().map(|text| text.len());
        limit(Resource::As, before);
        match failed {
            Err(ChildError::Result { message }) => assert!(message.contains("memory"), "{method}: {message}"),
            other => panic!("{method}: {other:?}"),
        }
        assert_eq!(child.join().map(|text| text.len()), Ok(64 << 20), "{method}");
    }
}
