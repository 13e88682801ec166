//! Where the words of a ring are.
//!
//! Invariant: what one side writes at each step shares no cache line with what the other side writes, nor the line beside it, which
//! the processor may fetch, too; and what is read at each step but seldom written shares none with either.
//!
//! | offset | word | whose | what |
//! | --- | --- | --- | --- |
//! | 0 | `MAGIC` | | with the version of the layout |
//! | 8 | `BOUND` | | most records, 0 for any number |
//! | 16 | `STEP` | both locks | how often the room was doubled |
//! | 20 | `CLOSED` | producers | 1: nothing can be put any more |
//! | 24 | `LEASES` | | 1: a record stays until its consumer has finished it (`leases.rs`); its ticket is its state |
//! | 28 | `LEFT` | all | how many handles went in peace, of either side; a hint |
//! | 128 | `PRODUCERS` | | their lock, from 188 to 255 |
//! | 128, 136 | `TAIL` | producers | where the next record goes, for an even and an odd `PUTS` |
//! | 144 | `SEEN_GETS` | producers | what `GETS` (with leases: `GIVEN`) was when they last looked |
//! | 152 | `SEEN_HEAD` | producers | and where the first record was |
//! | 160 | `TICKETS` | producers | how many records had descriptors |
//! | 256 | `PUTS` | producers | how many records were ever put |
//! | 264 | `PUT_CPU` | producers | the CPU of the last of them, plus one; a hint |
//! | 384 | `CONSUMERS` | | their lock, from 444 to 511 |
//! | 384 | `SEEN_PUTS` | consumers | what `PUTS` was when they last looked |
//! | 392 | `GIVEN` | consumers | with leases: how many records were ever given to a consumer, finished or not |
//! | 400, 408 | `NEXT` | consumers | with leases: where the first record is that was not, for an even and an odd `GIVEN` |
//! | 416 | `RETURNS` | consumers | with leases: 1: a record may have come back |
//! | 512 | `GETS` | consumers | how many records were ever got |
//! | 520, 528 | `HEAD` | consumers | where the first record is, for an even and an odd `GETS` |
//! | 536 | `GET_CPU` | consumers | the CPU of the last of them, plus one; a hint |
//! | 640 | `ITEMS` | all | consumers sleep here (`sleepers.rs`) |
//! | 768 | `ROOM` | all | producers sleep here |
//! | 896 | `DONE` | all | with leases: who waits for the last record to be finished sleeps here |
//! | 4096 on | | | records (`record.rs`) |

pub(super) const MAGIC: usize = 0;
pub(super) const BOUND: usize = 8;
pub(super) const STEP: usize = 16;
pub(super) const CLOSED: usize = 20;
pub(super) const LEASES: usize = 24;
pub(super) const LEFT: usize = 28;
pub(crate) const PRODUCERS: usize = 128;
pub(super) const TAIL: usize = 128;
pub(super) const SEEN_GETS: usize = 144;
pub(super) const SEEN_HEAD: usize = 152;
pub(super) const TICKETS: usize = 160;
pub(crate) const PUTS: usize = 256;
pub(super) const PUT_CPU: usize = 264;
pub(crate) const CONSUMERS: usize = 384;
pub(super) const SEEN_PUTS: usize = 384;
pub(crate) const GIVEN: usize = 392;
pub(crate) const NEXT: usize = 400;
pub(crate) const RETURNS: usize = 416;
pub(super) const GETS: usize = 512;
pub(super) const HEAD: usize = 520;
pub(super) const GET_CPU: usize = 536;
pub(super) const ITEMS: usize = 640;
pub(super) const ROOM: usize = 768;
pub(super) const DONE: usize = 896;
pub(super) const RECORDS: usize = 4096;

pub(super) const THIS_LAYOUT: u64 = u64::from_le_bytes(*b"queue002");

/// The room for records of a new ring.
pub(super) const FIRST: usize = 64 << 10;

/// Which of two places belongs to a count.
#[inline]
pub(crate) fn slot(count: u64) -> usize {
    (count as usize & 1) * 8
}
