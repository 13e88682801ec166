//! Programs that the course needs: the compiler, a linker, git.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Finding, Level, fine, worse};

pub(super) fn toolchain(root: &Path) -> Finding {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let wanted = line.and_then(|version| numbers(version.trim_matches('"')));
    match (version_of("rustc"), wanted) {
        (None, _) => worse(
            "rustc",
            Level::Lacking,
            "not found",
            "Install Rust: https://rustup.rs",
        ),
        (Some(version), Some(wanted)) if numbers(&version).is_some_and(|found| found < wanted) => worse(
            "rustc",
            Level::Lacking,
            format!("{version}; {}.{} is needed", wanted.0, wanted.1),
            "rustup update stable",
        ),
        (Some(version), _) => fine("rustc", version),
    }
}

pub(super) fn linker() -> Finding {
    match version_of("cc") {
        Some(version) => fine("linker (cc)", version),
        None => worse(
            "linker (cc)",
            Level::Lacking,
            "not found",
            "Install a C toolchain: apt install build-essential",
        ),
    }
}

pub(super) fn git() -> Finding {
    match version_of("git") {
        Some(version) => fine("git", version),
        None => worse(
            "git",
            Level::Note,
            "not found",
            "Without it an edited exercise.rs is not noticed; work in learn/.",
        ),
    }
}

fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// The first two numbers of `rustc 1.95.0 (...)` or `6.18.44-x`.
pub(super) fn numbers(version: &str) -> Option<(u32, u32)> {
    let word = version
        .split_whitespace()
        .find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    let mut parts = word.split(|letter: char| !letter.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(numbers("rustc 1.95.0 (f2d3ce0bd 2026-03-21)"), Some((1, 95)));
        assert_eq!(numbers("6.18.44-fc-v595"), Some((6, 18)));
        assert_eq!(numbers("none"), None);
    }
}
