//! A judge runs its own program, and not what its file has become: two answers to one lesson may be checked at once, and
//! the second one's program takes the name of the first one's.

use std::fs;
use std::os::fd::AsRawFd;
use std::process::Command;

/// Judges a right answer from a file that is there no more.
pub fn a_right_answer_passes_whose_file_is_gone() {
    let copy = std::env::temp_dir().join(format!("verdicts-{}", std::process::id()));
    fs::copy("/proc/self/exe", &copy).unwrap();
    let file = fs::File::open(&copy).unwrap();
    fs::remove_file(&copy).unwrap();
    let output = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .args([
            "check", "--lesson", "0.1", "--case", "solution", "--runs", "2", "--json",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
