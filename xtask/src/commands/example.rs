//! `example`: runs the lesson's worked example.

use clap::Args;

use crate::course::Course;
use crate::failure::Failure;
use crate::interrupt;
use crate::subject;

/// Run the worked example of a lesson.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask example 2.2\n\nThe exit status is the example's own.")]
pub(crate) struct Example {
    /// The lesson, such as 2.2.
    lesson: String,
}

impl Example {
    /// Runs it with this terminal.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let folder = course.lesson(&self.lesson)?;
        let program = subject::build(course, &folder.crate_name)?;
        let mut command = subject::role(course, &program, &["example", &folder.id.to_string()]);
        let mut example =
            interrupt::spawn(&mut command).map_err(|error| Failure::file("run", &program, error))?;
        let status = example
            .wait()
            .map_err(|error| Failure::tool(format!("cannot wait for the example: {error}")))?;
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .ok_or_else(|| Failure::tool(format!("the example ended by {status}")))
    }
}
