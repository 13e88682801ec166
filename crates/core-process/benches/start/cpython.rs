//! CPython's multiprocessing as a subject: one interpreter that starts and joins a process for each line it reads.
//!
//! It measures by itself, so what is compared is its start and join alone, without the way to the interpreter and back.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The script that the interpreter runs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/start/cpython.py");

/// A running interpreter.
pub(crate) struct Interpreter {
    version: String,
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Interpreter {
    /// The interpreter to compare with: CPython 3.13 where there is one, else what `python3` is.
    pub(crate) fn find() -> Option<Self> {
        let of_pyenv = Command::new("pyenv").args(["prefix", "3.13.0"]).output().ok();
        let of_pyenv = of_pyenv
            .filter(|output| output.status.success())
            .and_then(|output| String::from_utf8(output.stdout).ok())
            .map(|prefix| PathBuf::from(prefix.trim()).join("bin/python3.13"));
        of_pyenv
            .into_iter()
            .chain(["python3.13", "python3"].map(PathBuf::from))
            .find_map(|program| Self::start(&program))
    }

    fn start(program: &PathBuf) -> Option<Self> {
        let mut process = Command::new(program)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (requests, answers) = (process.stdin.take()?, process.stdout.take()?);
        let mut interpreter = Self {
            version: String::new(),
            process,
            requests,
            answers: BufReader::new(answers),
        };
        // A shim that finds no interpreter exits: there is no first line then.
        interpreter.version = interpreter.line()?;
        Some(interpreter)
    }

    /// `3.13.0` or so.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// What one start and join of an empty function takes by `method`.
    pub(crate) fn start_and_join(&mut self, method: &str) -> Duration {
        writeln!(self.requests, "{method}").expect("the interpreter listens");
        let line = self.line().expect("the interpreter answers");
        Duration::from_nanos(line.parse().expect("it answers in nanoseconds"))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        Some(line.trim().to_owned()).filter(|line| !line.is_empty())
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        // It reads the end of its requests; if it should not, it is ended all the same.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
