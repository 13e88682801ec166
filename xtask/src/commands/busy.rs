//! `busy`: a process that does nothing but use a core; the load of `stress`.

use std::hint::black_box;
use std::os::unix::process::parent_id;

use clap::Args;

use crate::failure::Failure;

/// Keep one core busy until the parent ends.
#[derive(Debug, Args)]
pub(crate) struct Busy {
    /// The process that started it.
    #[arg(long)]
    parent: u32,
}

impl Busy {
    /// Turns until the parent is another one.
    pub(crate) fn run(self) -> Result<u8, Failure> {
        let mut number = 1_u64;
        while parent_id() == self.parent {
            for _ in 0..100_000 {
                number = black_box(number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
            }
        }
        Ok(0)
    }
}
