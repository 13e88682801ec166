//! What the compiler says to a guard that is dropped at once, or leaves its thread or its lock.
//!
//! Each file of `tests/ui` is a program, and its head has what must be among the compiler's words; `kept.rs` is checked without a word.
//! They are one package, outside the workspace, that depends on this crate alone.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs, by name.
fn programs() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|file| (name(&file), file)).collect()
}

/// What the compiler says to each program.
fn said(programs: &BTreeMap<String, PathBuf>) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-sync");
    std::fs::create_dir_all(&folder).unwrap();
    let this = env!("CARGO_MANIFEST_DIR");
    let mut manifest = format!(
        "[package]\nname = \"ui-sync\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nsync = {{ path = {this:?} }}\n\n[workspace]\n"
    );
    for (name, file) in programs {
        manifest += &format!("\n[[bin]]\nname = {name:?}\npath = {file:?}\n");
    }
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The workspace's versions, which are on this machine already.
    let versions = Path::new(this).join("../../Cargo.lock");
    std::fs::copy(versions, folder.join("Cargo.lock")).unwrap();
    let checked = Command::new(env!("CARGO"))
        .args([
            "check",
            "--keep-going",
            "--offline",
            "--message-format=json",
            "--target-dir",
        ])
        .arg(folder.join("target"))
        .current_dir(&folder)
        .output()
        .unwrap();
    let mut said = BTreeMap::<String, String>::new();
    for line in String::from_utf8(checked.stdout).unwrap().lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(words) = message["message"]["rendered"].as_str() {
            let program = message["target"]["name"].as_str().unwrap().to_owned();
            *said.entry(program).or_default() += words;
        }
    }
    assert!(
        !said.is_empty(),
        "cargo did not come to the programs: {}",
        String::from_utf8_lossy(&checked.stderr)
    );
    said
}

#[test]
fn a_guard_that_is_not_kept_is_warned_of_and_its_lock_and_thread_are_its_types() {
    let programs = programs();
    let said = said(&programs);
    for (name, file) in &programs {
        let said = said.get(name).map(String::as_str).unwrap_or_default();
        // The compiler breaks lines where it likes.
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let source = std::fs::read_to_string(file).unwrap();
        let expected: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("//! says: "))
            .collect();
        assert_eq!(expected.is_empty(), words.is_empty(), "{name}: {said}");
        for expected in expected {
            assert!(
                words.contains(expected),
                "{name}: {expected:?} is not among\n{said}"
            );
        }
    }
}
