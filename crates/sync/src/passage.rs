//! `Passage`: an exclusion inside other memory, for the crates above whose objects have words of their own beside it.
//!
//! Invariant: as that of `exclusion.rs`, whose steps these are; but what is protected is whole at any instruction, so a dead owner is no
//! news. This file does not know what is protected.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use core_process::shm::GrowingSegment;
use core_process::{Until, WaitError};

use crate::exclusion::{self, News};
use crate::sys::cpu;
use crate::sys::memory::{Memory, Nesting};

/// Lets one thread of one process at a time pass.
#[derive(Debug)]
pub struct Passage {
    memory: Memory,
}

/// Whoever has it is alone.
#[must_use = "the passage is free again at once if this is not kept"]
pub struct Inside<'a> {
    memory: &'a Memory,
    /// The C library knows the owner by its thread.
    stays: PhantomData<*const ()>,
}

/// Bytes from 0 on that a passage leaves alone in the 128 that it is given.
pub const SPARE: usize = 60;

impl Passage {
    /// Lays one out, free, in the 128 bytes from `offset` on of new memory, but for the first [`SPARE`].
    ///
    /// # Errors
    /// The memory cannot be mapped.
    pub fn lay_out(memory: &Arc<GrowingSegment>, offset: usize) -> io::Result<()> {
        exclusion::lay_out(&Memory::part(memory, offset)?, Nesting::Refused);
        Ok(())
    }

    /// The one that was laid out there.
    ///
    /// # Errors
    /// The memory cannot be mapped.
    pub fn at(memory: &Arc<GrowingSegment>, offset: usize) -> io::Result<Self> {
        Ok(Self {
            memory: Memory::part(memory, offset)?,
        })
    }

    /// Passes if nobody is inside.
    #[inline]
    pub fn try_enter(&self) -> Option<Inside<'_>> {
        exclusion::try_take(&self.memory).map(|news| self.inside(news))
    }

    /// Waits until nobody is inside, and passes.
    ///
    /// # Errors
    /// The wait is over before.
    #[inline]
    pub fn enter(&self, until: &Until) -> Result<Inside<'_>, WaitError> {
        match exclusion::take(&self.memory, until) {
            Ok(news) => Ok(self.inside(news)),
            Err(over) => Err(over.into()),
        }
    }

    #[inline]
    fn inside(&self, news: News) -> Inside<'_> {
        if news != News::None {
            exclusion::repaired(&self.memory);
        }
        Inside {
            memory: &self.memory,
            stays: PhantomData,
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // Somebody forgot what `enter` gave: the kernel's list of the mutexes that its thread holds runs through this memory.
        if exclusion::is_held_here(&self.memory) {
            self.memory.stay();
        }
    }
}

impl Inside<'_> {
    /// On which CPU this thread is, or was a moment ago, plus one.
    #[inline]
    pub fn cpu(&self) -> u32 {
        self.memory.word(exclusion::HINT).load(Relaxed).wrapping_add(1)
    }
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        exclusion::release(self.memory);
    }
}

/// Whether a CPU, plus one, is another one than this thread's; 0 is none.
#[inline]
pub fn is_elsewhere(cpu: u32) -> bool {
    cpu != 0 && cpu != cpu::current().wrapping_add(1)
}

/// This thread is about to sleep, and may wake on another CPU.
#[inline]
pub fn sleeps() {
    cpu::sleeps();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_in_memory_that_others_use_too() {
        let memory = Arc::new(GrowingSegment::create("passage-test", 4096, 4096).unwrap());
        memory.view(0).unwrap().write_bytes(128, &[7; SPARE]);
        Passage::lay_out(&memory, 128).unwrap();
        let [one, other] = [(); 2].map(|()| Passage::at(&memory, 128).unwrap());
        let inside = one.try_enter().unwrap();
        assert!(inside.cpu() > 0 && !is_elsewhere(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(other.try_enter().is_none());
                let over = other.enter(&Until::from(std::time::Duration::ZERO));
                assert!(matches!(over, Err(WaitError::TimedOut)));
            });
        });
        drop(inside);
        drop(other.enter(&Until::forever()).unwrap());
        let mut spare = [0; SPARE];
        memory.view(0).unwrap().read_bytes(128, &mut spare);
        assert_eq!(spare, [7; SPARE]);
    }

    #[test]
    fn a_thread_that_ends_inside_is_no_news() {
        let memory = Arc::new(GrowingSegment::create("passage-test", 4096, 4096).unwrap());
        Passage::lay_out(&memory, 0).unwrap();
        let passage = Passage::at(&memory, 0).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| std::mem::forget(passage.try_enter()));
        });
        drop(passage.enter(&Until::forever()).unwrap());
        assert!(passage.try_enter().is_some());
    }
}
