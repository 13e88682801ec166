//! CPython's multiprocessing as a subject: one interpreter that does something and measures it for each line it reads.
//!
//! It measures by itself, so what is compared is the work alone, without the way to the interpreter and back.
//! It knows neither the script nor its lines: the benchmarks of other crates use it, too.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running interpreter.
pub(crate) struct Interpreter {
    version: String,
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Interpreter {
    /// The interpreter to compare with, running `script`: CPython 3.13 where there is one, else what `python3` is.
    pub(crate) fn find(script: &str) -> Option<Self> {
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
            .find_map(|program| Self::start(&program, script))
    }

    fn start(program: &PathBuf, script: &str) -> Option<Self> {
        // A benchmark may keep itself to one CPU, and its child would stay there: the script has all.
        let mut process = Command::new("taskset")
            .args(["-c", &format!("0-{}", core_process::cpu_count() - 1)])
            .arg(program)
            .arg(script)
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

    /// What it measures when it reads `request`, in nanoseconds.
    pub(crate) fn measure(&mut self, request: &str) -> f64 {
        writeln!(self.requests, "{request}").expect("the interpreter listens");
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
