//! Ways to end, and not to end: HANG, CRASH, LIMIT, and what is none of these.

use std::io::{Read, Write};
use std::time::Duration;

use core_process::{ChildError, Process, Signal, Status};
use grader::inject::{Action, At, Fault, point};
use grader::work::note;
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

type Answer = fn() -> u64;

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new("end", |_: &mut Draw| (), move |()| answer(), judge)]
}

pub fn skipping(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new(
        "end",
        |_: &mut Draw| (),
        move |()| answer(),
        |input, seen, found| {
            judge(input, seen, found);
            found.skip("speed", "this machine is not fast enough to show it");
        },
    )]
}

/// The answer's child is killed at a named point; the answer says so.
pub fn with_a_fault(answer: Answer) -> Vec<Scenario> {
    let at = At::Point {
        name: "half-way".into(),
        hit: 1,
    };
    let fault = Fault {
        at,
        action: Action::Kill,
    };
    vec![Scenario::new("fault", |_: &mut Draw| (), move |()| answer(), judge_fault).faults([fault])]
}

fn judge_fault(input: &(), seen: &Evidence<u64>, found: &mut Findings) {
    judge(input, seen, found);
    let killed = seen.injected.first().map(|fault| fault.pid);
    let status = killed.and_then(|pid| seen.process(pid)?.status);
    found.check(
        "killed",
        Verdict::Wrong,
        status == Some(Status::Signaled(Signal::KILL)),
        || format!("pid {killed:?} was to be killed, but {status:?}"),
    );
}

fn passes_the_point() {
    point("half-way");
}

pub fn tells_of_the_kill() -> u64 {
    let child = Process::new(passes_the_point, ()).start().unwrap();
    if matches!(
        child.join(),
        Err(ChildError::Signaled {
            signal: Signal::KILL,
            ..
        })
    ) {
        7
    } else {
        0
    }
}

fn judge(_input: &(), seen: &Evidence<u64>, found: &mut Findings) {
    found.check("value", Verdict::Wrong, seen.value == Some(7), || {
        format!("it returned {:?}", seen.value)
    });
}

/// Right: twice the deadline in all, but never for long without an event.
pub fn long_but_busy() -> u64 {
    for step in 0..7 {
        std::thread::sleep(Duration::from_millis(100));
        note("step", step);
    }
    7
}

fn sleeper() {
    std::thread::sleep(Duration::from_secs(3600));
}

fn panicking() {
    panic!("this child was told to panic");
}

pub fn child_panics_as_asked() -> u64 {
    let child = Process::new(panicking, ()).start().unwrap();
    if matches!(child.join(), Err(ChildError::Panicked { .. })) {
        7
    } else {
        0
    }
}

pub fn kills_its_child() -> u64 {
    let child = Process::new(sleeper, ()).start().unwrap();
    child.kill().unwrap();
    // How its end is told depends on how far it came.
    if child.join().is_err() { 7 } else { 0 }
}

pub fn just_enough_output() -> u64 {
    std::io::stdout().write_all(&vec![b'x'; 60 << 10]).unwrap();
    7
}

pub fn joins_a_sleeper() -> u64 {
    let child = Process::new(sleeper, ()).name("sleeper").start().unwrap();
    child.join().unwrap();
    7
}

pub fn reads_its_own_pipe() -> u64 {
    let (mut reader, _writer) = std::io::pipe().unwrap();
    let mut byte = [0];
    reader.read_exact(&mut byte).unwrap();
    7
}

pub fn spins() -> u64 {
    loop {
        std::hint::spin_loop();
    }
}

pub fn panics() -> u64 {
    let empty: Vec<u64> = Vec::new();
    empty[std::hint::black_box(7)]
}

pub fn child_panics() -> u64 {
    Process::new(panics, ()).start().unwrap().join().unwrap()
}

fn breed(depth: u64) {
    let again = || Process::new(breed, depth + 1).start();
    for child in [again(), again(), again()].into_iter().flatten() {
        // Its own children were not all started: that is what a bomb is about.
        let _ = child.join();
    }
}

pub fn bomb() -> u64 {
    breed(0);
    7
}

pub fn flood() -> u64 {
    let line = vec![b'x'; 4096];
    loop {
        std::io::stdout().write_all(&line).unwrap();
    }
}

pub fn hoard() -> u64 {
    let mut all = Vec::new();
    loop {
        all.push(vec![1_u8; 16 << 20]);
        note("megabytes", 16 * all.len() as i64);
    }
}

/// More events than the journal holds.
pub fn chatter() -> u64 {
    for n in 0..40_000 {
        note("again", n);
    }
    7
}
