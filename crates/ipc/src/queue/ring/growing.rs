//! Making a ring larger, under both locks.
//!
//! Invariant: what is copied goes to places that nothing valid refers to before the store of `STEP`, and from then on everything does.

use std::io;
use std::sync::atomic::Ordering::{Relaxed, Release};

use super::record::{capacity, offset, room_of};
use super::words::{FIRST, PUTS, STEP, TAIL, slot};
use super::{Ring, corrupt};

/// So many bytes are copied at a time.
const PIECE: usize = 16 << 10;

impl Ring {
    /// Makes room for a record of so many bytes.
    ///
    /// # Errors
    /// There is no memory, and nothing has changed.
    #[cold]
    pub(crate) fn grow(&self, len: usize, has_ticket: bool) -> io::Result<()> {
        let words = self.words();
        let (_, head) = self.first_place();
        let puts = words.atomic_u64(PUTS).load(Relaxed);
        let tail = words.atomic_u64(TAIL + slot(puts)).load(Relaxed);
        let old = self.view()?;
        let used = tail.wrapping_sub(head);
        if used > capacity(old) as u64 {
            return Err(corrupt("its records are longer than its room"));
        }
        let needed = room_of(len, has_ticket)?.saturating_add(used);
        let mut step = words.atomic_u32(STEP).load(Relaxed);
        while (FIRST as u64).checked_shl(step).is_some_and(|room| room < needed) {
            step += 1;
        }
        self.memory.reserve(step)?;
        let new = self.memory.view(step)?;
        let mut piece = vec![0; PIECE];
        let mut place = head;
        while place != tail {
            let from = offset(old, place);
            let to = offset(new, place);
            let run = (old.len() - from)
                .min(piece.len())
                .min(tail.wrapping_sub(place) as usize);
            if from != to {
                old.read_bytes(from, &mut piece[..run]);
                new.write_bytes(to, &piece[..run]);
            }
            place = place.wrapping_add(run as u64);
        }
        // Release: whoever gets a lock after this sees the copies.
        words.atomic_u32(STEP).store(step, Release);
        Ok(())
    }
}
