//! `solution`: the lesson's own answer, after the learner's.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::folder::Role;
use crate::learn::Learn;
use crate::learn::progress::Progress;
use crate::screen::{DIM, say};

/// Show the lesson's solution, once your own has passed (or with --force).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask solution 2.2\n  cargo xtask solution 2.2 --force")]
pub(crate) struct Solution {
    /// The lesson, such as 2.2.
    lesson: String,
    /// Show it before your answer has passed.
    #[arg(long)]
    force: bool,
}

impl Solution {
    /// Prints it.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let passed = Progress::read(&Learn::of(course))?.has_passed(folder.id);
        if !passed && !self.force {
            return Err(Failure::new(
                Kind::Refused,
                format!("your answer to {} has not passed yet", folder.id),
            )
            .advise(format!(
                "A hint: cargo xtask hint {0}   See it all the same: cargo xtask solution {0} --force",
                folder.id
            )));
        }
        say!("{}", folder.text("solution.rs")?.trim_end());
        let others: Vec<String> = folder
            .variants()
            .iter()
            .filter(|variant| variant.role == Role::Alternative)
            .map(|variant| course.shown(&folder.file(&variant.file)))
            .collect();
        if !others.is_empty() {
            say!("\n{DIM}// Other right answers: {}{DIM:#}", others.join(", "));
        }
        Ok(0)
    }
}
