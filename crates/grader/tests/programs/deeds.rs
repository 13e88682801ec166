//! What the programs do, each one thing.

use std::fs::File;
use std::io::{Read, Write};

use crate::clock::Clock;
use crate::hangs::HANGS;
use crate::raw;

pub(crate) type Deed = fn(&[String]);

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<Deed> {
    DEEDS
        .iter()
        .chain(HANGS)
        .find(|(known, _)| *known == name)
        .map(|(_, deed)| *deed)
}

const DEEDS: &[(&str, Deed)] = &[
    ("nothing", |_| {}),
    ("say", say),
    ("exit", |args| std::process::exit(args[0].parse().unwrap_or(99))),
    ("orphan", orphan),
    ("setsid-orphan", setsid_orphan),
    ("double-fork", double_fork),
    ("fork-bomb", fork_bomb),
    ("flood", flood),
    ("zombie", zombie),
    ("stubborn-child", stubborn_child),
    ("busy", |_| busy()),
    ("killed", |_| raw::kill(std::process::id() as i32, libc::SIGABRT)),
    ("signals", signals),
    ("thread-exec", thread_exec),
    ("threads", threads),
    ("stopped-child", stopped_child),
    ("hog", hog),
    ("file", file),
    ("children", children),
    ("parked-threads", parked_threads),
    ("loyal-child", loyal_child),
    ("exit-among-threads", exit_among_threads),
    ("stop-and-continue", stop_and_continue),
    ("kill-and-look", kill_and_look),
    ("spawn", spawn),
    ("clone-parent", clone_parent),
    ("untraced", untraced),
    ("points", points),
    ("clock", clock),
    ("hold", hold),
    ("segment", segment),
    ("memfd", memfd),
    ("open", open),
    ("fork-and-wait", fork_and_wait),
];

fn say(args: &[String]) {
    println!("{}", args.join(" "));
    eprintln!(
        "HOME={:?} cwd={:?}",
        std::env::var("HOME").ok(),
        std::env::current_dir().ok()
    );
}

fn orphan(_: &[String]) {
    if raw::fork() {
        loop {
            raw::pause();
        }
    }
}

/// The orphan leaves the session; main ends only when it has.
fn setsid_orphan(_: &[String]) {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    if raw::fork() {
        drop(reader);
        rustix::process::setsid().expect("a child leads no group");
        println!("held");
        drop(writer);
        loop {
            raw::pause();
        }
    }
    drop(writer);
    let _ = reader.read(&mut [0]);
}

fn double_fork(_: &[String]) {
    let middle = raw::fork_pid();
    if middle == 0 {
        rustix::process::setsid().expect("a child leads no group");
        if raw::fork() {
            loop {
                raw::pause();
            }
        }
        std::process::exit(0);
    }
    raw::wait(middle);
}

/// Doubles ten times: enough to blow any budget of the tests, and not enough to take the machine's last pid where the cage
/// can only look and not hold (without ptrace).
fn fork_bomb(_: &[String]) {
    for _ in 0..10 {
        raw::fork();
    }
    loop {
        raw::pause();
    }
}

fn flood(_: &[String]) {
    let block = vec![b'x'; 1 << 20];
    let mut out = std::io::stdout();
    for _ in 0..10 << 10 {
        if out.write_all(&block).is_err() {
            return;
        }
    }
}

fn zombie(_: &[String]) {
    let child = raw::fork_pid();
    if child == 0 {
        std::process::exit(7);
    }
    raw::wait_but_leave(child);
}

fn stubborn_child(_: &[String]) {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let child = raw::fork_pid();
    if child == 0 {
        drop(reader);
        raw::ignore(libc::SIGTERM);
        drop(writer);
        loop {
            raw::pause();
        }
    }
    drop(writer);
    let _ = reader.read(&mut [0]);
    raw::kill(child, libc::SIGTERM);
}

fn busy() {
    let mut x = 1u64;
    loop {
        x = std::hint::black_box(x.wrapping_mul(3));
    }
}

fn signals(_: &[String]) {
    raw::ignore(libc::SIGUSR1);
    raw::ignore(40);
    let own = std::process::id() as i32;
    raw::kill(own, libc::SIGUSR1);
    raw::kill(own, 40);
    raw::kill(own, libc::SIGTERM);
}

/// A thread that is not the leader replaces the image.
fn thread_exec(_: &[String]) {
    use std::os::unix::process::CommandExt;
    for _ in 0..3 {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }
    let thread = std::thread::spawn(|| {
        let own = std::env::current_exe().expect("/proc is there");
        std::process::Command::new(own).args(["say", "after"]).exec()
    });
    let error = thread.join();
    panic!("exec failed: {error:?}");
}

fn threads(args: &[String]) {
    let count: usize = args[0].parse().expect("a number");
    let threads: Vec<_> = (0..count).map(|_| std::thread::spawn(|| {})).collect();
    for thread in threads {
        thread.join().expect("it does nothing");
    }
}

fn stopped_child(_: &[String]) {
    let child = raw::fork_pid();
    if child == 0 {
        raw::kill(std::process::id() as i32, libc::SIGSTOP);
        std::process::exit(0);
    }
    raw::wait(child);
}

/// Takes memory without end.
fn hog(_: &[String]) {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1u8; 1 << 20]);
    }
}

fn file(_: &[String]) {
    std::fs::create_dir("deep").expect("the directory is fresh");
    File::create("deep/left")
        .and_then(|mut file| file.write_all(b"x"))
        .expect("the directory is writable");
}

/// As many children as asked, one after the other.
fn children(args: &[String]) {
    let count: usize = args[0].parse().expect("a number");
    for _ in 0..count {
        let child = raw::fork_pid();
        if child == 0 {
            std::process::exit(0);
        }
        raw::wait(child);
    }
}

fn park(count: &str) {
    for _ in 0..count.parse().expect("a number") {
        std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
    }
}

fn parked_threads(args: &[String]) {
    park(&args[0]);
    loop {
        std::thread::park();
    }
}

fn exit_among_threads(args: &[String]) {
    park(&args[0]);
    std::process::exit(5);
}

/// The child is killed by the kernel when its parent ends.
fn loyal_child(_: &[String]) {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    if raw::fork() {
        drop(reader);
        raw::die_with_parent(40);
        drop(writer);
        loop {
            raw::pause();
        }
    }
    drop(writer);
    let _ = reader.read(&mut [0]);
}

fn stop_and_continue(_: &[String]) {
    let child = raw::fork_pid();
    if child == 0 {
        raw::kill(std::process::id() as i32, libc::SIGSTOP);
        std::process::exit(0);
    }
    let stopped = raw::wait_for_change(child);
    assert!(libc::WIFSTOPPED(stopped) && libc::WSTOPSIG(stopped) == libc::SIGSTOP);
    println!("stopped");
    raw::kill(child, libc::SIGCONT);
    assert!(libc::WIFCONTINUED(raw::wait_for_change(child)));
    println!("continued");
    assert!(libc::WIFEXITED(raw::wait_for_change(child)));
    println!("exited");
}

/// Kills a child and asks at once, without waiting, whether it has ended; then waits.
fn kill_and_look(_: &[String]) {
    let child = raw::fork_pid();
    if child == 0 {
        loop {
            raw::pause();
        }
    }
    raw::kill(child, libc::SIGKILL);
    let has_ended = (0..30_000).any(|_| raw::has_ended(child));
    println!("{}", if has_ended { "ended" } else { "still there" });
    raw::wait(child);
    println!("waited");
}

fn spawn(args: &[String]) {
    let own = std::env::current_exe().expect("/proc is there");
    for _ in 0..args[0].parse().expect("a number") {
        std::process::Command::new(&own)
            .arg("nothing")
            .status()
            .expect("it starts");
    }
}

/// A child makes a sibling of itself.
fn clone_parent(_: &[String]) {
    let server = raw::fork_pid();
    if server == 0 {
        if raw::clone_sibling() == 0 {
            std::process::exit(3);
        }
        std::process::exit(0);
    }
    let mut codes = [raw::wait(-1), raw::wait(-1)].map(|status| libc::WEXITSTATUS(status));
    codes.sort_unstable();
    assert_eq!(codes, [0, 3]);
}

fn points(args: &[String]) {
    for step in 1..=args[0].parse().expect("a number") {
        grader::inject::point("step");
        println!("{step}");
    }
}

fn open(_: &[String]) {
    grader::inject::point("open");
    match File::open("/dev/null") {
        Ok(_) => println!("opened"),
        Err(error) => println!("{error}"),
    }
}

/// Says how its child ended: the signal, or 0.
fn fork_and_wait(_: &[String]) {
    grader::inject::point("begin");
    let child = raw::fork_pid();
    if child == 0 {
        std::process::exit(0);
    }
    let status = raw::wait(child);
    grader::inject::point("end");
    println!("{}", libc::WTERMSIG(status));
}

fn segment(args: &[String]) {
    let file = File::create(format!("/dev/shm/{}", args[0])).expect("/dev/shm is writable");
    file.set_len(4096).expect("there is room");
    std::mem::forget(file);
}

fn memfd(_: &[String]) {
    let fd = rustix::fs::memfd_create("leaked", rustix::fs::MemfdFlags::CLOEXEC).expect("memory is left");
    std::mem::forget(fd);
}

/// Sets the journal's position before and after a child's life.
fn clock(_: &[String]) {
    let clock = Clock::inherited();
    clock.set(1);
    let child = raw::fork_pid();
    if child == 0 {
        clock.set(10);
        std::process::exit(0);
    }
    raw::wait(child);
    clock.set(20);
}

/// Opens a file and holds it open, in two processes, for ever.
fn hold(args: &[String]) {
    let mut file = File::options()
        .write(true)
        .open(&args[0])
        .expect("the test has made it");
    raw::fork();
    let _ = file.write(b".");
    loop {
        raw::pause();
    }
}

/// Makes a process that no tracer is told of.
fn untraced(_: &[String]) {
    if raw::clone_untraced() == 0 {
        loop {
            raw::pause();
        }
    }
}
