//! The accepting of connections: many handshakes at a time in one thread, none of which can hold up another.
//!
//! Invariant: the descriptor of an acceptor is readable if there is something to do for it: somebody has connected, a stranger has sent
//! something, or one's time is over. What is to be done is done by whoever accepts, without waiting for any of them.
//! A stranger costs one descriptor, 200 bytes and a few system calls; there are at most so many, and the one that has been here
//! longest goes when another one comes. A socket leaves the epoll before it is closed or given away, since a copy of it in a
//! forked child would keep it there.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use core_process::{Until, WaitError, wait_any};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::auth::handshake::Listening;
use crate::auth::{Key, random};
use crate::channel::Patience;
use crate::client::error::AcceptError;
use crate::listener::door::{Door, above_standard};
use crate::listener::stranger::{Step, Stranger};

/// How a listener treats those who come.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) key: Option<Key>,
    pub(crate) handshake_time: Duration,
    pub(crate) most_strangers: usize,
    pub(crate) backlog: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key: None,
            handshake_time: Duration::from_secs(1),
            most_strangers: 64,
            backlog: 128,
        }
    }
}

pub(crate) struct Acceptor<D: Door> {
    inside: Mutex<Inside<D>>,
    epoll: OwnedFd,
    settings: Settings,
    // Goes last: the door's file is there as long as anything of it is.
    door: D,
}

struct Inside<D: Door> {
    strangers: Vec<Option<Stranger<D::Peer>>>,
    generation: u32,
    timer: OwnedFd,
    timer_is_set: bool,
    last: Option<D::Peer>,
}

/// The numbers of the door and of the timer in the epoll; strangers have theirs above.
const DOOR: u64 = 0;
const TIMER: u64 = 1;
const FIRST_STRANGER: u64 = 2;

/// So many events are looked at in one round, and so many are let in by the door.
const AT_A_TIME: usize = 32;

/// Longer than a process lives.
const A_LIFE: Duration = Duration::from_secs(1 << 30);

/// So many rounds are made before the caller's own deadline is looked at: strangers may give ever more to do.
const ROUNDS: usize = 64;

impl<D: Door> Acceptor<D> {
    pub(crate) fn new(door: D, settings: Settings) -> io::Result<Self> {
        let epoll = above_standard(epoll::create(CreateFlags::CLOEXEC)?)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = above_standard(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        epoll::add(&epoll, &door, EventData::new_u64(DOOR), EventFlags::IN)?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)?;
        let strangers = (0..settings.most_strangers.max(1)).map(|_| None).collect();
        Ok(Self {
            inside: Mutex::new(Inside {
                strangers,
                generation: 0,
                timer,
                timer_is_set: false,
                last: None,
            }),
            epoll,
            settings,
            door,
        })
    }

    pub(crate) fn door(&self) -> &D {
        &self.door
    }

    pub(crate) fn last(&self) -> Option<D::Peer> {
        self.inside().last.clone()
    }

    fn inside(&self) -> std::sync::MutexGuard<'_, Inside<D>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket whose peer may come in.
    #[track_caller]
    pub(crate) fn accept(&self, patience: Patience<'_>) -> Result<OwnedFd, AcceptError> {
        loop {
            for _ in 0..ROUNDS {
                match self.inside().work(self).map_err(AcceptError::Os)? {
                    Work::Accepted(socket) => return Ok(socket),
                    Work::Nothing => break,
                    Work::More => {}
                }
            }
            let Patience::Until(until) = patience else {
                return Err(AcceptError::WouldBlock);
            };
            self.wait(until)?;
        }
    }

    /// Waits until there is something to do. Strangers who give ever more to do do not prolong the wait.
    #[track_caller]
    fn wait(&self, until: &Until) -> Result<(), WaitError> {
        if until.token().is_some_and(|token| token.is_stopped()) {
            return Err(WaitError::Stopped);
        }
        if until.remaining().is_some_and(|left| left.is_zero()) {
            return Err(WaitError::TimedOut);
        }
        wait_any(&[self], until.clone()).map(drop)
    }
}

enum Work {
    Accepted(OwnedFd),
    /// There is nothing more to do now.
    Nothing,
    /// There may be more to do.
    More,
}

impl<D: Door> Inside<D> {
    /// Does what is to be done now, until somebody is welcome.
    fn work(&mut self, acceptor: &Acceptor<D>) -> io::Result<Work> {
        let mut events = [const { MaybeUninit::uninit() }; AT_A_TIME];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let (events, _): (&mut [Event], _) = match epoll::wait(&acceptor.epoll, &mut events, Some(&now)) {
            Err(Errno::INTR) => return Ok(Work::More),
            other => other?,
        };
        if events.is_empty() {
            return Ok(Work::Nothing);
        }
        for event in events {
            let data = event.data;
            let welcome = match data.u64() {
                DOOR => self.open_to_some(acceptor)?,
                TIMER => {
                    self.send_the_late_away(acceptor);
                    None
                }
                number => self.hear(acceptor, number),
            };
            if let Some((socket, peer)) = welcome {
                self.last = Some(peer);
                return Ok(Work::Accepted(socket));
            }
        }
        Ok(Work::More)
    }

    /// Lets some in by the door. They are strangers, or the first is welcome where there is no key.
    fn open_to_some(&mut self, acceptor: &Acceptor<D>) -> io::Result<Option<(OwnedFd, D::Peer)>> {
        for _ in 0..AT_A_TIME {
            match acceptor.door.open() {
                Ok((_, peer)) if !acceptor.door.admits(&peer) => {}
                Ok(came) if acceptor.settings.key.is_none() => return Ok(Some(came)),
                Ok((socket, peer)) => self.greet(acceptor, socket, peer)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if is_out_of_descriptors(&error) => {
                    // A stranger is worth less than one who may be none.
                    if !self.send_oldest_away(acceptor) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn greet(&mut self, acceptor: &Acceptor<D>, socket: OwnedFd, peer: D::Peer) -> io::Result<()> {
        if self.strangers.iter().all(Option::is_some) {
            self.send_oldest_away(acceptor);
        }
        let Some(slot) = self.strangers.iter().position(Option::is_none) else {
            return Ok(());
        };
        self.generation = self.generation.wrapping_add(1);
        // A time that the clock cannot express is one that nobody lives to see.
        let (now, time) = (Instant::now(), acceptor.settings.handshake_time);
        let deadline = now.checked_add(time).unwrap_or(now + A_LIFE);
        let handshake = Listening::new(random()?);
        let Some(stranger) = Stranger::greet(socket, peer, deadline, self.generation, handshake) else {
            return Ok(());
        };
        let number = number_of(slot, self.generation);
        epoll::add(
            &acceptor.epoll,
            &stranger.socket,
            EventData::new_u64(number),
            EventFlags::IN,
        )?;
        self.strangers[slot] = Some(stranger);
        if !self.timer_is_set {
            self.set_timer(Some(acceptor.settings.handshake_time));
        }
        Ok(())
    }

    /// Hears what a stranger says.
    fn hear(&mut self, acceptor: &Acceptor<D>, number: u64) -> Option<(OwnedFd, D::Peer)> {
        let key = acceptor.settings.key.as_ref()?;
        let slot = slot_of(number);
        let stranger = self.strangers.get_mut(slot)?.as_mut()?;
        if number_of(slot, stranger.generation) != number {
            return None; // he has gone, and another one has his place
        }
        match stranger.step(key, D::PACKETS) {
            Step::Waits => None,
            Step::Away => {
                self.take_out(acceptor, slot);
                None
            }
            Step::Welcome => {
                let stranger = self.take_out(acceptor, slot)?;
                Some((stranger.socket, stranger.peer))
            }
        }
    }

    fn take_out(&mut self, acceptor: &Acceptor<D>, slot: usize) -> Option<Stranger<D::Peer>> {
        let stranger = self.strangers[slot].take()?;
        let _ = epoll::delete(&acceptor.epoll, &stranger.socket);
        if self.strangers.iter().all(Option::is_none) {
            self.set_timer(None);
        }
        Some(stranger)
    }

    /// Whether there was one.
    fn send_oldest_away(&mut self, acceptor: &Acceptor<D>) -> bool {
        let by_age = self.strangers.iter().enumerate();
        let oldest = by_age
            .filter_map(|(slot, stranger)| Some((stranger.as_ref()?.deadline, slot)))
            .min();
        oldest.is_some_and(|(_, slot)| self.take_out(acceptor, slot).is_some())
    }

    fn send_the_late_away(&mut self, acceptor: &Acceptor<D>) {
        let mut count = [0; 8];
        let _ = retry_on_intr(|| rustix::io::read(&self.timer, &mut count));
        self.timer_is_set = false;
        let now = Instant::now();
        for slot in 0..self.strangers.len() {
            if self.strangers[slot]
                .as_ref()
                .is_some_and(|one| one.deadline <= now)
            {
                self.take_out(acceptor, slot);
            }
        }
        let next = self.strangers.iter().flatten().map(|one| one.deadline).min();
        self.set_timer(next.map(|next| next.saturating_duration_since(now)));
    }

    fn set_timer(&mut self, time: Option<Duration>) {
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // Zero would switch it off. A time that the clock cannot express never comes.
        let value = time.map(|time| time.max(Duration::from_nanos(1)));
        let value = value
            .and_then(|time| Timespec::try_from(time).ok())
            .unwrap_or(zero);
        let setting = Itimerspec {
            it_interval: zero,
            it_value: value,
        };
        let set = timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting);
        self.timer_is_set = time.is_some() && set.is_ok();
    }
}

fn number_of(slot: usize, generation: u32) -> u64 {
    (u64::from(generation) << 32) | (slot as u64 + FIRST_STRANGER)
}

fn slot_of(number: u64) -> usize {
    ((number & u64::from(u32::MAX)) - FIRST_STRANGER) as usize
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        code,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

impl<D: Door> AsFd for Acceptor<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
