//! What git knows about a file.
//!
//! Invariant: reads only. Without git, or outside a repository, every question is answered "nothing known".

use std::path::Path;
use std::process::{Command, Stdio};

/// The file's text in the last commit, if git knows it.
pub(crate) fn committed(root: &Path, file: &Path) -> Option<String> {
    if !is_top(root) {
        return None;
    }
    let inside = file.strip_prefix(root).ok()?.to_str()?;
    let output = Command::new("git")
        .args(["-C", root.to_str()?, "show", &format!("HEAD:./{inside}")])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())
        .flatten()
}

/// The files that belong to the repository, tracked or new, without what is ignored; `None` without git.
pub(crate) fn files(root: &Path) -> Option<Vec<String>> {
    if !is_top(root) {
        return None;
    }
    let output = Command::new("git")
        .args([
            "-C",
            root.to_str()?,
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8(output.stdout).ok()?;
    Some(
        names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// True when the folder is the top of a repository, or of a worktree: one inside another's is not git's to tell of.
fn is_top(root: &Path) -> bool {
    root.join(".git").exists()
}
