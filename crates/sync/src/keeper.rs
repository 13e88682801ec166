//! A thread that lives as long as its process, to hold what has to be held for life.
//!
//! A robust mutex belongs to a thread, and says that its owner has died when the *thread* ends. A process is alive as long as its
//! main thread is there, so the main thread does it itself; for every other thread a keeper does, which is started when it is first
//! needed, sleeps, and handles no signals.
//! Invariant: what a lasting thread holds is given back by the same thread. What the main thread holds and another thread
//! wants back waits until the main thread comes by.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::identity;
use crate::sys::thread::block_signals;

type Job = Box<dyn FnOnce() + Send>;

/// Which lasting thread did a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    Main,
    Keeper,
}

struct Keeper {
    /// The keeper of another epoch was left behind by a fork.
    epoch: u32,
    jobs: Sender<Job>,
}

static KEEPER: Mutex<Option<Keeper>> = Mutex::new(None);

/// What the main thread is to do when it comes by, and in which epoch that was.
static FOR_MAIN: Mutex<Vec<(u32, Job)>> = Mutex::new(Vec::new());

/// Runs `job` on a lasting thread and waits for what it gives.
///
/// # Errors
/// There is no keeper yet and no thread can be started.
pub(crate) fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> io::Result<(T, Lasting)> {
    if identity::is_main_thread() {
        come_by();
        return Ok((job(), Lasting::Main));
    }
    let (tell, told) = channel();
    send(Box::new(move || drop(tell.send(job()))))?;
    // The keeper ends with the process alone.
    let given = told.recv().map_err(io::Error::other)?;
    Ok((given, Lasting::Keeper))
}

/// Has `job` done by the thread that did another one before, and returns when it is done; but what the main thread did, and this is
/// not, is done when that one comes by.
pub(crate) fn run_on(thread: Lasting, job: impl FnOnce() + Send + 'static) {
    match thread {
        Lasting::Main if identity::is_main_thread() => {
            come_by();
            job();
        }
        Lasting::Main => lock(&FOR_MAIN).push((identity::epoch(), Box::new(job))),
        // It is there, since it did another job before. Waited for, so that what a drop closes is closed after it.
        Lasting::Keeper => {
            let (done, told) = channel::<()>();
            let job = move || {
                job();
                drop(done);
            };
            if send(Box::new(job)).is_ok() {
                // An error is the end of the sender, which is what is waited for.
                let _ = told.recv();
            }
        }
    }
}

fn come_by() {
    let waiting = std::mem::take(&mut *lock(&FOR_MAIN));
    for (epoch, job) in waiting {
        if epoch == identity::epoch() {
            job();
        }
    }
}

fn send(job: Job) -> io::Result<()> {
    let mut keeper = lock(&KEEPER);
    let epoch = identity::epoch();
    let jobs = match &*keeper {
        Some(keeper) if keeper.epoch == epoch => &keeper.jobs,
        _ => {
            let (jobs, received) = channel::<Job>();
            thread::Builder::new()
                .name("sync-keeper".to_owned())
                .stack_size(64 << 10)
                .spawn(move || {
                    block_signals();
                    received.into_iter().for_each(|job| job());
                })?;
            let left_behind = keeper.replace(Keeper { epoch, jobs });
            // Its other end was copied by a fork, and what it points to may be in the middle of something.
            std::mem::forget(left_behind);
            match &*keeper {
                Some(keeper) => &keeper.jobs,
                None => unreachable!("it was just put there"),
            }
        }
    };
    jobs.send(job)
        .map_err(|_| io::Error::other("the keeper has ended"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
