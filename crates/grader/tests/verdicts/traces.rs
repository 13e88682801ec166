//! What is left behind: LEAK_ZOMBIE, LEAK_ORPHAN, LEAK_FD, LEAK_SHM, LEAK_FILE.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use core_process::shm::Segment;
use core_process::{Process, StartMethod};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

type Answer = fn() -> u64;

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new(
        "traces",
        |_: &mut Draw| (),
        move |()| answer(),
        judge,
    )]
}

fn judge(_input: &(), seen: &Evidence<u64>, found: &mut Findings) {
    found.check("value", Verdict::Wrong, seen.value == Some(7), || {
        format!("it returned {:?}", seen.value)
    });
}

fn quick() {}

fn sleeper() {
    std::thread::sleep(std::time::Duration::from_secs(3600));
}

fn temporary(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(name)
}

/// One of everything, and all of it goes.
pub fn tidy() -> u64 {
    Process::new(quick, ()).start().unwrap().join().unwrap();
    let child = Process::new(sleeper, ()).start().unwrap();
    child.terminate().unwrap();
    child.join().unwrap_err();
    drop(File::open("/dev/null").unwrap());
    drop(Segment::create("tidy", 4096).unwrap());
    let file = temporary("tidy");
    fs::write(&file, "x").unwrap();
    fs::remove_file(file).unwrap();
    fs::write("/dev/shm/tidy", "x").unwrap();
    fs::remove_file("/dev/shm/tidy").unwrap();
    7
}

/// The library's own server and its socket are nobody's leak.
pub fn keeps_the_forkserver() -> u64 {
    Process::new(quick, ())
        .method(StartMethod::ForkServer)
        .start()
        .unwrap()
        .join()
        .unwrap();
    7
}

pub fn zombie() -> u64 {
    let child = Command::new("/bin/true").stdin(Stdio::null()).spawn().unwrap();
    std::mem::forget(child);
    7
}

/// It still runs when the answer returns, but would end by itself: a zombie all the same, on every machine.
pub fn not_joined() -> u64 {
    let child = Command::new("/bin/sleep").arg("0.05").spawn().unwrap();
    std::mem::forget(child);
    7
}

pub fn orphan() -> u64 {
    Process::new(sleeper, ()).start().unwrap();
    7
}

pub fn in_a_session_of_its_own() -> u64 {
    // A shell in between ends at once: the sleeper is no child of ours any more, nor of our session.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "setsid sleep 3600 & exit 0"]).process_group(0);
    shell.status().unwrap();
    7
}

pub fn exits_and_leaves() -> u64 {
    in_a_session_of_its_own();
    std::process::exit(0)
}

pub fn descriptor() -> u64 {
    std::mem::forget(File::open("/dev/null").unwrap());
    7
}

pub fn memfd() -> u64 {
    std::mem::forget(Segment::create("left", 4096).unwrap());
    7
}

/// Its descriptor is closed, but the memory stays mapped.
pub fn mapping() -> u64 {
    let segment = Segment::create("mapped", 4096).unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(&segment));
    std::mem::forget(segment);
    nix::unistd::close(descriptor).unwrap();
    7
}

pub fn segment() -> u64 {
    fs::write("/dev/shm/left", "x").unwrap();
    7
}

pub fn file() -> u64 {
    fs::write(temporary("left"), "x").unwrap();
    7
}
