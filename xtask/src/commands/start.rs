//! `start`: makes the learner's file from the stub, or moves an edited stub to where it belongs.

use std::fs;

use clap::Args;

use crate::answer::edited_stub;
use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::learn::progress::Progress;
use crate::learn::{Learn, Start as Made, lock, write};
use crate::screen::{HEAD, say};

/// Begin a lesson: make your file in learn/ from the stub.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask start 2.2\n  cargo xtask start 2.2 --move")]
pub(crate) struct Start {
    /// The lesson, such as 2.2.
    lesson: String,
    /// Move an exercise.rs that you edited in the lesson's folder to learn/, and restore the stub.
    #[arg(long = "move")]
    moving: bool,
}

impl Start {
    /// Makes or moves the file.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let learn = Learn::of(course);
        let held = lock::take(&learn)?;
        let answer = learn.answer(&folder);
        let shown = course.shown(&answer);
        let lesson = folder.lesson()?;
        if self.moving {
            let Some(stub) = edited_stub(course, &folder)? else {
                return Err(Failure::new(
                    Kind::Refused,
                    format!(
                        "{} is not edited: there is nothing to move",
                        course.shown(&folder.file("exercise.rs"))
                    ),
                ));
            };
            if learn.is_started(&folder) {
                let kept = learn.reset(&folder)?;
                say!("Kept what was in {shown} as {}.", course.shown(&kept));
            }
            write(&answer, &folder.text("exercise.rs")?)?;
            fs::write(&stub.path, &stub.committed)
                .map_err(|error| Failure::file("restore", &stub.path, error))?;
            say!("Moved your answer to {shown} and restored the stub.");
        } else if learn.start(&folder)? == Made::Made {
            say!("Made {shown} from the stub.");
        } else {
            say!("{shown} is there already; it was left as it is.");
        }
        Progress::change(&learn, &held, &folder, |_| {})?;
        say!("{HEAD}{}  {}{HEAD:#}", lesson.id, lesson.title);
        say!("  read    {}", course.shown(&folder.file("README.md")));
        say!("  write   {shown}");
        say!("  check   cargo xtask check-lesson {}", folder.id);
        Ok(0)
    }
}
