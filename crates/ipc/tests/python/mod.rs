//! CPython as a peer of a test: 3.13 where there is one, else what `python3` is; where there is none that has shared memory, the test
//! says so and shows nothing.
#![allow(dead_code, reason = "each test binary uses a part of this file")]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running interpreter.
pub(crate) struct Running {
    process: Child,
    answers: BufReader<ChildStdout>,
}

fn program() -> Option<PathBuf> {
    let at_home = std::env::home_dir().map(|home| home.join(".pyenv/versions/3.13.0/bin/python3"));
    let found = at_home
        .into_iter()
        .chain(["python3.13", "python3"].map(PathBuf::from))
        .find(|program| {
            let asked = Command::new(program)
                .args(["-c", "import multiprocessing.shared_memory"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            asked.is_ok_and(|status| status.success())
        });
    if found.is_none() {
        eprintln!("skipped: no CPython here has multiprocessing.shared_memory");
    }
    found
}

/// What a script prints, trimmed; its tracker's warnings are nobody's.
pub(crate) fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program()?)
        .args(["-c", script])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

impl Running {
    /// Starts a script that talks by lines.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Option<Self> {
        let mut process = Command::new(program()?)
            .args(["-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Self { process, answers })
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub(crate) fn go_on(&mut self) {
        writeln!(self.process.stdin.as_ref().unwrap()).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
