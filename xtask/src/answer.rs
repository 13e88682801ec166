//! Which file is graded.
//!
//! Invariant: what the learner wrote is graded wherever it was written; a stub that was edited in the lesson's folder
//! counts, with the offer to move it. It does not know how an answer is built or judged.

use std::fs;
use std::path::{Path, PathBuf};

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::folder::Folder;
use crate::git;
use crate::learn::package::Place;
use crate::learn::{Learn, Start};

/// What the command line asks to grade.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    /// The learner's work.
    Learner,
    /// The lesson's solution.
    Solution,
    /// This file.
    File(PathBuf),
}

/// The file to grade.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// How its program is named.
    pub(crate) place: Place,
    /// The file.
    pub(crate) file: PathBuf,
    /// What to tell the learner about the choice.
    pub(crate) told: Option<String>,
}

/// Finds the file; makes the learner's on first use.
pub(crate) fn choose(
    course: &Course,
    learn: &Learn,
    folder: &Folder,
    wish: &Wish,
) -> Result<Answer, Failure> {
    match wish {
        Wish::Solution => Ok(Answer {
            place: Place::Solution,
            file: folder.file("solution.rs"),
            told: None,
        }),
        Wish::File(file) => {
            let file = fs::canonicalize(file).map_err(|error| {
                Failure::new(Kind::Usage, format!("cannot read {}: {error}", file.display()))
            })?;
            Ok(Answer {
                place: Place::File,
                file,
                told: None,
            })
        }
        Wish::Learner => learners(course, learn, folder),
    }
}

fn learners(course: &Course, learn: &Learn, folder: &Folder) -> Result<Answer, Failure> {
    let answer = learn.answer(folder);
    if let Some(stub) = edited_stub(course, folder)? {
        let untouched = fs::read_to_string(&answer).map_or(true, |text| text == stub.committed);
        let edited = course.shown(&stub.path);
        if untouched {
            let told = format!(
                "You edited the stub itself, {edited}: it is graded as it stands.\n\
                 Move it to learn/ and restore the stub: cargo xtask start {} --move",
                folder.id
            );
            return Ok(Answer {
                place: Place::Exercise,
                file: stub.path,
                told: Some(told),
            });
        }
        let told = format!(
            "{edited} is edited too; {} is the one that is graded.",
            course.shown(&answer)
        );
        return Ok(Answer {
            place: Place::Learner,
            file: answer,
            told: Some(told),
        });
    }
    let told = match learn.start(folder)? {
        Start::Made => Some(format!(
            "Made {} from the lesson's stub: write your answer there.",
            course.shown(&answer)
        )),
        Start::Found => None,
    };
    Ok(Answer {
        place: Place::Learner,
        file: answer,
        told,
    })
}

/// A stub that differs from the last commit's.
#[derive(Clone, Debug)]
pub(crate) struct EditedStub {
    /// The stub in the lesson's folder.
    pub(crate) path: PathBuf,
    /// Its text in the last commit.
    pub(crate) committed: String,
}

/// The lesson's stub, if it was edited.
pub(crate) fn edited_stub(course: &Course, folder: &Folder) -> Result<Option<EditedStub>, Failure> {
    let path: &Path = &folder.file("exercise.rs");
    let Some(committed) = git::committed(&course.root, path) else {
        return Ok(None);
    };
    let edited = folder.text("exercise.rs")? != committed;
    Ok(edited.then(|| EditedStub {
        path: path.to_path_buf(),
        committed,
    }))
}
