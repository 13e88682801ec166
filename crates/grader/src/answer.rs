//! Which source lines are the answer's, and how they are shown.
//!
//! Invariant: a line of the lesson's checks, of the library or of the standard library is never shown as the learner's.

use crate::Place;

/// Whether the place lies in the answer's file.
pub(crate) fn owns(place: &Place) -> bool {
    let file = place.file.as_str();
    let name = file.rsplit('/').next().unwrap_or(file);
    let foreign = file.starts_with("/rustc/") || file.contains("/.cargo/registry/") || is_library(file);
    name != "check.rs" && !file.contains("/check/") && !foreign
}

/// `crates/NAME/src/...`: a lesson's files lie in `crates/NAME/lessons/`.
fn is_library(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    parts
        .windows(3)
        .any(|three| three[0] == "crates" && three[2] == "src")
}

/// The place as a learner knows it: from `learn/` or the repository's root on, without `..`.
pub(crate) fn shown(place: &Place) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in place.file.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = parts
        .iter()
        .rposition(|part| *part == "learn")
        .or_else(|| parts.iter().rposition(|part| *part == "crates"));
    format!("{}:{}", parts[root.unwrap_or(0)..].join("/"), place.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str) -> Place {
        Place {
            file: file.into(),
            line: 7,
        }
    }

    #[test]
    fn a_learners_line_is_told_from_everybody_elses() {
        assert!(owns(&place("learn/.build/../l02_02_child_processes.rs")));
        assert!(owns(&place(
            "crates/core-process/tests/../lessons/l02_02_child_processes/wrong/all_at_once.rs"
        )));
        for foreign in [
            "crates/core-process/tests/../lessons/l02_02_child_processes/check.rs",
            "/rustc/59807616e/library/core/src/option.rs",
            "/home/u/course/crates/core-process/src/child.rs",
            "learn/.build/../../crates/sync/src/lock.rs",
            "crates/sync/tests/../lessons/l04_02_lock/check/bank.rs",
        ] {
            assert!(!owns(&place(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_path_is_shown_from_learn_on() {
        assert_eq!(
            shown(&place("/home/u/course/learn/.build/../l02_02.rs")),
            "learn/l02_02.rs:7"
        );
        assert_eq!(
            shown(&place("crates/a/tests/../lessons/x.rs")),
            "crates/a/lessons/x.rs:7"
        );
        assert_eq!(shown(&place("../x.rs")), "../x.rs:7");
    }
}
