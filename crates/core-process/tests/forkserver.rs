//! The forkserver: whose children it makes, what it loads before, and what happens when it is gone.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::io::{Read, pipe};
use std::os::unix::process::parent_id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use core_process::{
    PreloadPanic, Process, StartError, StartMethod, Stdio, StopSource, own_descriptors, own_processes,
    set_forkserver_preload, set_forkserver_preload_with,
};
use gate::{Gate, gate};
use isolated::alone;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

core_process::divert_before_main!();

/// What `target` returns in a child of the forkserver.
macro_rules! served {
    ($target:expr) => {
        Process::new($target, ())
            .method(StartMethod::ForkServer)
            .start()
            .unwrap()
            .join()
            .unwrap()
    };
}

/// On how many processors the calling thread may run.
fn affinity() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count())
        .filter(|cpu| set.is_set(*cpu).unwrap())
        .collect()
}

/// A child has the affinity of the thread that starts it, whatever the server has: the server began with another one, and while a start
/// follows the end of a child, it is called to the processor of its client.
#[test]
fn p30_a_child_of_the_forkserver_has_the_affinity_of_the_thread_that_starts_it() {
    fn set(cpus: &[usize]) {
        let mut set = CpuSet::new();
        for cpu in cpus {
            set.set(*cpu).unwrap();
        }
        sched_setaffinity(Pid::from_raw(0), &set).unwrap();
    }
    fn case() {
        let all = affinity();
        for cpu in all.iter().cycle().take(6) {
            set(&[*cpu]);
            assert_eq!(served!(affinity), [*cpu]);
            set(&all);
            for _ in 0..3 {
                assert_eq!(served!(affinity), all);
            }
            let crowd = [(); 3].map(|()| {
                Process::new(affinity, ())
                    .method(StartMethod::ForkServer)
                    .start()
                    .unwrap()
            });
            for child in crowd {
                assert_eq!(child.join().unwrap(), all);
            }
        }
    }
    alone(case, ());
}

/// The one server of this process.
fn server() -> u32 {
    let servers = own_processes();
    assert_eq!(servers.len(), 1);
    servers[0]
}

fn send(signal: Signal) {
    kill(Pid::from_raw(server() as i32), signal).unwrap();
}

#[test]
fn c09_one_server_makes_children_of_its_client() {
    fn case() {
        assert!(own_processes().is_empty());
        assert_eq!(served!(parent_id), std::process::id());
        let first = server();
        let status = std::fs::read_to_string(format!("/proc/{first}/status")).unwrap();
        assert!(status.contains("\nThreads:\t1\n"), "{status}");
        assert_eq!(served!(parent_id), std::process::id());
        assert_eq!(server(), first, "it is started once");
        // A copy of the server, not of this process.
        static MARK: AtomicU32 = AtomicU32::new(0);
        MARK.store(1, Ordering::Relaxed);
        assert_eq!(served!(|| MARK.load(Ordering::Relaxed)), 0);
        assert!(
            core_process::active_children().is_empty(),
            "it is no child of the user's"
        );
    }
    alone(case, ());
}

#[test]
fn c10_a_dead_server_is_replaced_and_harms_no_child() {
    fn behind(gate: Gate) -> u8 {
        gate.pass();
        7
    }
    fn case() {
        let (opener, gate) = gate();
        let child = Process::new(behind, gate)
            .method(StartMethod::ForkServer)
            .start()
            .unwrap();
        let first = server();
        send(Signal::SIGKILL);
        assert_eq!(served!(|| 8), 8);
        assert_ne!(server(), first);
        assert!(
            !std::fs::exists(format!("/proc/{first}")).unwrap(),
            "the dead one was reaped"
        );
        opener.open();
        assert_eq!(child.join(), Ok(7));
    }
    alone(case, ());
}

#[test]
fn c10_a_process_ends_though_one_of_its_threads_waits_for_a_stopped_server() {
    fn case() {
        assert_eq!(served!(|| 1), 1);
        send(Signal::SIGSTOP);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            tell.send(nix::unistd::gettid()).unwrap();
            let _ = Process::new(|| (), ()).method(StartMethod::ForkServer).start();
        });
        // Until it sleeps in the kernel's `poll` (its number begins the line), waiting for the answer.
        let call = format!("/proc/self/task/{}/syscall", told.recv().unwrap());
        let waits = format!("{} ", libc::SYS_ppoll);
        while !std::fs::read_to_string(&call).unwrap().starts_with(&waits) {
            std::thread::yield_now();
        }
    }
    alone(case, ());
}

/// What a start says that has a hundredth of a second and a stopped server: the error names that, nothing is left, and when the
/// server goes on there is no child that nobody asks for.
#[test]
fn c10_a_start_with_a_deadline_leaves_nothing_at_a_stopped_server() {
    /// The children of this process, whoever made them.
    fn children() -> Vec<u32> {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1));
            parent == Some(&std::process::id().to_string())
        })
        .collect()
    }
    fn case() {
        let recipe = Process::new(|| 1, ()).method(StartMethod::ForkServer);
        let second = Duration::from_secs(60);
        assert_eq!(recipe.start_timeout(second).unwrap().join(), Ok(1));
        let stopped = StopSource::new().unwrap();
        stopped.stop();
        for round in 0..4 {
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
            let first = server();
            send(Signal::SIGSTOP);
            if round % 2 == 0 {
                let error = recipe.start_timeout(Duration::from_millis(10)).unwrap_err();
                let StartError::TimedOut { waited_for } = &error else {
                    panic!("{error}")
                };
                let known = waited_for.contains(&first.to_string()) && waited_for.contains("SIGSTOP");
                assert!(known, "{error}");
            } else {
                let error = recipe.start_until(&stopped.token()).unwrap_err();
                assert!(matches!(error, StartError::Stopped), "{error}");
            }
            assert!(
                kill(Pid::from_raw(first as i32), Signal::SIGCONT).is_err(),
                "it was ended and reaped"
            );
            assert_eq!(children(), []);
            assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() <= descriptors);
            assert_eq!(recipe.start_timeout(second).unwrap().join(), Ok(1));
        }
        // A server that answers is not waited for, and neither is another method's child.
        for method in [StartMethod::ForkServer, StartMethod::Fork, StartMethod::Spawn] {
            let child = recipe
                .clone()
                .method(method)
                .start_until((&StopSource::new().unwrap().token(), second));
            assert_eq!(child.unwrap().join(), Ok(1));
        }
    }
    alone(case, ());
}

/// One that waits for another thread's start has sent no request: it goes, and leaves the server to that one.
#[test]
fn c10_a_start_with_a_deadline_does_not_wait_for_another_threads_start() {
    fn case() {
        let recipe = || Process::new(|| 1, ()).method(StartMethod::ForkServer);
        assert_eq!(served!(|| 1), 1);
        let first = server();
        send(Signal::SIGSTOP);
        let (tell, told) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            tell.send(nix::unistd::gettid()).unwrap();
            recipe().start().unwrap().join()
        });
        let call = format!("/proc/self/task/{}/syscall", told.recv().unwrap());
        let waits = format!("{} ", libc::SYS_ppoll);
        while !std::fs::read_to_string(&call).unwrap().starts_with(&waits) {
            std::thread::yield_now();
        }
        let error = recipe().start_timeout(Duration::from_millis(10)).unwrap_err();
        assert!(matches!(error, StartError::TimedOut { .. }), "{error}");
        assert!(error.to_string().contains("another thread"), "{error}");
        send(Signal::SIGCONT);
        assert_eq!(other.join().unwrap(), Ok(1));
        assert_eq!(recipe().start().unwrap().join(), Ok(1));
        assert_eq!(server(), first);
    }
    alone(case, ());
}

#[test]
fn c10_the_terminals_interrupt_does_not_end_the_server() {
    fn case() {
        assert_eq!(served!(|| 1), 1);
        let first = server();
        send(Signal::SIGINT);
        assert_eq!(served!(|| 2), 2);
        assert_eq!(server(), first);
    }
    alone(case, ());
}

static LOADED: AtomicU32 = AtomicU32::new(0);

fn load() {
    LOADED.fetch_add(std::process::id(), Ordering::Relaxed);
}

fn loaded() -> u32 {
    LOADED.load(Ordering::Relaxed)
}

#[test]
fn c11_what_the_server_loads_its_children_have() {
    fn case() {
        assert_eq!(served!(loaded), 0);
        let first = server();
        set_forkserver_preload(load);
        assert_eq!(served!(loaded), server(), "loaded by the server, once");
        assert_eq!(served!(loaded), server());
        assert_ne!(server(), first, "it took a new one");
        assert_eq!(loaded(), 0);
    }
    alone(case, ());
}

/// The stderr of a process whose forkserver panics while it loads, and what a start gave.
fn with_a_panic(on_panic: PreloadPanic) -> (Result<u32, String>, String) {
    fn load_half() {
        load();
        panic!("half is missing");
    }
    fn case(on_panic: PreloadPanic) -> Result<u32, String> {
        set_forkserver_preload_with(load_half, on_panic);
        match Process::new(loaded, ()).method(StartMethod::ForkServer).start() {
            Ok(child) => Ok(child.join().unwrap().abs_diff(server())),
            Err(error @ StartError::ForkServer { .. }) => Err(error.to_string()),
            Err(other) => panic!("{other}"),
        }
    }
    let (mut reader, writer) = pipe().unwrap();
    let recipe = Process::new(case, on_panic)
        .method(StartMethod::Spawn)
        .stderr(Stdio::from(writer));
    let child = recipe.start().unwrap();
    drop(recipe);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (child.join().unwrap(), text)
}

#[test]
fn c11_a_panic_while_loading_fails_warns_or_is_ignored() {
    let (failed, _) = with_a_panic(PreloadPanic::Fail);
    let why = failed.unwrap_err();
    assert!(
        why.contains("half is missing") && why.contains("forkserver.rs:"),
        "{why}"
    );

    // The other two serve with what was loaded until then.
    let (served, text) = with_a_panic(PreloadPanic::Warn);
    assert_eq!(served, Ok(0));
    assert!(
        text.contains("process \"forkserver\"") && text.contains("half is missing"),
        "{text}"
    );
    assert_eq!(with_a_panic(PreloadPanic::Ignore), (Ok(0), String::new()));
}

#[test]
fn c11_a_preload_that_leaves_a_thread_is_an_error() {
    fn load() {
        std::thread::spawn(std::thread::park);
    }
    fn case() {
        set_forkserver_preload(load);
        let refused = Process::new(loaded, ()).method(StartMethod::ForkServer).start();
        assert!(
            matches!(refused, Err(StartError::ForkWithThreads { threads: 2 })),
            "{refused:?}"
        );
    }
    alone(case, ());
}

#[test]
fn c12_nobody_else_can_reach_the_server() {
    fn case() {
        assert_eq!(served!(loaded), 0);
        let links = own_descriptors()
            .into_iter()
            .map(|number| std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap());
        let links: Vec<String> = links
            .map(|link| link.into_os_string().into_string().unwrap())
            .collect();
        let inodes: Vec<&str> = links
            .iter()
            .filter_map(|link| link.strip_prefix("socket:[")?.strip_suffix(']'))
            .collect();
        assert!(!inodes.is_empty(), "{links:?}");
        // A socket that has an address shows it in the eighth column. These were made in pairs and have none: who was not
        // given a descriptor cannot connect, so there is no key to ask for.
        let table = std::fs::read_to_string("/proc/net/unix").unwrap();
        for inode in inodes {
            let line = table
                .lines()
                .find(|line| line.split_whitespace().nth(6) == Some(inode))
                .unwrap();
            assert_eq!(line.split_whitespace().nth(7), None, "{line}");
        }
    }
    alone(case, ());
}
