//! What the compiler says to a target, an argument or a type in shared memory that cannot work: refused, in words that tell what to do.
//!
//! Each file of `tests/ui` is a program. Those whose names begin with `builds` have to build; each of the others is refused, and its head has what must be
//! among the compiler's words. They are built rather than checked, since two of the refusals are assertions that are evaluated for
//! the functions that a program really uses.
//!
//! They are one package, outside the workspace, that depends on this crate and on serde alone: building the development
//! dependencies once more would take minutes.
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

/// A package whose binaries are the programs; the folder that it is in.
fn package(programs: &BTreeMap<String, PathBuf>) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
    std::fs::create_dir_all(&folder).unwrap();
    let this = env!("CARGO_MANIFEST_DIR");
    let mut manifest = format!(
        "[package]\nname = \"ui\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\ncore-process = {{ path = {this:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
         [profile.dev]\ndebug = false\n\n[workspace]\n"
    );
    for (name, file) in programs {
        manifest += &format!("\n[[bin]]\nname = {name:?}\npath = {file:?}\n");
    }
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The workspace's versions, which are on this machine already.
    std::fs::copy(
        Path::new(this).join("../../Cargo.lock"),
        folder.join("Cargo.lock"),
    )
    .unwrap();
    folder
}

/// Builds the package; the errors of each program, as the compiler shows them.
fn errors(folder: &Path) -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--keep-going",
        "--offline",
        "--message-format=json",
        "--target-dir",
    ]);
    let built = cargo
        .arg(folder.join("target"))
        .current_dir(folder)
        .output()
        .unwrap();
    let mut errors = BTreeMap::<String, String>::new();
    for line in String::from_utf8(built.stdout).unwrap().lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        if message["message"]["level"] == "error" {
            let program = message["target"]["name"].as_str().unwrap().to_owned();
            *errors.entry(program).or_default() += message["message"]["rendered"].as_str().unwrap();
        }
    }
    assert!(
        !errors.is_empty(),
        "cargo did not come to the programs: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    errors
}

#[test]
fn c16_what_cannot_work_is_refused_by_the_compiler() {
    let programs = programs();
    let folder = package(&programs);
    let errors = errors(&folder);
    for (name, file) in &programs {
        let said = errors.get(name);
        if name.starts_with("builds") {
            assert_eq!(said, None, "{name} has to build");
            let ran = Command::new(folder.join("target/debug").join(name))
                .status()
                .unwrap();
            assert!(ran.success(), "{name}: {ran}");
            continue;
        }
        let said = said.unwrap_or_else(|| panic!("{name} was not refused"));
        let source = std::fs::read_to_string(file).unwrap();
        let expected: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("//! says: "))
            .collect();
        assert!(!expected.is_empty(), "{name} does not tell what is said to it");
        // The compiler breaks lines where it likes.
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in expected {
            assert!(
                words.contains(expected),
                "{name}: {expected:?} is not among\n{said}"
            );
        }
    }
}
