//! How far the learner is: `learn/progress.toml`.
//!
//! Invariant: kept by lesson number and by the fingerprint of the stub that the learner began from, so a lesson that
//! changes in the repository is noticed. A file that cannot be understood is an error and never overwritten.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::folder::Folder;
use crate::learn::{Learn, fingerprint, lock, write};
use crate::lesson_id::LessonId;
use grader::Verdict;

/// The progress in all lessons.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    #[serde(default)]
    lessons: BTreeMap<String, Mark>,
}

/// The progress in one lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Fingerprint of the stub that the learner's file was made from.
    pub(crate) stub: String,
    /// How often the answer was checked.
    #[serde(default)]
    pub(crate) checks: u32,
    /// How many hints were shown.
    #[serde(default)]
    pub(crate) hints: u32,
    /// The verdict of the last check.
    #[serde(default)]
    pub(crate) verdict: Option<Verdict>,
    /// True once an answer has passed.
    #[serde(default)]
    pub(crate) passed: bool,
}

impl Progress {
    /// Reads it; nothing is there before the first lesson.
    pub(crate) fn read(learn: &Learn) -> Result<Progress, Failure> {
        let path = learn.path.join("progress.toml");
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                Failure::file("understand", &path, error)
                    .advise("Repair the file, or delete it to begin anew; your answers stay.")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Progress::default()),
            Err(error) => Err(Failure::file("read", &path, error)),
        }
    }

    /// The mark of a lesson, if it was started.
    pub(crate) fn mark(&self, id: LessonId) -> Option<&Mark> {
        self.lessons.get(&id.to_string())
    }

    /// True once an answer of the lesson has passed.
    pub(crate) fn has_passed(&self, id: LessonId) -> bool {
        self.mark(id).is_some_and(|mark| mark.passed)
    }

    /// Changes the mark of a lesson on disk. The caller holds the lock.
    pub(crate) fn change(
        learn: &Learn,
        _held: &lock::Held,
        folder: &Folder,
        change: impl FnOnce(&mut Mark),
    ) -> Result<Mark, Failure> {
        let mut progress = Progress::read(learn)?;
        let stub = fingerprint(&folder.text("exercise.rs")?);
        let mark = progress
            .lessons
            .entry(folder.id.to_string())
            .or_insert_with(|| Mark {
                stub,
                ..Mark::default()
            });
        change(mark);
        let mark = mark.clone();
        let text = toml::to_string(&progress).map_err(|error| Failure::tool(error.to_string()))?;
        write(&learn.path.join("progress.toml"), &text)?;
        Ok(mark)
    }
}
