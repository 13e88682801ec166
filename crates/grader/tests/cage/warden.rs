//! The death of the warden is the death of the answer.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::harness::program;

#[test]
fn a_killed_warden_takes_all_processes_along() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut warden = Command::new(env!("CARGO_BIN_EXE_cage-programs"))
        .arg("warden")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let spec = program(&["hold", &fifo.to_string_lossy()]);
    let spec = grader::cage::CageSpec {
        budget: grader::cage::Budget {
            deadline: Duration::from_secs(300),
            ..spec.budget
        },
        ..spec
    };
    warden
        .stdin
        .take()
        .unwrap()
        .write_all(serde_json::to_string(&spec).unwrap().as_bytes())
        .unwrap();
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut file = File::open(fifo).unwrap();
        file.read_exact(&mut [0; 2]).unwrap();
        send.send("both hold it").unwrap();
        let _ = file.read_to_end(&mut Vec::new());
        send.send("nobody holds it").unwrap();
    });
    let watchdog = Duration::from_secs(60);
    assert_eq!(receive.recv_timeout(watchdog), Ok("both hold it"));
    warden.kill().unwrap();
    warden.wait().unwrap();
    assert_eq!(receive.recv_timeout(watchdog), Ok("nobody holds it"));
    reader.join().unwrap();
}
