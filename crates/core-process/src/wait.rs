//! `wait_any`: waiting for whatever happens first to any of some things that are descriptors.
//!
//! Invariant: it takes nothing. A child that has ended stays to be joined, bytes that have come stay to be read; so
//! two threads may wait for the same thing and both see it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::probe::{self, Phase};
use crate::sys::poll::poll_until;
use crate::{Until, WaitError, returns};

/// Waits until at least one of `things` is ready; the indices of all that are, in rising order.
///
/// A child is ready when it has ended; a socket, pipe or queue when it can be read from or has no writer any more.
/// Readiness comes before the deadline and the token: what is ready already is returned even if they have passed.
/// Python's `multiprocessing.connection.wait`.
///
/// ```
/// use core_process::{Until, wait_any};
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
///
/// let (left, _silent) = UnixStream::pair()?;
/// let (right, mut speaker) = UnixStream::pair()?;
/// speaker.write_all(b"!")?;
/// assert_eq!(wait_any(&[&left, &right], Until::forever())?, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// - [`WaitError::TimedOut`], [`WaitError::Stopped`]: before anything was ready.
/// - [`WaitError::Os`]: there is nothing to wait for (`InvalidInput`), or the system refuses: more descriptors than
///   `RLIMIT_NOFILE`, no kernel memory.
#[track_caller]
pub fn wait_any<F: AsFd>(things: &[F], until: impl Into<Until>) -> Result<Vec<usize>, WaitError> {
    let until = until.into();
    // A wait with a deadline ends by itself and is no news: who looks again and again would tell of nothing else.
    if until.deadline().is_some() {
        return first_of(things, &until);
    }
    let (count, caller) = (things.len() as i64, Some(Location::caller()));
    probe::emit("wait_any", Phase::Begin, 0, count, caller);
    let ready = first_of(things, &until);
    probe::emit("wait_any", Phase::End, 0, count, caller);
    ready
}

/// Waits until bytes can be written to `thing`, or its peer is gone.
///
/// ```
/// use core_process::{Until, wait_to_write};
/// use std::os::unix::net::UnixStream;
///
/// let (ours, _theirs) = UnixStream::pair()?;
/// wait_to_write(&ours, &Until::forever())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A [`WaitError`] if the wait is over before.
pub fn wait_to_write(thing: impl AsFd, until: &Until) -> Result<(), WaitError> {
    let mut polled = vec![PollFd::from_borrowed_fd(thing.as_fd(), PollFlags::OUT)];
    polled.extend(until.token().map(|token| PollFd::new(token, PollFlags::IN)));
    poll_until(&mut polled, until.deadline()).map_err(|error| WaitError::Os(error.into()))?;
    match &polled[..] {
        [thing, ..] if !thing.revents().is_empty() => Ok(()),
        [_, token] if !token.revents().is_empty() => Err(WaitError::Stopped),
        _ => Err(WaitError::TimedOut),
    }
}

/// [`wait_any`] as a part of another operation of the library, which an observer is told of.
pub(crate) fn first_of<F: AsFd>(things: &[F], until: &Until) -> Result<Vec<usize>, WaitError> {
    if things.is_empty() {
        let why = "nothing to wait for: the list is empty, and the wait would never end";
        return Err(WaitError::Os(io::Error::new(io::ErrorKind::InvalidInput, why)));
    }
    // A child whose result cannot leave it never ends: what children send is taken in while somebody waits.
    let mut incoming = returns::incoming();
    loop {
        let ready = wait_once(things, until, incoming.as_deref())?;
        match ready {
            Some(ready) => return Ok(ready),
            None if returns::drain() => {}
            // No room here: it stays readable, and is not looked at again in this call.
            None => incoming = None,
        }
    }
}

/// `None`: nothing but `incoming` is ready.
fn wait_once<F: AsFd>(
    things: &[F],
    until: &Until,
    incoming: Option<&OwnedFd>,
) -> Result<Option<Vec<usize>>, WaitError> {
    // Token and incoming are the last, so that the indices of the others stay what they are.
    let descriptors = things
        .iter()
        .map(AsFd::as_fd)
        .chain(until.token().map(AsFd::as_fd))
        .chain(incoming.map(AsFd::as_fd));
    let mut polled: Vec<_> = descriptors
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    poll_until(&mut polled, until.deadline()).map_err(|error| refused(error, polled.len()))?;

    let (things, others) = polled.split_at(things.len());
    let (token, incoming) = others.split_at(usize::from(until.token().is_some()));
    if things.iter().any(|one| one.revents().contains(PollFlags::NVAL)) {
        return Err(WaitError::Os(Errno::BADF.into()));
    }
    let ready: Vec<usize> = (0..things.len())
        .filter(|&at| !things[at].revents().is_empty())
        .collect();
    if !ready.is_empty() {
        Ok(Some(ready))
    } else if token.iter().any(|token| !token.revents().is_empty()) {
        Err(WaitError::Stopped)
    } else if incoming.iter().any(|incoming| !incoming.revents().is_empty()) {
        Ok(None)
    } else {
        Err(WaitError::TimedOut)
    }
}

#[cold]
fn refused(error: Errno, count: usize) -> WaitError {
    WaitError::Os(match error {
        Errno::INVAL => io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{count} descriptors are more than this process may wait for (RLIMIT_NOFILE)"),
        ),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StopSource;
    use rustix::process::{Resource, getrlimit};
    use std::io::Write;
    use std::os::fd::BorrowedFd;
    use std::os::unix::net::UnixStream;
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Far longer than any test; a test that reaches it has failed.
    const WATCHDOG: Duration = Duration::from_secs(60);

    #[test]
    fn all_that_are_ready_are_named_and_nothing_is_taken() {
        let (mut sockets, peers): (Vec<_>, Vec<_>) = (0..5).map(|_| UnixStream::pair().unwrap()).unzip();
        sockets[1].write_all(b"x").unwrap();
        sockets.swap_remove(3); // closed: its peer's stream has ended
        for _ in 0..2 {
            assert_eq!(wait_any(&peers, WATCHDOG).unwrap(), [1, 3]);
        }
    }

    #[test]
    fn a_deadline_that_has_passed_still_looks_once() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let theirs = [theirs];
        assert!(matches!(
            wait_any(&theirs, Duration::ZERO),
            Err(WaitError::TimedOut)
        ));
        ours.write_all(b"x").unwrap();
        assert_eq!(wait_any(&theirs, Duration::ZERO).unwrap(), [0]);
        assert_eq!(wait_any(&theirs, Instant::now()).unwrap(), [0]);
    }

    #[test]
    fn readiness_comes_before_the_stop_and_the_stop_before_the_deadline() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let theirs = [theirs];
        let source = StopSource::new().unwrap();
        let token = source.token();
        assert!(matches!(
            wait_any(&theirs, (&token, Duration::ZERO)),
            Err(WaitError::TimedOut)
        ));
        source.stop();
        assert!(matches!(
            wait_any(&theirs, (&token, Duration::ZERO)),
            Err(WaitError::Stopped)
        ));
        ours.write_all(b"x").unwrap();
        assert_eq!(wait_any(&theirs, &token).unwrap(), [0]);
    }

    #[test]
    fn nothing_to_wait_for_is_an_error() {
        let none: [UnixStream; 0] = [];
        let error = wait_any(&none, Until::forever()).unwrap_err();
        assert!(matches!(error, WaitError::Os(error) if error.kind() == io::ErrorKind::InvalidInput));
    }

    #[test]
    fn more_than_the_limit_is_an_error_that_names_it() {
        let Some(limit) = getrlimit(Resource::Nofile)
            .current
            .filter(|limit| *limit < 2_000_000)
        else {
            return; // without a limit there is nothing to exceed
        };
        let (one, _peer) = UnixStream::pair().unwrap();
        let many: Vec<BorrowedFd<'_>> = vec![one.as_fd(); limit as usize + 1];
        let error = wait_any(&many, WATCHDOG).unwrap_err();
        assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
    }

    /// A handled signal interrupts the system call; the wait goes on, to its own end and not before.
    #[test]
    fn a_signal_neither_ends_nor_prolongs_the_wait() {
        static HANDLED: AtomicU32 = AtomicU32::new(0);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        signal::catch_usr2(&HANDLED);
        let (tell, told) = mpsc::channel();
        let deadline = Instant::now() + Duration::from_millis(300);
        let waiter = thread::spawn(move || {
            let outcome = wait_any(&[&theirs], deadline);
            tell.send((
                matches!(outcome, Err(WaitError::TimedOut)),
                Instant::now() >= deadline,
            ))
            .unwrap();
            wait_any(&[&theirs], WATCHDOG).unwrap()
        });
        let watchdog = Instant::now() + WATCHDOG;
        let (timed_out, at_the_deadline) = loop {
            signal::send_usr2(waiter.as_pthread_t());
            match told.recv_timeout(Duration::from_millis(1)) {
                Ok(outcome) => break outcome,
                Err(_) => assert!(Instant::now() < watchdog, "the signals prolong the wait"),
            }
        };
        assert!(timed_out, "the wait ended by something else than its deadline");
        assert!(at_the_deadline, "a signal ended the wait before its deadline");
        signal::send_usr2(waiter.as_pthread_t());
        ours.write_all(b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), [0]);
        assert!(HANDLED.load(Ordering::Acquire) > 0);
    }

    mod signal {
        #![allow(
            unsafe_code,
            reason = "the test installs a signal handler and signals one thread"
        )]
        use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

        static COUNTER: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

        extern "C" fn count(_: libc::c_int) {
            // SAFETY: `catch_usr2` stored the address of a static before it installed this handler.
            let counter = unsafe { &*COUNTER.load(Ordering::Acquire) };
            counter.fetch_add(1, Ordering::Release);
        }

        pub(super) fn catch_usr2(counter: &'static AtomicU32) {
            COUNTER.store(std::ptr::from_ref(counter).cast_mut(), Ordering::Release);
            // SAFETY: all zero bytes are a valid `sigaction`: no flags (so no SA_RESTART) and an empty mask.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = count as *const () as usize;
            // SAFETY: the handler makes one atomic addition.
            let installed =
                unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) };
            assert_eq!(installed, 0);
        }

        pub(super) fn send_usr2(thread: libc::pthread_t) {
            // SAFETY: the caller has not joined the thread, so the handle is valid.
            let sent = unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
            assert_eq!(sent, 0);
        }
    }
}
