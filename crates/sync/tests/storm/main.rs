//! Kill storms: eight processes on one object, one of them killed or stopped every few milliseconds and replaced, and what the object
//! promises is checked all the time: by the processes, in memory that they share, and by the one that kills.
//!
//! `cargo test -p sync --test storm` takes 30 s and prints a table. `SYNC_STORM_SECONDS` makes it longer, `SYNC_STORM_SEED` repeats one (the
//! choices of who is hit and when; not the scheduler's), an argument chooses objects by a part of their names.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose table is its output"
)]

mod notes;
mod work;

use std::process::ExitCode;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use core_process::shm::Segment;
use core_process::{Child, Process, Signal, StartMethod};
use grader::Belongings;
use sync::{Barrier, Condition, Event, Lock, OwnerDied, RLock, RwLock, Semaphore};

use notes::{DONE, INSIDE, KILLS, NOTES, Notes, PERMITS, PROCESSES, STOP, TOLD, UNSETTLED, VIOLATIONS};
use work::{Subject, exclusive, work};

/// A process that has done nothing for so long is left behind.
const WATCHDOG: Duration = Duration::from_secs(20);

/// The objects, in the order of the table.
const NAMES: [&str; 7] = [
    "Lock",
    "RLock",
    "Semaphore",
    "Condition",
    "Event",
    "Barrier",
    "RwLock",
];

fn subject(name: &str) -> Subject {
    match name {
        "Lock" => Subject::Lock(Lock::new().unwrap()),
        "RLock" => Subject::RLock(RLock::new().unwrap()),
        "Semaphore" => Subject::Semaphore(Semaphore::new(PERMITS).unwrap()),
        "Condition" => Subject::Condition(Condition::new().unwrap()),
        "Event" => Subject::Event(Event::new().unwrap()),
        "Barrier" => Subject::Barrier(Barrier::new(PROCESSES as u32).unwrap()),
        _ => Subject::RwLock(RwLock::new().unwrap()),
    }
}

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
    let seed = number("SYNC_STORM_SEED").unwrap_or_else(|| fastrand::u64(..));
    let time = Duration::from_secs(number("SYNC_STORM_SECONDS").unwrap_or(30)) / names.len().max(1) as u32;
    println!("seed {seed}");
    println!(
        "{:10} {:>10} {:>6} {:>6} {:>7} {:>5} {:>5}",
        "object", "done", "kills", "stops", "inside", "told", "bad"
    );
    let mut random = fastrand::Rng::with_seed(seed);
    // What is made once for all of a process is made now.
    storm("Lock", Duration::from_millis(20), &mut random).unwrap();
    let before = Belongings::of_this_process();
    let mut failed = 0;
    for name in &names {
        match storm(name, time, &mut random) {
            Ok(row) => {
                println!("{row}");
                failed += usize::from(row.bad > 0);
            }
            Err(hang) => {
                println!("{name:10} HANG\n{hang}");
                failed += 1;
            }
        }
    }
    let after = Belongings::of_this_process();
    let leaks = usize::from(before != after);
    println!("before: {before:?}\nafter:  {after:?}");
    failed += leaks;
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

struct Row {
    name: String,
    done: u64,
    kills: u32,
    stops: u32,
    /// Processes that were killed with the object in their hands.
    inside: u32,
    told: u32,
    bad: u32,
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            done,
            kills,
            stops,
            inside,
            told,
            bad,
        } = self;
        write!(
            f,
            "{name:10} {done:10} {kills:6} {stops:6} {inside:7} {told:5} {bad:5}"
        )
    }
}

/// One process of the eight.
struct Worker {
    child: Child<()>,
    /// When it goes on, if it is stopped.
    goes_on: Option<Instant>,
    /// What it had done when that last changed.
    done: u32,
    since: Instant,
}

fn start(subject: &Subject, notes: &Notes, me: usize) -> Worker {
    let recipe = Process::new(work, (subject.clone(), Notes(notes.0.try_clone().unwrap()), me))
        .method(StartMethod::Fork);
    Worker {
        child: recipe.start().unwrap(),
        goes_on: None,
        done: notes.value(DONE + 4 * me),
        since: Instant::now(),
    }
}

/// One object's storm; an error is the diagnosis of a hang.
fn storm(name: &str, time: Duration, random: &mut fastrand::Rng) -> Result<Row, String> {
    let subject = subject(name);
    let notes = Notes(Segment::create("notes", NOTES).unwrap());
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|me| start(&subject, &notes, me)).collect();
    let (mut kills, mut stops, mut inside) = (0, 0, 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        // The pace of the storm; nothing waits for it.
        std::thread::sleep(Duration::from_micros(random.u64(200..4000)));
        let me = random.usize(0..PROCESSES);
        if random.u8(..) < 170 {
            kills += 1;
            inside += u32::from(kill(&workers[me], &notes, me));
            workers[me] = start(&subject, &notes, me);
        } else if workers[me].goes_on.is_none() {
            stops += 1;
            workers[me].child.signal(Signal::STOP).unwrap();
            workers[me].goes_on = Some(Instant::now() + Duration::from_micros(random.u64(500..20_000)));
        }
        watch(&mut workers, &notes, &subject)?;
    }
    // No kill any more: all must go on, and come to an end.
    for worker in &mut workers {
        worker.goes_on = worker.goes_on.map(|_| Instant::now());
    }
    watch(&mut workers, &notes, &subject)?;
    notes.word(STOP).store(1, SeqCst);
    let patience = Instant::now() + WATCHDOG;
    while workers.iter().any(|worker| worker.child.is_alive()) {
        let_go(&subject);
        if Instant::now() > patience {
            let diagnosis = diagnosis(&workers, &notes, &subject);
            workers.iter().for_each(|worker| drop(worker.child.kill()));
            return Err(diagnosis);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for worker in &workers {
        worker.child.join().map_err(|error| error.to_string())?;
    }
    let done = (0..PROCESSES)
        .map(|me| u64::from(notes.value(DONE + 4 * me)))
        .sum();
    check(&subject, &notes);
    let told = notes.value(TOLD);
    // Every death with the lock in hand was told to somebody.
    let untold = u32::from(matches!(subject, Subject::Lock(_) | Subject::RLock(_)) && told < inside);
    let idle = u32::from(done == 0);
    Ok(Row {
        name: name.to_owned(),
        done,
        kills,
        stops,
        inside,
        told,
        bad: notes.value(VIOLATIONS) + untold + idle,
    })
}

/// Kills, clears away what the dead had noted, and says whether it was inside.
fn kill(worker: &Worker, notes: &Notes, me: usize) -> bool {
    notes.add(UNSETTLED);
    notes.add(KILLS);
    worker.child.kill().unwrap();
    worker.child.wait().unwrap();
    let was_inside = notes.word(INSIDE).fetch_and(!(1 << me), SeqCst) & 1 << me != 0;
    notes.word(UNSETTLED).fetch_sub(1, SeqCst);
    was_inside
}

/// Lets stopped processes go on when it is time, and finds one that is left behind.
fn watch(workers: &mut [Worker], notes: &Notes, subject: &Subject) -> Result<(), String> {
    let now = Instant::now();
    let mut is_left = false;
    for (me, worker) in workers.iter_mut().enumerate() {
        if worker.goes_on.is_some_and(|at| at <= now) {
            worker.child.signal(Signal::CONT).unwrap();
            worker.goes_on = None;
        }
        let done = notes.value(DONE + 4 * me);
        if done != worker.done {
            (worker.done, worker.since) = (done, now);
        }
        is_left |= now.duration_since(worker.since) > WATCHDOG;
        if !worker.child.is_alive() {
            return Err(format!(
                "process {me} has ended by itself: {:?}",
                worker.child.status()
            ));
        }
    }
    if is_left {
        let diagnosis = diagnosis(workers, notes, subject);
        workers.iter().for_each(|worker| drop(worker.child.kill()));
        workers.iter().for_each(|worker| drop(worker.child.wait()));
        return Err(diagnosis);
    }
    Ok(())
}

/// What each process does, and the object.
fn diagnosis(workers: &[Worker], notes: &Notes, subject: &Subject) -> String {
    let mut lines = Vec::new();
    for (me, worker) in workers.iter().enumerate() {
        let pid = worker.child.pid();
        let of = |file: &str| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            text.trim().to_owned()
        };
        let state = of("stat").rsplit(')').next().unwrap_or_default().chars().nth(1);
        lines.push(format!(
            "    process {me} (pid {pid}): state {state:?}, done {}, quiet for {:?}, in call {}",
            notes.value(DONE + 4 * me),
            worker.since.elapsed(),
            of("syscall")
        ));
    }
    let object = match subject {
        Subject::Lock(it) => format!("{it:?}"),
        Subject::RLock(it) => format!("{it:?}"),
        Subject::Semaphore(it) => format!("{it:?}"),
        Subject::Condition(it) => format!("{it:?}"),
        Subject::Event(it) => format!("{it:?}"),
        Subject::Barrier(it) => format!("{it:?}"),
        Subject::RwLock(it) => format!("{it:?}"),
    };
    lines.push(format!("    {object}"));
    lines.join("\n")
}

/// Those who wait for others find that it is over.
fn let_go(subject: &Subject) {
    match subject {
        Subject::Event(event) => event.set(),
        Subject::Condition(condition) => {
            condition
                .lock()
                .unwrap_or_else(OwnerDied::into_guard)
                .notify_all();
        }
        Subject::Barrier(barrier) => barrier.abort(),
        Subject::Lock(_) | Subject::RLock(_) | Subject::Semaphore(_) | Subject::RwLock(_) => {}
    }
}

/// The object after the storm: whole, free, and usable.
fn check(subject: &Subject, notes: &Notes) {
    match subject {
        Subject::Lock(lock) => {
            exclusive(notes, lock.lock().is_err());
            drop(lock.lock().map_err(OwnerDied::repaired));
            assert!(lock.try_lock().is_ok());
        }
        Subject::RLock(lock) => {
            exclusive(notes, lock.lock().is_err());
            drop(lock.lock().map_err(OwnerDied::repaired));
            assert_eq!(lock.try_lock().unwrap().depth(), 1);
        }
        Subject::Semaphore(semaphore) => {
            let free = semaphore.available();
            if free != PERMITS {
                notes.violated(&format!("{free} permits of {PERMITS} are left"));
            }
        }
        Subject::Condition(condition) => {
            let guard = condition.lock().unwrap_or_else(OwnerDied::repaired);
            if guard.waiting() != 0 {
                notes.violated("somebody dead waits");
            }
        }
        Subject::Event(event) => {
            // Whoever was last to clear it may have been behind the last set.
            event.clear();
            event.set();
            if event.wait_timeout(WATCHDOG).is_err() {
                notes.violated("the event is set, and a wait does not end");
            }
        }
        Subject::Barrier(barrier) => {
            barrier.reset();
            if barrier.is_broken() || barrier.waiting() != 0 {
                notes.violated("the barrier is not as new after a reset");
            }
        }
        Subject::RwLock(lock) => {
            drop(lock.write().map_err(OwnerDied::repaired));
            assert!(lock.try_write().is_ok());
            assert!(lock.try_read().is_ok());
        }
    }
}
