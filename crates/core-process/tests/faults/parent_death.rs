//! F063, A6, A7: the parent is killed. Its whole family is gone, whatever it was doing and however it was started,
//! unless a child was told to go on. The end of a parent's *thread* is no reason to end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use core_process::{Fd, ParentDeath, Process, Signal, StartMethod, Status};

use crate::cage::until_ended;
use crate::scene::{Gate, METHODS, THREADED, forever, open_process, pass, pipe, program};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f063_children_end_when_their_parent_is_killed,
    f063_children_end_when_their_parent_is_killed_after_its_starting_thread_ended,
    f063_children_live_when_the_thread_that_started_them_ends,
    f063_a_child_that_goes_on_outlives_its_parent,
    f063_a_child_that_goes_on_outlives_a_parent_that_ends_at_once,
    f063_a_parent_that_ends_at_once_leaves_nobody,
    a7_terminating_a_child_ends_its_children,
];

pub(crate) const PROGRAMS: &[Named] = named![head_of_a_family, leaves_an_heir, leaves_at_once];

/// Writes the pids of this process and of its forkserver, if one runs: numbers of 4 bytes.
fn report(report: &Fd<File>) {
    for pid in core_process::own_processes()
        .into_iter()
        .chain([std::process::id()])
    {
        (&**report).write_all(&pid.to_ne_bytes()).unwrap();
    }
}

fn copy(file: &Fd<File>) -> Fd<File> {
    Fd::from(file.try_clone().unwrap())
}

/// A child with children: reports, starts grandchildren by two methods, and waits to be ended.
fn member(depth: u32, home: Fd<File>) {
    if depth > 0 {
        for method in THREADED {
            Process::new(member, (depth - 1, copy(&home)))
                .method(method)
                .start()
                .unwrap();
        }
    }
    report(&home);
    drop(home);
    forever();
}

/// Starts a family, says its pids on stdout, and waits to be killed.
fn head_of_a_family() {
    let home = Fd::from(File::from(rustix::io::dup(std::io::stdout()).unwrap()));
    let in_a_thread = std::env::var("IN_A_THREAD").is_ok();
    let start = move || {
        for method in METHODS {
            if method == StartMethod::Fork && in_a_thread {
                continue;
            }
            for depth in [0, 1] {
                Process::new(member, (depth, copy(&home)))
                    .method(method)
                    .start()
                    .unwrap();
            }
            Process::new(member, (0, copy(&home)))
                .method(method)
                .daemon()
                .start()
                .unwrap();
        }
        report(&home);
    };
    if in_a_thread {
        std::thread::spawn(start).join().unwrap();
    } else {
        start();
    }
    forever();
}

/// The pids that a program reports, `count` of them.
fn pids(mut from: impl Read, count: usize) -> Vec<u32> {
    let mut pid = [0; 4];
    let mut read = || {
        from.read_exact(&mut pid).unwrap();
        u32::from_ne_bytes(pid)
    };
    (0..count).map(|_| read()).collect()
}

/// Kills the program once its whole family has reported, and waits for the end of each.
fn kill_the_head(mut command: Command, methods: usize) {
    let mut head = command.stdout(Stdio::piped()).spawn().unwrap();
    // The head and its server; for each method: a daemon, a child, and one with a server and two children.
    let family = pids(head.stdout.take().unwrap(), 2 + methods * (2 + 4));
    let pidfds: Vec<OwnedFd> = family.iter().map(|pid| open_process(*pid)).collect();
    head.kill().unwrap();
    for (pid, pidfd) in family.iter().zip(&pidfds) {
        println!("waiting for {pid}");
        until_ended(pidfd);
    }
    head.wait().unwrap();
}

fn f063_children_end_when_their_parent_is_killed() {
    kill_the_head(program("head_of_a_family"), 3);
}

fn f063_children_end_when_their_parent_is_killed_after_its_starting_thread_ended() {
    let mut command = program("head_of_a_family");
    command.env("IN_A_THREAD", "1");
    kill_the_head(command, 2);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn f063_children_live_when_the_thread_that_started_them_ends() {
    for method in THREADED {
        let mut gate = Gate::new();
        let entry = gate.entry();
        let (mut begun, begins) = pipe();
        let target = |mut gate, begins: Fd<File>| {
            (&*begins).write_all(&[1]).unwrap();
            pass(&mut gate);
            17
        };
        // The thread ends when the child watches for its parent's death already.
        let start = move || {
            let child = Process::new(target, (entry, Fd::from(begins)))
                .method(method)
                .start()
                .unwrap();
            begun.read_exact(&mut [0]).unwrap();
            child
        };
        let child = std::thread::spawn(start).join().unwrap();
        // The kernel has told the child by the time the thread is out of the list.
        while threads() > 1 {
            std::thread::yield_now();
        }
        assert!(child.is_alive(), "{method}");
        gate.let_through(1);
        assert_eq!(child.join(), Ok(17), "{method}");
        // A forkserver whose launcher is gone serves on.
        assert_eq!(
            Process::new(|| 1, ()).method(method).start().unwrap().join(),
            Ok(1),
            "{method}"
        );
    }
}

/// Goes on without a parent: says so once the parent is gone.
fn heir(home: Fd<File>) {
    if let Some(parent) = core_process::parent() {
        report(&home);
        parent.join().unwrap();
        assert!(!parent.is_alive());
    }
    (&*home).write_all(b"free").unwrap();
}

fn method_from_environment() -> StartMethod {
    std::env::var("METHOD").unwrap().parse().unwrap()
}

fn leaves_an_heir() {
    let home = Fd::from(File::from(rustix::io::dup(std::io::stdout()).unwrap()));
    let heir = Process::new(heir, home).method(method_from_environment());
    heir.on_parent_death(ParentDeath::Continue).start().unwrap();
    match std::env::var("THEN").unwrap().as_str() {
        "wait" => forever(),
        _ => core_process::exit_now(0),
    }
}

fn f063_a_child_that_goes_on_outlives_its_parent() {
    for method in METHODS {
        let mut command = program("leaves_an_heir");
        command.env("METHOD", method.to_string()).env("THEN", "wait");
        let mut head = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut home = head.stdout.take().unwrap();
        let heir = open_process(pids(&mut home, 1)[0]);
        head.kill().unwrap();
        head.wait().unwrap();
        let mut text = String::new();
        home.read_to_string(&mut text).unwrap();
        assert_eq!(text, "free", "{method}");
        until_ended(&heir);
    }
}

/// The parent may be gone before the child has looked for it once.
fn f063_a_child_that_goes_on_outlives_a_parent_that_ends_at_once() {
    for method in METHODS {
        for _ in 0..20 {
            let mut command = program("leaves_an_heir");
            command.env("METHOD", method.to_string()).env("THEN", "end");
            let mut head = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut said = Vec::new();
            head.stdout.take().unwrap().read_to_end(&mut said).unwrap();
            assert!(said.ends_with(b"free"), "{method}: {said:?}");
            head.wait().unwrap();
        }
    }
}

fn leaves_at_once() {
    let home = Fd::from(File::from(rustix::io::dup(std::io::stdout()).unwrap()));
    let method = method_from_environment();
    for _ in 0..3 {
        Process::new(|_home: Fd<File>| forever(), copy(&home))
            .method(method)
            .start()
            .unwrap();
    }
    core_process::exit_now(0);
}

fn f063_a_parent_that_ends_at_once_leaves_nobody() {
    for method in METHODS {
        for _ in 0..10 {
            let mut command = program("leaves_at_once");
            let mut head = command
                .env("METHOD", method.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            // The end of the stream: everybody who held it is gone.
            head.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
            head.wait().unwrap();
        }
    }
}

fn a7_terminating_a_child_ends_its_children() {
    for method in METHODS {
        let (home, writer) = pipe();
        let child = Process::new(member, (1, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        // Two grandchildren, the forkserver of one of them, and the child itself.
        let family: Vec<OwnedFd> = pids(home, 4).into_iter().map(open_process).collect();
        child.terminate().unwrap();
        assert_eq!(child.wait(), Ok(Status::Signaled(Signal::TERM)), "{method}");
        family.iter().for_each(until_ended);
    }
}
