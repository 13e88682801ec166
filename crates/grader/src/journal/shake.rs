//! Random delays at the library's probe points, so that rare orders become common.
//!
//! Invariant: the delays follow from the seed, the thread and the journal's position; no verdict depends on their length.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::log::Log;
use super::words::hash;

/// Seed of the delays at the library's probe points; 0 for none.
static SHAKE: AtomicU64 = AtomicU64::new(0);

/// Delays the library's operations in this process from now on, and in its forks.
pub(crate) fn shake(seed: u64) {
    SHAKE.store(seed.wrapping_mul(2) | 1, Ordering::Relaxed);
}

/// Sleeps up to half a millisecond at a quarter of the probe points.
pub(crate) fn shaken(log: &Log) {
    let seed = SHAKE.load(Ordering::Relaxed);
    if seed == 0 {
        return;
    }
    let tid = rustix::thread::gettid().as_raw_nonzero().get() as u64;
    let draw = hash("shake", "", seed ^ log.position() << 20 ^ tid << 40);
    if draw.is_multiple_of(4) {
        std::thread::sleep(Duration::from_micros(draw >> 8 & 511));
    }
}
