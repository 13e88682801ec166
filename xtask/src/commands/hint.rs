//! `hint`: one hint more each time, from a nudge to nearly the answer.

use clap::Args;

use crate::course::Course;
use crate::failure::Failure;
use crate::learn::progress::Progress;
use crate::learn::{Learn, lock};
use crate::screen::{DIM, HEAD, say};

/// Show the next hint of a lesson; those already shown are repeated.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask hint 2.2\n  cargo xtask hint 2.2 --again")]
pub(crate) struct Hint {
    /// The lesson, such as 2.2.
    lesson: String,
    /// Only the hints that were already shown.
    #[arg(long)]
    again: bool,
}

impl Hint {
    /// Shows one hint more than the last time.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let hints = folder.lesson()?.hints;
        let learn = Learn::of(course);
        let held = lock::take(&learn)?;
        let more = u32::from(!self.again);
        let mark = Progress::change(&learn, &held, &folder, |mark| {
            mark.hints = (mark.hints + more).min(hints.len() as u32);
        })?;
        let shown = mark.hints as usize;
        for (number, hint) in hints.iter().enumerate().take(shown) {
            let style = if number + 1 == shown { HEAD } else { DIM };
            say!("{style}{} of {}:{style:#} {hint}", number + 1, hints.len());
        }
        if shown == hints.len() {
            say!(
                "{DIM}That was the last. After a pass, or with --force: cargo xtask solution {}{DIM:#}",
                folder.id
            );
        } else {
            say!("{DIM}A stronger one: cargo xtask hint {}{DIM:#}", folder.id);
        }
        Ok(0)
    }
}
