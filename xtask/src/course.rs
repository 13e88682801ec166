//! The repository on disk: where it is, which crates and lessons are there.
//!
//! Invariant: paths are absolute, lessons come in teaching order. A crate or a lesson that is not there is said to be
//! so; nothing is made here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};
use crate::folder::Folder;
use crate::lesson_id::LessonId;
use crate::nearest;
use crate::programme::{Entry, Module, Programme};

/// The repository.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// Its top folder.
    pub(crate) root: PathBuf,
}

impl Course {
    /// The repository that the current folder belongs to, or else the one that this program was built in.
    pub(crate) fn here() -> Result<Course, Failure> {
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map(Path::to_path_buf);
        let current = env::current_dir().ok();
        let above = current
            .iter()
            .flat_map(|folder| folder.ancestors())
            .find(|folder| is_root(folder));
        above
            .map(Path::to_path_buf)
            .or(built_in.filter(|folder| is_root(folder)))
            .map(|root| Course { root })
            .ok_or_else(|| {
                Failure::tool("this folder is not inside the course's repository")
                    .advise("Go to the folder that holds Cargo.toml, crates/ and xtask/.")
            })
    }

    /// The programme of the course.
    pub(crate) fn programme(&self) -> &'static Programme {
        Programme::of_the_course()
    }

    /// The folder of a crate, whether it is there or not.
    pub(crate) fn crate_folder(&self, name: &str) -> PathBuf {
        self.root.join("crates").join(name)
    }

    /// True when the crate is there.
    pub(crate) fn has_crate(&self, name: &str) -> bool {
        self.crate_folder(name).join("Cargo.toml").is_file()
    }

    /// `path` as it is printed: relative to the repository.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// The lessons of a crate that are there, in order.
    pub(crate) fn lessons_of(&self, crate_name: &str) -> Result<Vec<Folder>, Failure> {
        let lessons = self.crate_folder(crate_name).join("lessons");
        if !lessons.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&lessons).map_err(|error| Failure::file("list", &lessons, error))?;
        let mut folders: Vec<Folder> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| Folder::at(entry.path(), crate_name))
            .collect();
        folders.sort_by_key(|folder| folder.id);
        Ok(folders)
    }

    /// Every lesson that is there, in order.
    pub(crate) fn lessons(&self) -> Result<Vec<Folder>, Failure> {
        let mut all = Vec::new();
        for module in &self.programme().modules {
            all.extend(self.lessons_of(&module.crate_name)?);
        }
        Ok(all)
    }

    /// The lesson in the programme that `text` names; an unknown one is answered with the nearest.
    pub(crate) fn entry(&self, text: &str) -> Result<(&'static Module, &'static Entry), Failure> {
        let found = text
            .parse::<LessonId>()
            .ok()
            .and_then(|id| self.programme().find(id));
        found.ok_or_else(|| {
            let near: Vec<String> = nearest::lessons(self.programme(), text)
                .iter()
                .map(|entry| format!("  {:5} {}", entry.id, entry.title))
                .collect();
            Failure::new(Kind::Usage, format!("there is no lesson `{text}`")).advise(format!(
                "The nearest are:\n{}\nAll of them: cargo xtask list",
                near.join("\n")
            ))
        })
    }

    /// The folder of the lesson that `text` names.
    pub(crate) fn lesson(&self, text: &str) -> Result<Folder, Failure> {
        let (module, entry) = self.entry(text)?;
        let folders = self.lessons_of(&module.crate_name)?;
        if let Some(folder) = folders.into_iter().find(|folder| folder.id == entry.id) {
            return Ok(folder);
        }
        let there: Vec<String> = self
            .lessons()?
            .iter()
            .map(|folder| folder.id.to_string())
            .collect();
        let advice = if there.is_empty() {
            "No lesson is written yet.".to_owned()
        } else {
            format!("These are there: {}", there.join(", "))
        };
        Err(Failure::new(
            Kind::NotThereYet,
            format!("lesson {} ({}) is not written yet", entry.id, entry.title),
        )
        .advise(advice))
    }

    /// The lessons that `text` names: all for `None`, a module's for `2`, one for `2.2`.
    pub(crate) fn selection(&self, text: Option<&str>) -> Result<Vec<Folder>, Failure> {
        let Some(text) = text else { return self.lessons() };
        let module = text.parse::<u8>().ok();
        match module.and_then(|number| self.programme().modules.iter().find(|m| m.number == number)) {
            None => Ok(vec![self.lesson(text)?]),
            Some(module) => {
                let folders = self.lessons_of(&module.crate_name)?;
                if folders.is_empty() {
                    return Err(Failure::new(
                        Kind::NotThereYet,
                        format!("module {} ({}) has no lesson yet", module.number, module.title),
                    ));
                }
                Ok(folders)
            }
        }
    }
}

fn is_root(folder: &Path) -> bool {
    folder.join("Cargo.toml").is_file()
        && folder.join("xtask/Cargo.toml").is_file()
        && folder.join("crates").is_dir()
}
