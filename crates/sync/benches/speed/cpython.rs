//! CPython's multiprocessing as a player: one interpreter that plays a game by itself, in two processes of its own, for each line it reads.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::guest::Place;

/// The script that the interpreter runs.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/cpython.py");

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
        let at_home = std::env::home_dir().map(|home| home.join(".pyenv/versions/3.13.0/bin/python3"));
        of_pyenv
            .into_iter()
            .chain(at_home)
            .chain(["python3.13", "python3"].map(PathBuf::from))
            .find_map(|program| Self::start(&program))
    }

    fn start(program: &PathBuf) -> Option<Self> {
        // The host stays on one CPU, and its child would: the script needs all.
        let mut process = Command::new("taskset")
            .args(["-c", &format!("0-{}", core_process::cpu_count() - 1)])
            .arg(program)
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

    /// Nanoseconds of a move.
    pub(crate) fn play(&mut self, row: &str, place: Place, moves: u32) -> f64 {
        writeln!(self.requests, "{row} {place:?} {moves}").expect("the interpreter listens");
        let line = self.line().expect("the interpreter answers");
        line.parse().expect("it answers in nanoseconds")
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
