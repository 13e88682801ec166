//! One lesson's folder, and the variants of an answer in it.
//!
//! Invariant: a folder's number comes from its name, its metadata from `lesson.toml` (read by `grader::Lesson`).
//! It does not know what the files say, nor whether they are complete: `tidy::lessons` checks that.

use std::fs;
use std::path::{Path, PathBuf};

use grader::Lesson;

use crate::failure::Failure;
use crate::lesson_id::LessonId;

/// A lesson on disk.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    /// Its number.
    pub(crate) id: LessonId,
    /// The folder.
    pub(crate) path: PathBuf,
    /// The crate that it belongs to.
    pub(crate) crate_name: String,
}

/// What a file of the folder is to the grader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// The stub: must fail.
    Exercise,
    /// Must pass.
    Solution,
    /// Another right answer: must pass.
    Alternative,
    /// Must get the verdict that it declares.
    Wrong,
    /// The worked example: its output is compared.
    Example,
}

/// A file of the folder that is compiled as a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// What it is.
    pub(crate) role: Role,
    /// The case's and the module's name: `solution`, `alt_channel`, `wrong_all_at_once`.
    pub(crate) name: String,
    /// Inside the folder: `wrong/all_at_once.rs`.
    pub(crate) file: String,
}

impl Folder {
    /// The lesson at `path`, if the folder's name has the form `l02_11_main_guard`.
    pub(crate) fn at(path: PathBuf, crate_name: &str) -> Option<Folder> {
        let id = LessonId::from_file_name(path.file_name()?.to_str()?)?;
        Some(Folder {
            id,
            path,
            crate_name: crate_name.to_owned(),
        })
    }

    /// The folder's name: `l02_11_main_guard`.
    pub(crate) fn name(&self) -> &str {
        self.path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file of the folder.
    pub(crate) fn text(&self, name: &str) -> Result<String, Failure> {
        let path = self.file(name);
        fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, error))
    }

    /// The metadata.
    pub(crate) fn lesson(&self) -> Result<Lesson, Failure> {
        let origin = format!("crates/{}/lessons/{}/lesson.toml", self.crate_name, self.name());
        Lesson::parse(&self.text("lesson.toml")?, &origin).map_err(|error| Failure::tool(error.to_string()))
    }

    /// The cases that are there, in the order of [`Role`] and then of their names.
    pub(crate) fn variants(&self) -> Vec<Variant> {
        let mut found = Vec::new();
        for name in rust_files(&self.path) {
            let role = match name.as_str() {
                "exercise" => Role::Exercise,
                "solution" => Role::Solution,
                "example" => Role::Example,
                name if name.starts_with("alt_") => Role::Alternative,
                _ => continue,
            };
            found.push(Variant {
                role,
                file: format!("{name}.rs"),
                name,
            });
        }
        for name in rust_files(&self.path.join("wrong")) {
            let file = format!("wrong/{name}.rs");
            found.push(Variant {
                role: Role::Wrong,
                name: format!("wrong_{name}"),
                file,
            });
        }
        found.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        found
    }
}

/// The names of the Rust files in a folder, without their ending; none when there is no such folder.
fn rust_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}
