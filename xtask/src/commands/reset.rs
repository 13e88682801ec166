//! `reset`: the stub again, the learner's text kept aside.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::learn::progress::Progress;
use crate::learn::{Learn, fingerprint, lock};
use crate::screen::say;

/// Put the stub back in place of your answer; your text is kept in learn/backup/.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask reset 2.2")]
pub(crate) struct Reset {
    /// The lesson, such as 2.2.
    lesson: String,
}

impl Reset {
    /// Resets the file.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let learn = Learn::of(course);
        let held = lock::take(&learn)?;
        if !learn.is_started(&folder) {
            return Err(
                Failure::new(Kind::Refused, format!("lesson {} was not started", folder.id))
                    .advise(format!("Start it: cargo xtask start {}", folder.id)),
            );
        }
        let kept = learn.reset(&folder)?;
        let stub = fingerprint(&folder.text("exercise.rs")?);
        Progress::change(&learn, &held, &folder, |mark| mark.stub = stub)?;
        say!(
            "{} is the stub again; your text is kept as {}.",
            course.shown(&learn.answer(&folder)),
            course.shown(&kept)
        );
        Ok(0)
    }
}
