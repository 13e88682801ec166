//! Runs a program in the cage, in a warden of its own, under a watchdog.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use grader::cage::{Budget, CageOutcome, CageSpec, Tracing};

/// Longer than any test of the cage takes; a warden that takes longer is killed, and the test fails.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A run of a test program with a short deadline.
pub(crate) fn program(args: &[&str]) -> CageSpec {
    CageSpec {
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        budget: Budget {
            deadline: Duration::from_millis(300),
            ..Budget::default()
        },
        ..CageSpec::new(env!("CARGO_BIN_EXE_cage-programs"))
    }
}

/// The same without ptrace.
pub(crate) fn by_proc(spec: CageSpec) -> CageSpec {
    CageSpec {
        tracing: Tracing::ProcOnly,
        ..spec
    }
}

/// Runs it in a warden of its own.
pub(crate) fn outcome(spec: &CageSpec) -> CageOutcome {
    run(spec).expect("the program starts")
}

/// Likewise, with the error of a program that does not start.
pub(crate) fn run(spec: &CageSpec) -> Result<CageOutcome, String> {
    let mut warden = Command::new(env!("CARGO_BIN_EXE_cage-programs"))
        .arg("warden")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the warden starts");
    let text = serde_json::to_string(spec).expect("a specification is plain data");
    warden
        .stdin
        .take()
        .expect("piped")
        .write_all(text.as_bytes())
        .expect("the warden reads");
    let mut stdout = warden.stdout.take().expect("piped");
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        let _ = send.send(text);
    });
    let text = receive.recv_timeout(WATCHDOG);
    if text.is_err() {
        let _ = warden.kill();
    }
    let status = warden.wait().expect("a child of this process");
    reader.join().expect("it does not panic");
    let text = text.unwrap_or_else(|_| panic!("the warden hangs on {spec:?}"));
    assert!(status.success(), "the warden ended with {status}");
    serde_json::from_str(&text).expect("the warden prints an outcome")
}
