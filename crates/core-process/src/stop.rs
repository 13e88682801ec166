//! `StopSource` and `StopToken`: asking blocking calls to end, across threads and processes.
//!
//! Invariant: once stopped is stopped for ever, for every holder in every process, and every wait that has the
//! token sees it, whether it began before or after.
//! Whose state it is: an eventfd that is written and never read. So there is no memory to share, no thread, and
//! nothing to repair when a holder dies.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Fd;
use crate::sys::poll;

/// The side that asks to stop.
///
/// Clones, and copies in other processes, are the same source. Dropping a source, or the death of its process, stops
/// nobody.
///
/// ```
/// use core_process::{StopSource, Until, WaitError, wait_any};
/// use std::os::unix::net::UnixStream;
/// use std::thread;
///
/// let source = StopSource::new()?;
/// let token = source.token();
/// let (silent, _peer) = UnixStream::pair()?;
/// let waiter = thread::spawn(move || wait_any(&[silent], &token));
/// source.stop();
/// assert!(matches!(waiter.join(), Ok(Err(WaitError::Stopped))));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StopSource {
    token: StopToken,
}

/// The side that is asked: give it to a blocking call, or look at it between two steps of work.
///
/// It is a value that can be an argument, and costs one descriptor in each process. Clones share that.
/// As a descriptor ([`AsFd`]) it is readable from the stop on; nobody may read from it.
#[derive(Clone, Debug)]
pub struct StopToken {
    flag: Arc<OwnedFd>,
}

impl StopSource {
    /// A source that nobody has stopped yet.
    ///
    /// # Errors
    /// `EMFILE` or `ENFILE` if no descriptor is free.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            token: StopToken {
                flag: Arc::new(poll::flag()?),
            },
        })
    }

    /// Stops every holder of a token, for ever. Once is enough; again changes nothing.
    ///
    /// It never blocks, takes no lock and allocates nothing: a signal handler may call it.
    pub fn stop(&self) {
        poll::raise(&self.token);
    }

    /// A token of this source.
    pub fn token(&self) -> StopToken {
        self.token.clone()
    }
}

impl StopToken {
    /// Whether somebody has asked to stop. One system call.
    pub fn is_stopped(&self) -> bool {
        // Looking at a descriptor that is open cannot fail but for want of kernel memory; not stopped, then.
        poll::is_readable(self).unwrap_or(false)
    }
}

impl AsFd for StopToken {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.flag.as_fd()
    }
}

impl Serialize for StopToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fd::from(self.as_fd()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StopToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flag: Fd<OwnedFd> = Fd::deserialize(deserializer)?;
        Ok(Self {
            flag: Arc::new(flag.into_inner()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    #[test]
    fn every_token_sees_the_stop_and_keeps_seeing_it() {
        let source = StopSource::new().unwrap();
        let early = source.token();
        let sent = encode(&source.clone()).unwrap();
        let elsewhere: StopSource = decode(&sent.bytes, sent.descriptors).unwrap();
        assert!(!early.is_stopped() && !elsewhere.token().is_stopped());
        elsewhere.stop();
        elsewhere.stop();
        for token in [&early, &source.token(), &elsewhere.token()] {
            assert!(token.is_stopped());
            assert!(token.is_stopped());
        }
    }

    #[test]
    fn a_dropped_source_stops_nobody() {
        let source = StopSource::new().unwrap();
        let token = source.token();
        drop(source);
        assert!(!token.is_stopped());
    }

    #[test]
    fn a_full_counter_is_stopped_and_blocks_nobody() {
        let source = StopSource::new().unwrap();
        rustix::io::write(&source.token, &(u64::MAX - 1).to_ne_bytes()).unwrap();
        source.stop();
        assert!(source.token().is_stopped());
    }
}
