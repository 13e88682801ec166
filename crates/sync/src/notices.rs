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

/// The notices of one condition.
#[derive(Clone, Copy)]
pub(crate) struct Notices<'a> {
    /// Where the words and the ledger are.
    pub(crate) memory: &'a Memory,
    /// Where the lock is.
    pub(crate) lock: &'a Memory,
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
    /// Releases the lock, all its levels, waits for a notice, and takes the lock again. By the lock's owner; `slot` is its process's.
    pub(crate) fn wait(self, slot: Slot<'_>, until: &Until) -> Waited {
        slot.set_count(slot.count() + 1);
        let ticket = self.word(TICKET).load(Relaxed);
        self.word(TICKET).store(ticket.wrapping_add(1), Relaxed);
        let depth = exclusion::depth(self.lock);
        let mut seen = self.word(CALL).load(Relaxed) / NEXT;
        (0..depth).for_each(|_| exclusion::release(self.lock));
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

    /// Gives so many notices, or as many as there are to take them. Under the lock.
    pub(crate) fn give(self, count: u32) {
        seen_here(self.memory, PEERS);
        // The call first: whoever looks needs the lock, and so comes when all is written, or when this process has died.
        // Relaxed: the lock orders; and of this and the mark of a sleeper in the same word one comes first.
        let call = self.word(CALL).fetch_add(NEXT, Relaxed);
        let notices = self.word(NOTICES).load(Relaxed).saturating_add(count);
        let ticket = self.word(TICKET).load(Relaxed);
        self.word(LIMIT).store(ticket, Relaxed);
        // No more than there are to take them: what was meant for the dead is not kept for who comes later.
        let notices = notices.min(self.waiting());
        self.word(NOTICES).store(notices, Relaxed);
        if notices > 0 && call & SLEEPERS != 0 {
            self.wake(count.min(i32::MAX.cast_unsigned()));
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

    /// Wakes so many. Under the lock, so nobody calls meanwhile.
    fn wake(self, count: u32) {
        let call = self.word(CALL);
        // Without the mark first: who comes to sleep from here on puts it there again.
        call.fetch_and(!SLEEPERS, Relaxed);
        if futex::wake(call, count) >= count as usize {
            // There may be more of them.
            call.fetch_or(SLEEPERS, Relaxed);
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
