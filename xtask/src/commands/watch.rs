//! `watch`: checks a lesson again each time its file is saved.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use clap::Args;
use notify::{RecursiveMode, Watcher};

use crate::answer::Wish;
use crate::commands::check_lesson;
use crate::course::Course;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::judge::{Runs, judge};
use crate::learn::{Learn, lock};
use crate::screen::{DIM, clear, say};

/// An editor writes a file in several steps; a check begins when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(100);

/// Check a lesson again on every save, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask watch\n  cargo xtask watch 2.2")]
pub(crate) struct Watch {
    /// Begin with this lesson: its file is made if it is not there, and checked at once.
    lesson: Option<String>,
}

impl Watch {
    /// Watches until it is interrupted.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let learn = Learn::of(course);
        drop(lock::take(&learn)?);
        let (sender, changes) = mpsc::channel();
        let failed = |error: notify::Error| Failure::tool(format!("cannot watch learn/: {error}"));
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let paths = event.map(|event| {
                if event.kind.is_access() {
                    Vec::new()
                } else {
                    event.paths
                }
            });
            // The receiver goes away only together with the program.
            let _ended = sender.send(paths);
        })
        .map_err(failed)?;
        watcher
            .watch(&learn.path, RecursiveMode::NonRecursive)
            .map_err(failed)?;
        // A stub that is edited where it lies is an answer too.
        for folder in course.lessons()? {
            watcher
                .watch(&folder.path, RecursiveMode::NonRecursive)
                .map_err(failed)?;
        }
        if let Some(lesson) = &self.lesson {
            check(course, &course.lesson(lesson)?);
        }
        say!("{DIM}Watching learn/; Ctrl-C ends it.{DIM:#}");
        loop {
            let mut saved: BTreeSet<PathBuf> = BTreeSet::new();
            match changes.recv() {
                Ok(paths) => saved.extend(paths.map_err(failed)?),
                Err(_) => return Ok(0),
            }
            loop {
                match changes.recv_timeout(QUIET) {
                    Ok(paths) => saved.extend(paths.map_err(failed)?),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return Ok(0),
                }
            }
            let lessons = course.lessons()?;
            let changed: Vec<&Folder> = lessons
                .iter()
                .filter(|folder| {
                    saved.contains(&learn.answer(folder)) || saved.contains(&folder.file("exercise.rs"))
                })
                .collect();
            if changed.is_empty() {
                continue;
            }
            clear();
            for folder in changed {
                check(course, folder);
            }
            say!("{DIM}Watching learn/; Ctrl-C ends it.{DIM:#}");
        }
    }
}

/// Checks a lesson; what goes wrong is shown and the watch goes on.
fn check(course: &Course, folder: &Folder) {
    match judge(course, folder, &Wish::Learner, Runs::default()) {
        Ok(judged) => check_lesson::show(course, folder, &judged),
        Err(failure) => failure.show(),
    }
}
