//! The protocol of a condition: who waits, and the notices given to them.
//!
//! Invariant: notices are numbers under a lock, and each is taken by one of those that waited when it was given, whichever comes
//! first. So one meant for a waiter that dies goes to another, and none is kept for who comes later. The steps, and what a death at
//! each leaves, are in `README.md` beside this file.
//! It does not know whether the lock is in the same memory.
//!
//! | offset | word | what |
//! | --- | --- | --- |
//! | 128 | `CALL` | bit 0: `SLEEPERS`, somebody may sleep; 1 to 31: raised by every notice, so that who sleeps has to look |
//! | 132 | `TICKET` | the number of the next to wait |
//! | 136 | `LIMIT` | who has a lower number may take a notice |
//! | 140 | `NOTICES` | given and not yet taken |
//! | 144 to 155 | `PEERS` | who gave notice last (`spin.rs`) |
//!
//! A slot's `COUNT` is how many threads of the process wait.

use std::sync::atomic::Ordering::Relaxed;

use core_process::Until;

use crate::exclusion::{self, News};
use crate::ledger::{self, Slot};
use crate::pace::{Over, Watch, next_sleep};
use crate::spin::{look_again, seen_here};
use crate::sys::futex;
use crate::sys::memory::{Memory, Word};

const CALL: usize = 128;
const TICKET: usize = 132;
const LIMIT: usize = 136;
const NOTICES: usize = 140;
const PEERS: usize = 144;

const SLEEPERS: u32 = 1;
const NEXT: u32 = 2;

/// The highest number of a call.
const LAST: u32 = u32::MAX / NEXT;

/// The kernel takes no more.
const MOST: u32 = i32::MAX.cast_unsigned();

/// The notices of one condition.
#[derive(Clone, Copy)]
pub(crate) struct Notices<'a> {
    /// Where the words and the ledger are.
    pub(crate) memory: &'a Memory,
    /// Where the lock is.
    pub(crate) lock: &'a Memory,
}

/// Sleepers that were given notice and are still to be woken.
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "who sleeps has to be woken"]
pub(crate) struct Owed {
    count: u32,
    /// That of the call.
    number: u32,
    /// How many waited then.
    waiting: u32,
}

/// How a wait ended. The lock is held again, as deep as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waited {
    /// With a notice, or without one.
    pub(crate) outcome: Result<(), Over>,
    /// Whether an owner of the lock died with it.
    pub(crate) news: News,
}

impl Notices<'_> {
    /// Releases the lock, all its levels, wakes whom it is `owed` to, waits for a notice, and takes the lock again. By the lock's
    /// owner; `slot` is its process's.
    pub(crate) fn wait(self, slot: Slot<'_>, until: &Until, owed: Owed) -> Waited {
        slot.set_count(slot.count() + 1);
        let ticket = self.word(TICKET).load(Relaxed);
        self.word(TICKET).store(ticket.wrapping_add(1), Relaxed);
        let depth = exclusion::depth(self.lock);
        let mut seen = self.word(CALL).load(Relaxed) / NEXT;
        (0..depth).for_each(|_| exclusion::release(self.lock));
        self.wake(owed);
        look_again(self.memory, PEERS, || {
            self.word(CALL).load(Relaxed) / NEXT != seen && !exclusion::is_held(self.lock)
        });
        let mut news = News::None;
        let outcome = loop {
            let over = match next_sleep(until, Watch::Wakes) {
                Ok(longest) => {
                    self.sleep(seen, longest);
                    None
                }
                Err(over) => Some(over),
            };
            // Relaxed: the number is a hint to look, and the look is under the lock.
            if over.is_none() && self.word(CALL).load(Relaxed) / NEXT == seen {
                continue;
            }
            if let Ok(died @ News::Died(_)) = exclusion::take(self.lock, &Until::forever()) {
                news = died;
            }
            if self.take_notice(ticket) {
                break Ok(());
            }
            if let Some(over) = over {
                break Err(over);
            }
            seen = self.word(CALL).load(Relaxed) / NEXT;
            exclusion::release(self.lock);
        };
        slot.set_count(slot.count().saturating_sub(1));
        // It is the caller's own now: nothing to wait for.
        for _ in 1..depth {
            let _ = exclusion::take(self.lock, &Until::forever());
        }
        Waited { outcome, news }
    }

    /// Gives so many notices, or as many as there are to take them. Under the lock. Who sleeps is `owed` a wake-up then, by
    /// [`wake`](Self::wake), best when the lock was released, since who wakes needs it; what is owed already is added to.
    pub(crate) fn give(self, count: u32, owed: &mut Owed) {
        seen_here(self.memory, PEERS);
        let call = self.word(CALL);
        // The call first: whoever looks needs the lock, and so comes when all is written, or when this process has died.
        // Relaxed: the lock orders; and of this and the mark of a sleeper in the same word one comes first. Nobody else raises the number.
        let number = (call.load(Relaxed) / NEXT).wrapping_add(1) & LAST;
        let before = call.swap(number * NEXT, Relaxed);
        let notices = self.word(NOTICES).load(Relaxed).saturating_add(count);
        let ticket = self.word(TICKET).load(Relaxed);
        self.word(LIMIT).store(ticket, Relaxed);
        // No more than there are to take them: what was meant for the dead is not kept for who comes later.
        let waiting = self.waiting();
        self.word(NOTICES).store(notices.min(waiting), Relaxed);
        if before & SLEEPERS != 0 || owed.count > 0 {
            *owed = Owed {
                count: owed.count.saturating_add(count),
                number,
                waiting,
            };
        }
    }

    /// Wakes whom it is owed to.
    pub(crate) fn wake(self, owed: Owed) {
        if owed.count == 0 {
            return;
        }
        let call = self.word(CALL);
        futex::wake(call, owed.count.min(MOST));
        if owed.waiting <= owed.count {
            return;
        }
        // Others may sleep on, whose mark was taken away by the notice. Whoever gave notice meanwhile saw no mark, and woke nobody: if the
        // number is another one, this is done for them.
        // Relaxed: of this and the change of the number in the same word one comes first.
        if call.fetch_or(SLEEPERS, Relaxed) / NEXT != owed.number {
            futex::wake_all(call);
        }
    }

    /// Sleeps, unless there was a call after `seen`.
    fn sleep(self, seen: u32, longest: std::time::Duration) {
        let call = self.word(CALL);
        let marked = seen.wrapping_mul(NEXT) | SLEEPERS;
        let now = call.load(Relaxed);
        if now == marked
            || now == marked ^ SLEEPERS && call.compare_exchange(now, marked, Relaxed, Relaxed).is_ok()
        {
            futex::sleep(call, marked, longest);
        }
    }

    /// How many wait, without the dead. Under the lock.
    pub(crate) fn waiting(self) -> u32 {
        ledger::bury(self.memory, |_| {});
        ledger::sum(self.memory)
    }

    /// Takes a notice, if there is one for this number. Under the lock.
    fn take_notice(self, ticket: u32) -> bool {
        let notices = self.word(NOTICES).load(Relaxed);
        // Numbers wrap: lower is less than half a turn behind.
        let is_lower = ticket.wrapping_sub(self.word(LIMIT).load(Relaxed)).cast_signed() < 0;
        if notices == 0 || !is_lower {
            return false;
        }
        self.word(NOTICES).store(notices - 1, Relaxed);
        true
    }

    fn word(&self, offset: usize) -> &Word {
        self.memory.word(offset)
    }
}
