//! The template of a lesson, graded by the real grader: in a copy of the repository, `new-lesson` and `verify`.
//!
//! The copy has a target folder of its own, which stays: cargo tells the crates of two workspaces apart by their place in
//! the workspace alone, so in a shared folder each would run the other's programs.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn xtask(folder: &Path, target: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target);
    command.output().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && name != "lessons" && name != "target" {
            copy(&path, &to.join(&name));
        } else if path.is_file() {
            fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

/// Leaves the crate without what only its other tests and benchmarks need, so that little has to be compiled.
fn keep_the_grader_alone(manifest: &Path) {
    let mut table: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    if let Some(needed) = table
        .get_mut("dev-dependencies")
        .and_then(toml::Value::as_table_mut)
    {
        needed.retain(|name, _| name == "grader");
    }
    for section in ["bench", "test"] {
        table.remove(section);
    }
    fs::write(manifest, table.to_string()).unwrap();
}

#[test]
fn the_template_is_a_lesson_that_grades_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let course = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template");
    if course.exists() {
        fs::remove_dir_all(&course).unwrap();
    }
    for folder in ["crates", "xtask", "docs"] {
        copy(&root.join(folder), &course.join(folder));
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root.join(file), course.join(file)).unwrap();
    }
    for name in ["tests", "benches"] {
        let folder = course.join("crates/core-process").join(name);
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    keep_the_grader_alone(&course.join("crates/core-process/Cargo.toml"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template-target");
    let made = xtask(&course, &target, &["new-lesson", "2.3"]);
    assert!(made.status.success(), "{made:?}");
    let verified = xtask(&course, &target, &["verify", "2.3", "--seeds", "3"]);
    let text = String::from_utf8_lossy(&verified.stdout);
    let last = text.lines().last().unwrap_or_default();
    assert_eq!(
        last,
        "1 lessons, 2 right answers passed, 3 wrong answers rejected as declared",
        "{text}{}",
        String::from_utf8_lossy(&verified.stderr)
    );
}
