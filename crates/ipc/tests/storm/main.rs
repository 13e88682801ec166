//! Kill storms: four producers and four consumers on one queue or pipe, one of them killed or stopped every few milliseconds and replaced,
//! and every value is accounted for: it was got once, or its consumer was killed with it in hand; in a `JoinableQueue` it was given until
//! somebody had worked on it. Values are small and large, some carry a descriptor that knows whose it is.
//!
//! A round ends without kills: producers go, and then the queue is closed or its last producer dropped, and consumers must come to the
//! end by themselves. The next round has a new one.
//!
//! `cargo test -p ipc --test storm` takes 30 s and prints a table. `IPC_STORM_SECONDS` makes it longer, `IPC_STORM_SEED` repeats one (the
//! choices of who is hit and when; not the scheduler's), an argument chooses objects by a part of their names.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod notes;
mod subject;
mod work;

use std::process::ExitCode;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use core_process::{Child, Process, Signal, StartMethod};
use grader::Belongings;

use notes::{ATTEMPTED, DONE, INSIDE, Notes, PROCESSES, PRODUCERS, REDELIVERED, STOP, VIOLATIONS};
use subject::{From, NAMES, To};
use work::{consume, produce};

/// A process that has done nothing for so long is left behind.
const WATCHDOG: Duration = Duration::from_secs(20);

/// Of one object's time.
const ROUNDS: u32 = 4;

fn main() -> ExitCode {
    core_process::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let names: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())))
        .collect();
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("{name} is no number")),
        )
    };
    let seed = number("IPC_STORM_SEED").unwrap_or_else(|| fastrand::u64(..));
    let time =
        Duration::from_secs(number("IPC_STORM_SECONDS").unwrap_or(30)) / (names.len().max(1) as u32 * ROUNDS);
    println!("seed {seed}");
    println!(
        "{:14} {:>9} {:>9} {:>6} {:>6} {:>9} {:>5} {:>6} {:>5}",
        "object", "put", "got", "kills", "stops", "half put", "lost", "again", "bad"
    );
    let mut random = fastrand::Rng::with_seed(seed);
    // What is made once for all of a process is made now.
    Row::new("Queue")
        .round(Duration::from_millis(20), 0, &mut random)
        .unwrap();
    let before = Belongings::of_this_process();
    let mut failed = 0;
    for name in &names {
        let mut row = Row::new(name);
        let outcome = (0..ROUNDS).try_for_each(|round| row.round(time, round, &mut random));
        println!("{row}");
        if let Err(hang) = &outcome {
            println!("    HANG\n{hang}");
        }
        failed += usize::from(outcome.is_err() || row.bad > 0 || row.got == 0);
    }
    let after = Belongings::of_this_process();
    println!("before: {before:?}\nafter:  {after:?}");
    failed += usize::from(before != after);
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
        (names.len() + 1).saturating_sub(failed)
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One object's row of the table.
struct Row {
    name: String,
    put: u64,
    got: u64,
    kills: u32,
    stops: u32,
    /// Values whose producer was killed inside `put`: there or not.
    uncertain: u32,
    /// Values that nobody has got, no more than consumers were killed inside `get`.
    lost: u32,
    /// Items that were given more than once.
    again: u32,
    bad: u32,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            put,
            got,
            kills,
            stops,
            uncertain,
            lost,
            again,
            bad,
        } = self;
        write!(
            f,
            "{name:14} {put:9} {got:9} {kills:6} {stops:6} {uncertain:9} {lost:5} {again:6} {bad:5}"
        )
    }
}

/// One process of the eight: the first four put.
struct Worker {
    child: Child<()>,
    /// When it goes on, if it is stopped.
    goes_on: Option<Instant>,
}

fn start(to: &To, from: &From, notes: &Notes, me: usize, seed: u64) -> Worker {
    let child = if me < PRODUCERS {
        Process::new(produce, (to.clone(), notes.clone(), me, seed))
            .method(StartMethod::Spawn)
            .start()
    } else {
        Process::new(consume, (from.clone(), notes.clone(), me, seed))
            .method(StartMethod::Spawn)
            .start()
    };
    Worker {
        child: child.unwrap(),
        goes_on: None,
    }
}

impl Row {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            put: 0,
            got: 0,
            kills: 0,
            stops: 0,
            uncertain: 0,
            lost: 0,
            again: 0,
            bad: 0,
        }
    }

    /// A round; an error is the diagnosis of a hang.
    fn round(&mut self, time: Duration, round: u32, random: &mut fastrand::Rng) -> Result<(), String> {
        let (to, from) = subject::create(&self.name);
        let notes = Notes::new();
        let mut workers: Vec<Worker> = (0..PROCESSES)
            .map(|me| start(&to, &from, &notes, me, random.u64(..)))
            .collect();
        // Of each producer: those whose put was cut off.
        let mut uncertain: Vec<Vec<u32>> = vec![Vec::new(); PRODUCERS];
        let mut may_be_lost = 0;
        let end = Instant::now() + time;
        while Instant::now() < end {
            // The pace of the storm; nothing waits for it.
            std::thread::sleep(Duration::from_micros(random.u64(200..4000)));
            let me = random.usize(0..PROCESSES);
            let worker = &mut workers[me];
            if random.u8(..) < 170 {
                self.kills += 1;
                worker.child.kill().unwrap();
                worker.child.wait().unwrap();
                let attempted = notes.value(ATTEMPTED + 4 * me);
                if me < PRODUCERS && attempted != notes.value(DONE + 4 * me) {
                    uncertain[me].push(attempted);
                    notes.word(DONE + 4 * me).store(attempted, SeqCst);
                }
                may_be_lost += notes.word(INSIDE + 4 * me).swap(0, SeqCst);
                *worker = start(&to, &from, &notes, me, random.u64(..));
            } else if worker.goes_on.is_none() {
                self.stops += 1;
                worker.child.signal(Signal::STOP).unwrap();
                worker.goes_on = Some(Instant::now() + Duration::from_micros(random.u64(500..20_000)));
            }
            watch(&mut workers, Instant::now(), &notes)?;
        }
        for worker in &mut workers {
            worker.goes_on = worker.goes_on.map(|_| Instant::now());
        }
        watch(&mut workers, Instant::now(), &notes)?;
        let consumers = workers.split_off(PRODUCERS);
        notes.word(STOP).store(1, SeqCst);
        let outcome = ended(&workers, &notes).and_then(|()| {
            subject::finish(to, &from, round, WATCHDOG)?;
            drop(from);
            ended(&consumers, &notes)
        });
        if outcome.is_err() {
            workers.iter().chain(&consumers).for_each(|worker| {
                let _ = worker.child.kill();
                let _ = worker.child.wait();
            });
            return outcome;
        }
        self.account(&notes, &uncertain, may_be_lost);
        Ok(())
    }

    /// Every value that was put was got, but for those that were in the hand of a consumer when it was killed.
    fn account(&mut self, notes: &Notes, uncertain: &[Vec<u32>], may_be_lost: u32) {
        let mut lost = 0;
        for (producer, uncertain) in uncertain.iter().enumerate() {
            let put = notes.value(DONE + 4 * producer);
            self.put += u64::from(put) - uncertain.len() as u64;
            self.uncertain += uncertain.len() as u32;
            for serial in 1..=put {
                if notes.was_got(producer, serial) {
                    self.got += 1;
                } else if uncertain.binary_search(&serial).is_err() {
                    lost += 1;
                }
            }
        }
        // Who works on a task says so before it finishes it, and a task of the dead is given again: none is lost.
        let most = if self.name == "JoinableQueue" {
            0
        } else {
            may_be_lost
        };
        if lost > most {
            println!("    VIOLATION: {lost} values are lost, and {most} may be");
            self.bad += 1;
        }
        self.lost += lost;
        self.again += notes.value(REDELIVERED);
        self.bad += notes.value(VIOLATIONS);
    }
}

/// Lets stopped processes go on when it is time, and finds one that has ended by itself, or a storm in which nothing happens.
fn watch(workers: &mut [Worker], now: Instant, notes: &Notes) -> Result<(), String> {
    for (me, worker) in workers.iter_mut().enumerate() {
        if worker.goes_on.is_some_and(|at| at <= now) {
            worker.child.signal(Signal::CONT).unwrap();
            worker.goes_on = None;
        }
        if !worker.child.is_alive() {
            let outcome = worker.child.join();
            let said = diagnosis(workers, notes);
            workers.iter().for_each(|worker| {
                let _ = worker.child.kill();
                let _ = worker.child.wait();
            });
            return Err(format!("process {me} has ended by itself: {outcome:?}\n{said}"));
        }
    }
    Ok(())
}

/// Waits until all have ended by themselves.
fn ended(workers: &[Worker], notes: &Notes) -> Result<(), String> {
    let patience = Instant::now() + WATCHDOG;
    for worker in workers {
        let left = patience.saturating_duration_since(Instant::now());
        if let Err(error) = worker.child.join_timeout(left) {
            return Err(format!("{error}\n{}", diagnosis(workers, notes)));
        }
    }
    Ok(())
}

/// What each process does.
fn diagnosis(workers: &[Worker], notes: &Notes) -> String {
    let line = |worker: &Worker| {
        let pid = worker.child.pid();
        let of = |file: &str| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.trim().to_owned()
        };
        let state = of("stat").rsplit(')').next().unwrap_or_default().chars().nth(1);
        format!("    pid {pid}: state {state:?}, in call {}", of("syscall"))
    };
    let mut lines: Vec<String> = workers.iter().map(line).collect();
    lines.push(format!("    {notes:?}"));
    lines.join("\n")
}
