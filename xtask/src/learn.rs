//! `learn/`: the learner's files, ignored by git, in a workspace of their own.
//!
//! Invariant: a learner's file is made once and never overwritten; only `reset` puts the stub back, and keeps a copy.
//! Everything else in the folder can be made again. It does not know how an answer is judged.

pub(crate) mod lock;
pub(crate) mod package;
pub(crate) mod progress;

use std::fs;
use std::path::{Path, PathBuf};

use crate::course::Course;
use crate::failure::Failure;
use crate::folder::Folder;

/// The learner's folder.
#[derive(Clone, Debug)]
pub(crate) struct Learn {
    /// `learn/` of the repository.
    pub(crate) path: PathBuf,
}

/// Whether a learner's file had to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It was made from the stub just now.
    Made,
    /// It was there.
    Found,
}

impl Learn {
    /// The learner's folder of a repository, whether it is there or not.
    pub(crate) fn of(course: &Course) -> Learn {
        Learn {
            path: course.root.join("learn"),
        }
    }

    /// The learner's file of a lesson: the one with the lesson's number, should the lesson have got another name since.
    pub(crate) fn answer(&self, folder: &Folder) -> PathBuf {
        let expected = self.path.join(format!("{}.rs", folder.name()));
        if expected.is_file() {
            return expected;
        }
        let start = format!("{}_", folder.id.prefix());
        let files = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let renamed = files.map(|entry| entry.path()).find(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.starts_with(&start) && name.ends_with(".rs")
        });
        renamed.unwrap_or(expected)
    }

    /// True when the lesson's file is there.
    pub(crate) fn is_started(&self, folder: &Folder) -> bool {
        self.answer(folder).is_file()
    }

    /// Makes the lesson's file from its stub, unless it is there.
    pub(crate) fn start(&self, folder: &Folder) -> Result<Start, Failure> {
        let answer = self.answer(folder);
        if answer.is_file() {
            return Ok(Start::Found);
        }
        write(&answer, &folder.text("exercise.rs")?)?;
        Ok(Start::Made)
    }

    /// Puts the stub back and returns where the learner's text was kept.
    pub(crate) fn reset(&self, folder: &Folder) -> Result<PathBuf, Failure> {
        let answer = self.answer(folder);
        let text = fs::read_to_string(&answer).map_err(|error| Failure::file("read", &answer, error))?;
        let kept = (1..)
            .map(|number| {
                self.path
                    .join("backup")
                    .join(format!("{}.{number}.rs", folder.name()))
            })
            .find(|path| !path.exists())
            .unwrap_or_default();
        write(&kept, &text)?;
        write(&answer, &folder.text("exercise.rs")?)?;
        Ok(kept)
    }
}

/// Writes a file whole or not at all, and leaves it alone when it says the same already (so that cargo sees no change).
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let fail = |error| Failure::file("write", path, error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    fs::write(&draft, text).map_err(fail)?;
    fs::rename(&draft, path).map_err(|error| {
        // The draft is of no use; that it cannot be removed adds nothing to the error.
        let _left = fs::remove_file(&draft);
        fail(error)
    })
}

/// A number that changes with the text (FNV-1a, 64 bits), as it stands in `progress.toml`.
pub(crate) fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
