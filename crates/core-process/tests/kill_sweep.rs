//! A kill, or a failing system call, at every system call of start, join and terminate, in every process that takes part.
//!
//! Each run must end by itself and leave nothing behind: no orphan, no zombie, no descriptor, no hang. Whoever was not hit gets
//! a value or an error that says what happened, and can start the next process as if nothing had been.
//!
//! `cargo test -p core-process --test kill_sweep` prints the table. Without an argument this program sweeps; with one it is the
//! program that is swept.

#![allow(
    clippy::print_stdout,
    reason = "it prints its table, and the program that is swept its outcome"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use core_process::{
    ChildError, Fd, Process, Signal, StartError, StartMethod, Status, own_descriptors, own_processes,
};
use grader::cage::{CageSpec, Ended};
use grader::inject::{Action, Sweep, SweepRun, point, sweep};

const BEGIN: &str = "begin";
const END: &str = "end";

/// One line of the table.
struct Row {
    program: &'static str,
    method: StartMethod,
    /// Whether the forkserver runs already when the operation begins.
    warm: bool,
    victim: u32,
    who: &'static str,
    action: Action,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for program in ["join", "terminate"] {
        for (method, warm, victims) in [
            (StartMethod::Spawn, false, &["parent", "child"][..]),
            (StartMethod::Fork, false, &["parent", "child"][..]),
            (StartMethod::ForkServer, false, &["parent", "server", "child"][..]),
            (StartMethod::ForkServer, true, &["parent", "server"][..]),
            // The block of an earlier child is used again.
            (StartMethod::Spawn, true, &["parent"][..]),
            (StartMethod::Fork, true, &["parent"][..]),
        ] {
            for (victim, who) in (0..).zip(victims.iter().copied()) {
                rows.push(Row {
                    program,
                    method,
                    warm,
                    victim,
                    who,
                    action: Action::Kill,
                });
            }
            if program == "join" && !warm {
                for errno in [libc::EINTR, libc::EMFILE, libc::ENOMEM] {
                    rows.push(Row {
                        program,
                        method,
                        warm,
                        victim: 0,
                        who: "parent",
                        action: Action::Errno(errno),
                    });
                }
            }
        }
    }
    rows
}

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, program, method, warm] = &arguments[..]
        && role == "swept"
    {
        let method = method.parse().expect("a start method");
        return swept(program, method, warm == "warm");
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let mut failures = 0;
    println!(
        "{:10} {:10} {:5} {:7} {:7} {:>5} {:>5}  outcomes",
        "operation", "method", "state", "hit", "by", "calls", "bad"
    );
    let rows = rows();
    for row in &rows {
        match run(row) {
            Ok(runs) => failures += report(row, &runs),
            Err(error)
                if error.kind() == std::io::ErrorKind::Unsupported
                    || error.to_string().contains("ptrace") =>
            {
                println!("ignored: {error}");
                println!(
                    "\ntest result: ok. 0 passed; 0 failed; {} ignored; 0 measured; 0 filtered out",
                    rows.len()
                );
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                println!("{} {} {}: {error}", row.program, row.method, row.who);
                failures += 1;
            }
        }
    }
    let result = if failures == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {failures} failed; 0 ignored; 0 measured; 0 filtered out",
        rows.len()
    );
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(row: &Row) -> std::io::Result<Vec<SweepRun>> {
    let method = row.method.to_string();
    let warm = if row.warm { "warm" } else { "cold" };
    let program = std::env::current_exe()?;
    let args = ["swept", row.program, &method, warm].map(str::to_owned).to_vec();
    let cage = CageSpec {
        args,
        ..CageSpec::new(program)
    };
    // A server that is warm was made before the operation began, so it is still the first process after the main one.
    let after = Some(BEGIN.to_owned());
    sweep(&Sweep {
        victim: row.victim,
        action: row.action,
        after,
        until: Some(END.to_owned()),
        ..Sweep::new(cage)
    })
}

/// Prints a row, and each run that went badly; returns 1 if there was one.
fn report(row: &Row, runs: &[SweepRun]) -> usize {
    let parent_was_killed = row.who == "parent" && row.action == Action::Kill;
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = Vec::new();
    for run in runs.iter().filter(|run| can_fail(run, row.action)) {
        let fine = if parent_was_killed {
            true
        } else {
            run.exit == Some(Status::Exited(0))
        };
        if !fine || !is_clean(run) || !run.leftovers.zombies.is_empty() && !parent_was_killed {
            bad.push(run);
        }
        let outcome = run.stdout.lines().next().unwrap_or("the parent is gone");
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
    }
    let undisturbed = runs.last().filter(|run| run.injected.is_none());
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(what, count)| format!("{count} x {what}"))
        .collect();
    let by = match row.action {
        Action::Errno(libc::EINTR) => "EINTR",
        Action::Errno(libc::EMFILE) => "EMFILE",
        Action::Errno(_) => "ENOMEM",
        Action::Kill | Action::Stop => "SIGKILL",
    };
    let calls = runs.iter().filter(|run| can_fail(run, row.action)).count();
    let state = if row.warm { "warm" } else { "cold" };
    println!(
        "{:10} {:10} {state:5} {:7} {by:7} {calls:5} {:5}  {}",
        row.program,
        row.method.to_string(),
        row.who,
        bad.len(),
        outcomes.join(", ")
    );
    for run in &bad {
        println!(
            "    BAD {run}\n{}{}",
            indented(&run.stdout),
            indented(&run.stderr)
        );
    }
    // A sweep that hits nothing, or never gets through, shows nothing.
    if undisturbed.is_none_or(|run| run.exit != Some(Status::Exited(0))) || calls == 0 {
        println!("    BAD: the sweep did not end with an undisturbed run, or hit nothing");
        return 1;
    }
    usize::from(!bad.is_empty())
}

/// The run ended by itself, and all that outlived the main process ended by itself, too.
fn is_clean(run: &SweepRun) -> bool {
    run.ended == Ended::Exited && run.leftovers.orphans.iter().all(|orphan| orphan.ended.is_some())
}

/// Whether the fault is one that a kernel has: any call may be the last one of a killed process, but `getpid` does not fail.
fn can_fail(run: &SweepRun, action: Action) -> bool {
    let calls: &[&str] = match action {
        Action::Kill | Action::Stop => return run.injected.is_some(),
        Action::Errno(libc::EINTR) => &[
            "fallocate",
            "waitid",
            "poll",
            "recvmsg",
            "sendmsg",
            "openat",
            "open",
        ],
        Action::Errno(libc::EMFILE) => &[
            "memfd_create",
            "socketpair",
            "clone",
            "fcntl",
            "openat",
            "open",
            "pidfd_open",
            "recvmsg",
        ],
        Action::Errno(_) => &[
            "memfd_create",
            "socketpair",
            "clone",
            "fork",
            "mmap",
            "mremap",
            "madvise",
            "fallocate",
            "sendmsg",
            "openat",
        ],
    };
    run.injected
        .as_ref()
        .is_some_and(|injected| calls.contains(&injected.call.as_str()))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}\n")).collect()
}

/// The program that is swept: one operation between two points, then the proof that all is well.
fn swept(program: &str, method: StartMethod, warm: bool) -> ExitCode {
    if warm {
        let first = Process::new(|| (), ())
            .method(method)
            .start()
            .expect("nothing is hit yet");
        first.join().expect("nothing is hit yet");
    }
    let before = open_descriptors();
    point(BEGIN);
    let outcome = match program {
        "join" => start_and_join(method),
        _ => start_and_terminate(method),
    };
    point(END);
    println!("{}", outcome.as_deref().unwrap_or_else(|wrong| wrong));
    if outcome.is_err() {
        return ExitCode::from(3);
    }
    // The next start is as good as any.
    if start_and_join(method).as_deref() != Ok("a value") {
        println!("the next start failed");
        return ExitCode::from(4);
    }
    let after = open_descriptors();
    if after > before {
        println!("{before} descriptors before, {after} after");
        return ExitCode::from(5);
    }
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let helpers = own_processes();
    if let Some(left) = children
        .split_whitespace()
        .find(|pid| !helpers.iter().any(|helper| helper.to_string() == **pid))
    {
        println!("child {left} is still in the table");
        return ExitCode::from(6);
    }
    ExitCode::SUCCESS
}

/// What the library does not keep for itself.
fn open_descriptors() -> usize {
    let own = own_descriptors().len();
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count()) - own
}

/// `Ok` for every outcome that may come when something is hit, `Err` for one that may not.
fn start_and_join(method: StartMethod) -> Result<String, String> {
    match Process::new(|| 7, ()).method(method).start() {
        Ok(child) => match child.join() {
            Ok(7) => Ok("a value".to_owned()),
            Ok(other) => Err(format!("the value was {other}")),
            Err(ChildError::Signaled { signal: Signal::KILL }) => Ok("killed".to_owned()),
            Err(ChildError::NeverInitialised {
                status: Status::Signaled(Signal::KILL),
            }) => Ok("killed before init".to_owned()),
            Err(ChildError::Result { message }) if message.contains("memory") => {
                Ok("the result: no memory".to_owned())
            }
            Err(ChildError::Os { code }) => Ok(format!("wait: errno {code}")),
            Err(other) => Err(format!("joined: {other:?}")),
        },
        Err(error) => start_error(error),
    }
}

/// The child says that it has begun, so that there are calls of it to hit before it is terminated.
fn start_and_terminate(method: StartMethod) -> Result<String, String> {
    let (mut begun, says) = std::io::pipe().map_err(|error| error.to_string())?;
    let recipe = Process::new(
        |says: Fd<OwnedFd>| {
            // Nobody hears it only where the parent has been killed.
            let _ = std::fs::File::from(says.into_inner()).write_all(b"!");
            std::thread::park();
        },
        Fd::from(OwnedFd::from(says)),
    )
    .method(method);
    let started = recipe.start();
    drop(recipe);
    match started {
        Ok(child) => {
            // End-of-file comes when the child has died before.
            begun.read(&mut [0]).map_err(|error| error.to_string())?;
            child.terminate().map_err(|error| error.to_string())?;
            match child.wait() {
                Ok(Status::Signaled(signal @ (Signal::TERM | Signal::KILL))) => {
                    Ok(format!("ended by {signal}"))
                }
                other => Err(format!("waited: {other:?}")),
            }
        }
        Err(error) => start_error(error),
    }
}

fn start_error(error: StartError) -> Result<String, String> {
    match error {
        StartError::Limit { limit, .. } => Ok(format!("start: {limit}")),
        StartError::Os { step, source } => Ok(format!("start: {step}: {:?}", source.kind())),
        StartError::ForkServer { .. } => Ok("start: no forkserver".to_owned()),
        other => Err(format!("start: {other:?}")),
    }
}
