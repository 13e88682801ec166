//! Where a scenario runs: a process in PID, mount, network and IPC namespaces of its own, with its own `/proc` and
//! `/dev/shm`, under a watchdog.
//!
//! Invariant: when a scenario is over, by itself or by the watchdog, no process of it is left, because the first
//! process of its PID namespace is gone. Where namespaces are not permitted, the scenario runs without, and says so.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use core_process::{WaitError, wait_any};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

use crate::Named;

pub(crate) const ISOLATED: &str = "--isolated";
pub(crate) const FIRST: &str = "--first";
pub(crate) const INSIDE: &str = "--inside";

/// Far longer than any scenario takes; one that reaches it hangs.
const WATCHDOG: Duration = Duration::from_secs(240);

/// How a line begins that tells of something left out.
const REDUCED: [&str; 2] = ["not run: ", "namespaces are not permitted"];

const NAMESPACES: &str = "FAULTS_NAMESPACES";

/// Whether this process has its own `/dev/shm` and PID namespace.
pub(crate) fn is_isolated() -> bool {
    std::env::var_os(NAMESPACES).is_some_and(|value| value == "yes")
}

/// Runs the scenarios whose names contain one of `args` (all, if there are none), and says what came of each.
pub(crate) fn run_all(scenarios: &[&[Named]], args: &[String]) -> ExitCode {
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let names = scenarios.iter().copied().flatten().map(|(name, _)| *name);
    let chosen: Vec<&str> = names
        .filter(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())))
        .collect();
    if args.iter().any(|arg| arg == "--list") {
        chosen.iter().for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let failed: Vec<&str> = chosen.iter().copied().filter(|name| !passes(name)).collect();
    let word = if failed.is_empty() { "ok" } else { "FAILED" };
    let passed = chosen.len() - failed.len();
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; 0 measured; 0 filtered out\n",
        failed.len()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn passes(name: &str) -> bool {
    // A file, not a pipe: a process that is left behind must not keep us from reading.
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let mut said = File::from(rustix::fs::memfd_create("said", flags).unwrap());
    let status = itself(ISOLATED, name)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said.try_clone().unwrap())
        .status()
        .unwrap();
    println!(
        "test {name} ... {}",
        if status.success() { "ok" } else { "FAILED" }
    );
    let mut text = Vec::new();
    said.rewind().unwrap();
    said.read_to_end(&mut text).unwrap();
    let text = String::from_utf8_lossy(&text);
    if status.success() {
        // What a scenario could not show here is said though it passed.
        let reduced = |line: &&str| REDUCED.iter().any(|start| line.starts_with(start));
        text.lines()
            .filter(reduced)
            .for_each(|line| println!("    {line}"));
    } else {
        println!("---- {name} ({status})\n{text}----");
    }
    status.success()
}

fn itself(role: &str, name: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args([role, name]);
    command
}

/// Makes namespaces, has the scenario run in them, and waits for it no longer than the watchdog allows.
pub(crate) fn isolated(name: &str) -> ExitCode {
    let all = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    let namespaces = match unshare(all) {
        Ok(()) => "yes",
        Err(error) => {
            eprintln!("namespaces are not permitted here ({error}): the scenario runs without");
            rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
            "no"
        }
    };
    let mut first = itself(FIRST, name).env(NAMESPACES, namespaces).spawn().unwrap();
    let pidfd = pidfd_open(Pid::from_child(&first), PidfdFlags::empty()).unwrap();
    if let Err(WaitError::TimedOut) = wait_any(&[&pidfd], WATCHDOG) {
        println!("it hangs; the processes are:");
        show_processes(&format!("/proc/{}/root/proc", first.id()));
        first.kill().unwrap();
        first.wait().unwrap();
        return ExitCode::FAILURE;
    }
    exit_code(first.wait().unwrap().code())
}

/// The first process of the namespace: runs the scenario, then waits until nobody is left.
pub(crate) fn first(name: &str) -> ExitCode {
    if is_isolated() {
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), none).unwrap();
        mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), MsFlags::empty(), none).unwrap();
    }
    #[expect(
        clippy::zombie_processes,
        reason = "it is waited for by its pid below, among all others"
    )]
    let scenario = itself(INSIDE, name).spawn().unwrap();
    let scenario = scenario.id() as i32;
    let mut code = None;
    // Orphans come to this process: one that lives on keeps this loop from ending until the watchdog does.
    while let Ok(Some((pid, status))) = waitpid(None, WaitOptions::empty()) {
        if pid.as_raw_nonzero().get() == scenario {
            if let Some(signal) = status.terminating_signal() {
                println!("the scenario was ended by signal {signal}");
            }
            code = status.exit_status();
            if code != Some(0) {
                // What it has left is the failure's consequence, and not worth the watchdog's time.
                return exit_code(code);
            }
        }
    }
    exit_code(code)
}

fn exit_code(code: Option<i32>) -> ExitCode {
    ExitCode::from(code.map_or(255, |code| code as u8))
}

/// What every process is doing, for a hang.
fn show_processes(proc: &str) {
    let entries = match std::fs::read_dir(proc) {
        Ok(entries) => entries,
        Err(error) => return println!("{proc}: {error}"),
    };
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let read = |what: &str| std::fs::read_to_string(entry.path().join(what)).unwrap_or_default();
        let status = read("status");
        let line = |key: &str| {
            status
                .lines()
                .find(|line| line.starts_with(key))
                .unwrap_or_default()
                .to_owned()
        };
        println!("  {pid}: {} {} {}", line("Name"), line("State"), line("PPid"));
        for thread in std::fs::read_dir(entry.path().join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let of = |what: &str| std::fs::read_to_string(thread.path().join(what)).unwrap_or_default();
            println!(
                "      {:?} in {} {}",
                thread.file_name(),
                of("wchan"),
                of("syscall").trim()
            );
        }
    }
}

/// Waits until the process behind `pidfd` has ended; the runner's watchdog is the limit.
#[track_caller]
pub(crate) fn until_ended(pidfd: impl AsFd) {
    assert!(pidfd.as_fd().as_raw_fd() >= 0);
    wait_any(&[pidfd.as_fd()], core_process::Until::forever()).unwrap();
}
