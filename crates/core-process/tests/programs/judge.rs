//! The judge: starts a program, sees it end, and looks for what it left.

use std::io::Read;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use core_process::StartMethod;

/// Far longer than all cases together.
const WATCHDOG: Duration = Duration::from_secs(300);

/// All of them.
pub(crate) const METHODS: [StartMethod; 3] = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

/// By this variable the processes of one run are found.
const MARK: &str = "PROGRAMS_RUN";

/// A program that has ended.
pub(crate) struct Ended {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Ended {
    /// The lines of its output: those of several processes come in any order.
    pub(crate) fn sorted(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.output.lines().collect();
        lines.sort_unstable();
        lines
    }
}

/// Runs the cases whose names contain one of `words`, or all.
pub(crate) fn main(cases: &[(&str, fn())], words: &[&str]) -> ExitCode {
    if words.contains(&"--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    std::thread::spawn(|| {
        std::thread::sleep(WATCHDOG);
        eprintln!("a program hung");
        std::process::abort();
    });
    let filters: Vec<&&str> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(**filter));
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in cases.iter().filter(|(name, _)| chosen(name)) {
        let ok = catch_unwind(case).is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        *(if ok { &mut passed } else { &mut failed }) += 1;
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let left_out = cases.len() - passed - failed;
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {left_out} filtered out"
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Starts a program; the second value finds its processes.
fn start(file: &Path, name: &str, arguments: &[&str]) -> (Child, String) {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = format!("{}.{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let mut command = Command::new(file);
    command.arg("program").arg(name).args(arguments).env(MARK, &run);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    (command.spawn().unwrap(), run)
}

/// Runs a program to its end, after which none of its processes may be left.
#[track_caller]
pub(crate) fn run(name: &str, arguments: &[&str]) -> Ended {
    end(start(&std::env::current_exe().unwrap(), name, arguments))
}

/// Runs a copy of this file, which the program may delete.
#[track_caller]
pub(crate) fn run_a_copy(name: &str, arguments: &[&str]) -> Ended {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("programs-{}", std::process::id()));
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let ended = end(start(&copy, name, arguments));
    assert!(!copy.exists(), "the program deleted it");
    ended
}

#[track_caller]
fn end((mut program, run): (Child, String)) -> Ended {
    let status = program.wait().unwrap();
    let left = processes_of(&run);
    assert!(left.is_empty(), "after the end of main: {left:?}");
    // None is left that could hold these open.
    let (output, errors) = (text(program.stdout.take()), text(program.stderr.take()));
    Ended {
        code: status.code(),
        output,
        errors,
    }
}

/// Kills a program's main process once it has said `ready`; what was said until the last of its processes was gone.
#[track_caller]
pub(crate) fn killed(name: &str, arguments: &[&str], ready: &str) -> String {
    let (mut program, _) = start(&std::env::current_exe().unwrap(), name, arguments);
    let mut output = program.stdout.take().unwrap();
    let mut said = vec![0; ready.len()];
    output.read_exact(&mut said).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    String::from_utf8(said).unwrap() + &text(Some(output))
}

/// All that comes until the last writer is gone.
fn text(stream: Option<impl Read>) -> String {
    let mut text = String::new();
    stream.unwrap().read_to_string(&mut text).unwrap();
    text
}

/// The living processes that have the mark of that run in their environment.
fn processes_of(run: &str) -> Vec<String> {
    let mark = format!("{MARK}={run}");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let found = entries.filter(|entry| {
        // Other users' processes cannot be read, and some end while we look.
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes())
    });
    found
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
