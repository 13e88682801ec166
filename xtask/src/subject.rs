//! A crate's subject program: all variants of all its lessons in one binary, `tests/lessons.rs`.
//!
//! Invariant: it is built by cargo, never found by a guess at its name. It does not know what the program's roles do.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo;
use crate::course::Course;
use crate::failure::Failure;

/// Builds the subject program of a crate and returns its path.
pub(crate) fn build(course: &Course, crate_name: &str) -> Result<PathBuf, Failure> {
    if !course.crate_folder(crate_name).join("tests/lessons.rs").is_file() {
        return Err(
            Failure::tool(format!("crates/{crate_name}/tests/lessons.rs is missing"))
                .advise("It is written by: cargo xtask sync"),
        );
    }
    let mut command = cargo::command();
    command.current_dir(&course.root).args([
        "test",
        "--package",
        crate_name,
        "--test",
        "lessons",
        "--no-run",
    ]);
    let built = cargo::build(command, &format!("building the lessons of {crate_name}"))?;
    match built.executable {
        Some(program) if built.success => Ok(program),
        _ => {
            let errors = built.diagnostics.iter().filter(|d| d.is_error());
            let text: Vec<&str> = errors.filter_map(|error| error.rendered.as_deref()).collect();
            let said = if text.is_empty() { built.log } else { text.concat() };
            Err(Failure::tool(format!("the lessons of {crate_name} do not build")).advise(said))
        }
    }
}

/// The program in one of its roles.
pub(crate) fn role(course: &Course, program: &PathBuf, role: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(role).current_dir(&course.root);
    command
}
