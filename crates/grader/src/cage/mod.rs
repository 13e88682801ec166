//! The cage: runs a program that may do anything, sees what it does, and leaves nothing of it behind.
//!
//! [`run`] is called in a process with one thread, the *warden*. It starts the program in a session, a directory and a
//! `/dev/shm` of its own, traces it and all its descendants, ends it when it hangs or takes more than its
//! [`Budget`], and returns the [`CageOutcome`]. If the warden dies, by whatever cause, the kernel kills the program and
//! what it has made.
//!
//! In reading order: [`CageSpec`] and [`CageOutcome`]; `watch`, the loop; `launch`, the start; `trace` and `scan`, the
//! two sources of facts, and `family`, the table that they fill; `quiet`, the deadline; `diagnose`, who waits for whom
//! in a hang; `end`, leftovers and the last kill; `private`, what belongs to a run alone. `procfs`, `registers`,
//! `syscalls` and `sys` are the kernel's side.
//!
//! The cage stops mistakes, not attacks: a program that wants to escape its tracer can.

mod deadlock;
mod diagnose;
mod diagnosis;
mod end;
pub(crate) mod family;
pub(crate) mod launch;
pub(crate) mod linger;
mod outcome;
pub(crate) mod private;
pub(crate) mod procfs;
mod quiet;
pub(crate) mod registers;
mod scan;
mod shm;
mod sockets;
mod spec;
pub(crate) mod sys;
pub(crate) mod syscalls;
mod trace;
mod waiting;
pub(crate) mod watch;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;

pub use diagnosis::{Call, Diagnosis, End, Holder, Object, PipeEnd, Stuck, StuckThread, Waits};
pub use outcome::{
    CageOutcome, Delivered, Ended, Leftovers, Orphan, ProcessRecord, Resource, Segment, Tracer, Zombie,
};
pub use spec::{Budget, CageSpec, Deaths, Tracing};

/// Runs a program in the cage and waits for its end. Afterwards no process of it exists, and its directory is gone.
///
/// `position` is the journal's position: it grows with every event that the program reports. It is asked often.
///
/// The calling process must have one thread and no other child: it waits for any child, becomes a subreaper and blocks
/// SIGCHLD. It may call this any number of times.
///
/// # Errors
/// The program could not be started (the error of its exec), or the kernel refused what the warden needs. In both cases
/// nothing of the run is left.
pub fn run(spec: &CageSpec, position: &dyn Fn() -> u64) -> io::Result<CageOutcome> {
    let home = private::Home::new()?;
    let outputs = private::Outputs::new()?;
    let (stdout, stderr) = outputs.for_the_program()?;
    let stdin = private::high(OpenOptions::new().read(true).open("/dev/null")?)?;
    let start = launch::Start {
        program: &spec.program,
        args: &spec.args,
        env: environment(spec, &home.path().to_string_lossy()),
        folder: home.path(),
        stdin,
        stdout,
        stderr,
        keep_open: &spec.keep_open,
        // A shared segment is a file too, so the output's own budget would be too little; that is looked at as it grows.
        file_size: Some(spec.budget.output.max(spec.budget.memory)),
    };
    let terms = watch::Terms {
        budget: &spec.budget,
        settle: spec.settle,
        deaths: spec.deaths,
        faults: &spec.faults,
        tracing: spec.tracing,
        outputs: Some(&outputs),
        keep_open: &spec.keep_open,
        position,
    };
    let shm = shm::before(spec.budget.memory);
    let seen = watch::watch(&start, &terms)?;
    let mut leftovers = seen.leftovers;
    leftovers.shm = shm.left(&seen.shm_users);
    leftovers.files = private::files(home.path());
    home.close()?;
    let (stdout, stderr) = outputs.into_text(spec.budget.output)?;
    Ok(CageOutcome {
        main_pid: seen.main_pid,
        exit: seen.exit,
        ended: seen.ended,
        processes: seen.family.into_records(),
        stdout,
        stderr,
        leftovers,
        injected: seen.injected,
        elapsed: seen.elapsed,
        tracer: seen.tracer,
    })
}

fn environment(spec: &CageSpec, home: &str) -> Vec<(String, String)> {
    let base = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", home),
        ("TMPDIR", home),
        ("LANG", "C.UTF-8"),
    ];
    let mut env: BTreeMap<String, String> = base
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    env.extend(spec.env.iter().cloned());
    env.into_iter().collect()
}
