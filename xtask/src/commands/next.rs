//! `next`: the first lesson that has not passed.

use clap::Args;

use crate::course::Course;
use crate::failure::Failure;
use crate::learn::Learn;
use crate::learn::progress::Progress;
use crate::screen::{DIM, HEAD, OK, say};

/// Say which lesson comes next, and what to do.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask next")]
pub(crate) struct Next {}

impl Next {
    /// Says it.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let learn = Learn::of(course);
        let progress = Progress::read(&learn)?;
        let lessons = course.lessons()?;
        let Some(folder) = lessons.iter().find(|folder| !progress.has_passed(folder.id)) else {
            if lessons.is_empty() {
                say!("No lesson is written yet. The programme: cargo xtask list");
            } else {
                say!(
                    "{OK}All {} lessons that are there have passed.{OK:#}",
                    lessons.len()
                );
            }
            return Ok(0);
        };
        let lesson = folder.lesson()?;
        say!(
            "{HEAD}{}  {}{HEAD:#}  {DIM}{}, about {} minutes{DIM:#}",
            lesson.id,
            lesson.title,
            lesson.python,
            lesson.minutes
        );
        let open: Vec<&str> = lesson
            .needs
            .iter()
            .filter(|need| need.parse().is_ok_and(|id| !progress.has_passed(id)))
            .map(String::as_str)
            .collect();
        if !open.is_empty() {
            say!("It stands on {}, which you have not passed.", open.join(", "));
        }
        say!("  read    {}", course.shown(&folder.file("README.md")));
        let answer = course.shown(&learn.answer(folder));
        if learn.is_started(folder) {
            say!("  write   {answer}");
        } else {
            say!("  begin   cargo xtask start {}   (makes {answer})", folder.id);
        }
        say!("  check   cargo xtask check-lesson {}", folder.id);
        Ok(0)
    }
}
