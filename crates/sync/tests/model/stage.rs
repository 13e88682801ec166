//! Where modelled processes act: who they are, who sleeps, who dies and when.
//!
//! A process is one thread of the checker. Its death is chosen from outside: the sweep runs the model once for each step of the
//! victim, which dies before it; the checker explores every interleaving around that. A death is an unwinding that touches no word,
//! followed by what the kernel does: the mutexes of the dead are marked.
//! Invariant: nothing here is seen by the checker but through the words' own locks, and nothing is held over a switch of threads.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::checker::{self, Thread, ThreadId};
use crate::sys::memory::Mutex;

/// Whether a sleep ends by itself when nothing else can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleeps {
    /// It does not: who sleeps is owed a wake-up by somebody. Without deaths no wake-up may be missing.
    Owed,
    /// It does, and the sleeper looks again: a wake-up was lost with the dead.
    Bounded,
}

/// A death that a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    /// The number of the process.
    pub(crate) process: u32,
    /// It dies before this step, from 1.
    pub(crate) step: u32,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    NeverSlept,
    ByAnother,
    ByTime,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Returned,
    Died,
}

/// Time passes so often at most in one run: a sleeper that looks again and again and finds nothing is left asleep.
const ENOUGH: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    Asleep,
    /// It waits for others to end, or has ended.
    Away,
}

struct Process {
    thread: Option<ThreadId>,
    state: State,
    /// Since it became mortal; `None` before.
    steps: Option<u32>,
    is_dead: bool,
    /// How often it still sleeps before a deadline.
    patience: u32,
    /// Whether its next sleep ends by itself anyway.
    has_deadline: bool,
    owned: Vec<Arc<Mutex>>,
    pending: Option<Arc<Mutex>>,
}

struct Sleeping {
    key: usize,
    process: usize,
    thread: Thread,
}

/// What a step is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) memory: usize,
    pub(crate) offset: usize,
}

struct World {
    sleeps: Sleeps,
    deaths: Vec<Death>,
    has_died: bool,
    idle: u32,
    processes: Vec<Process>,
    sleeping: Vec<Sleeping>,
    /// By process: whether its last sleep ended by time.
    by_time: Vec<bool>,
    memories: usize,
    /// Who did what, in order.
    record: Vec<(usize, &'static str, Place)>,
}

thread_local! {
    static WORLD: RefCell<World> = const {
        RefCell::new(World {
            sleeps: Sleeps::Owed,
            deaths: Vec::new(),
            has_died: false,
            idle: 0,
            processes: Vec::new(),
            sleeping: Vec::new(),
            by_time: Vec::new(),
            memories: 0,
            record: Vec::new(),
        })
    };
}

/// The payload of the unwinding of a process that dies.
struct Dies;

fn world<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(look)
}

impl World {
    fn me(&self) -> usize {
        let thread = checker::current().id();
        let mine = |process: &Process| process.thread == Some(thread);
        self.processes
            .iter()
            .position(mine)
            .unwrap_or_else(|| panic!("a thread that is no process of the stage"))
    }

    fn process(&mut self) -> &mut Process {
        let me = self.me();
        &mut self.processes[me]
    }

    fn add(&mut self, thread: Option<ThreadId>) -> usize {
        self.by_time.push(false);
        self.processes.push(Process {
            thread,
            state: State::Runs,
            steps: None,
            is_dead: false,
            patience: 0,
            has_deadline: false,
            owned: Vec::new(),
            pending: None,
        });
        self.processes.len() - 1
    }
}

/// A run of a scene; made by the main thread, which is process 1 and does not die.
pub(crate) struct Stage {
    handles: RefCell<Vec<checker::JoinHandle<End>>>,
}

impl Stage {
    pub(crate) fn new(sleeps: Sleeps, deaths: Vec<Death>) -> Self {
        world(|world| {
            *world = World {
                sleeps,
                deaths,
                has_died: false,
                idle: 0,
                processes: Vec::new(),
                sleeping: Vec::new(),
                by_time: Vec::new(),
                memories: 0,
                record: Vec::new(),
            };
            world.add(Some(checker::current().id()));
        });
        Self {
            handles: RefCell::default(),
        }
    }

    /// Starts a process; the first has number 2.
    pub(crate) fn process(&self, body: impl FnOnce() + Send + 'static) {
        let me = world(|world| world.add(None));
        let handle = checker::spawn(move || {
            let thread = checker::current().id();
            world(|world| world.processes[me].thread = Some(thread));
            let end = match catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => End::Returned,
                Err(payload) if payload.is::<Dies>() => End::Died,
                Err(payload) => resume_unwind(payload),
            };
            leave();
            end
        });
        self.handles.borrow_mut().push(handle);
    }

    /// Waits until all processes have ended.
    pub(crate) fn join(&self) -> Vec<End> {
        world(|world| world.process().state = State::Away);
        pass_time();
        let handles = std::mem::take(&mut *self.handles.borrow_mut());
        let ends = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
        world(|world| world.process().state = State::Runs);
        ends
    }
}

/// From its next step on the calling process may die.
pub(crate) fn become_mortal() {
    world(|world| world.process().steps = Some(0));
}

/// Whether this run is about a death.
pub(crate) fn has_deaths() -> bool {
    world(|world| !world.deaths.is_empty())
}

/// Whether the death of this run has come.
pub(crate) fn has_died() -> bool {
    world(|world| world.has_died)
}

/// Whether a process has ended, by whatever: the kernel has taken back what it kept for it.
pub(crate) fn is_gone(number: u32) -> bool {
    world(|world| {
        let process = &world.processes[number as usize - 1];
        number != 1 && process.state == State::Away
    })
}

/// A step on something shared: the process may die before it. Whether it is alive; what runs in its unwinding is not.
pub(crate) fn step(what: &'static str, place: Place) -> bool {
    let dies = world(|world| {
        let me = world.me();
        if world.processes[me].is_dead {
            return None;
        }
        world.record.push((me + 1, what, place));
        let process = &mut world.processes[me];
        let Some(steps) = &mut process.steps else {
            return Some(false);
        };
        *steps += 1;
        let now = Death {
            process: me as u32 + 1,
            step: *steps,
        };
        let dies = world.deaths.contains(&now);
        if dies {
            process.is_dead = true;
            world.has_died = true;
        }
        Some(dies)
    });
    match dies {
        Some(true) => resume_unwind(Box::new(Dies)),
        Some(false) => true,
        None => false,
    }
}

/// The steps of the last run on this thread, a line each.
pub(crate) fn record() -> String {
    let line = |(process, what, place): &(usize, &str, Place)| {
        let Place { memory, offset } = place;
        format!("    process {process}: {what} {memory}+{offset}")
    };
    world(|world| world.record.iter().map(line).collect::<Vec<_>>().join("\n"))
}

pub(crate) fn number_of_memory() -> usize {
    world(|world| {
        world.memories += 1;
        world.memories
    })
}

/// The number of the calling process, not 0.
pub(crate) fn number() -> u32 {
    world(|world| world.me() as u32 + 1)
}

/// From now on a wait of the calling process with a deadline sleeps so often at most.
pub(crate) fn be_patient(sleeps: u32) {
    world(|world| world.process().patience = sleeps);
}

/// The calling process is about to sleep without a deadline.
pub(crate) fn sleep_on() {
    world(|world| world.process().has_deadline = false);
}

/// The calling process is about to sleep before a deadline: one sleep fewer, if there are any.
pub(crate) fn has_patience() -> bool {
    world(|world| {
        let process = world.process();
        process.has_deadline = true;
        let before = process.patience;
        process.patience = before.saturating_sub(1);
        before > 0
    })
}

/// What the kernel does when a process has ended, by whatever.
fn leave() {
    let (pending, owned) = world(|world| {
        let process = world.process();
        (process.pending.take(), std::mem::take(&mut process.owned))
    });
    for mutex in owned.iter().rev() {
        mutex.inherit();
    }
    if let Some(mutex) = pending
        && !owned.iter().any(|other| Arc::ptr_eq(other, &mutex))
    {
        mutex.pass_on();
    }
    world(|world| world.process().state = State::Away);
    pass_time();
}

pub(crate) fn note_owned(mutex: &Arc<Mutex>) {
    world(|world| world.process().owned.push(Arc::clone(mutex)));
}

pub(crate) fn note_released(mutex: &Arc<Mutex>) {
    world(|world| world.process().owned.retain(|other| !Arc::ptr_eq(other, mutex)));
}

pub(crate) fn owns(mutex: &Arc<Mutex>) -> bool {
    world(|world| {
        world
            .process()
            .owned
            .iter()
            .any(|other| Arc::ptr_eq(other, mutex))
    })
}

/// The thread's pending entry, for as long as the call lasts. A death keeps it.
pub(crate) struct Pending(());

pub(crate) fn pending(mutex: &Arc<Mutex>) -> Pending {
    world(|world| world.process().pending = Some(Arc::clone(mutex)));
    Pending(())
}

impl Drop for Pending {
    fn drop(&mut self) {
        world(|world| {
            let process = world.process();
            if !process.is_dead {
                process.pending = None;
            }
        });
    }
}

/// Somebody in the list of those that sleep, not yet asleep.
pub(crate) struct Sleeper(());

/// Enters the list; under the bucket of the word.
pub(crate) fn fall_asleep(key: usize) -> Sleeper {
    let thread = checker::current();
    world(|world| {
        let process = world.me();
        world.processes[process].state = State::Asleep;
        world.by_time[process] = false;
        world.sleeping.push(Sleeping { key, process, thread });
    });
    Sleeper(())
}

impl Sleeper {
    /// Until it is woken.
    pub(crate) fn sleep(self) -> Woken {
        pass_time();
        while world(|world| world.process().state == State::Asleep) {
            checker::park();
        }
        if world(|world| {
            let me = world.me();
            world.by_time[me]
        }) {
            Woken::ByTime
        } else {
            Woken::ByAnother
        }
    }
}

/// Wakes those that slept first; under the bucket of the word.
pub(crate) fn wake(key: usize, count: usize) -> usize {
    let mut woken = Vec::new();
    world(|world| {
        while woken.len() < count {
            let Some(first) = world.sleeping.iter().position(|sleeping| sleeping.key == key) else {
                break;
            };
            let sleeping = world.sleeping.remove(first);
            world.processes[sleeping.process].state = State::Runs;
            woken.push(sleeping.thread);
        }
    });
    woken.iter().for_each(Thread::unpark);
    woken.len()
}

/// If nobody can go on, time passes: bounded sleeps end. If there are none, the sleepers are left asleep for ever.
fn pass_time() {
    let woken = world(|world| {
        let somebody_runs = world.processes.iter().any(|process| process.state == State::Runs);
        if somebody_runs || world.sleeping.is_empty() {
            return Vec::new();
        }
        let asleep: Vec<usize> = world
            .sleeping
            .iter()
            .map(|sleeping| sleeping.process + 1)
            .collect();
        let is_bounded = world.sleeps == Sleeps::Bounded;
        let processes = &world.processes;
        let ends = |sleeping: &mut Sleeping| is_bounded || processes[sleeping.process].has_deadline;
        let woken: Vec<Sleeping> = world.sleeping.extract_if(.., ends).collect();
        assert!(
            !woken.is_empty(),
            "a wake-up is missing: processes {asleep:?} sleep, and nobody is left to wake them"
        );
        world.idle += 1;
        assert!(
            world.idle <= ENOUGH,
            "left asleep: processes {asleep:?} have looked {ENOUGH} times, and nothing will ever change"
        );
        for sleeping in &woken {
            world.processes[sleeping.process].state = State::Runs;
            world.by_time[sleeping.process] = true;
        }
        woken
    });
    woken.iter().for_each(|sleeping| sleeping.thread.unpark());
}
