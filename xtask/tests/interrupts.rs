//! Checks that run beside each other, are watched, or are interrupted: nobody is harmed and nothing is left.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

mod fixture;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fixture::{ANSWER, Course, Said, answer, no_process_mentions};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What does not happen in this time does not happen: a broken test ends.
const WATCHDOG: Duration = Duration::from_secs(60);

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WATCHDOG, "{what}: not in {WATCHDOG:?}");
        thread::yield_now();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// Starts a check of an answer that never ends and waits until it runs.
fn hanging(course: &Course) -> (Child, PathBuf) {
    course.write(ANSWER, &answer(0));
    fs::create_dir_all(course.path("target")).unwrap();
    let mark = course.path("target/hanging");
    let check = course.start(&["check-lesson", "2.2"]);
    until("the answer runs", || {
        fs::read_to_string(&mark).is_ok_and(|text| !text.is_empty())
    });
    (check, mark)
}

#[test]
fn a_signal_ends_the_answer_with_the_command() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let course = Course::new();
        let (check, _mark) = hanging(&course);
        kill(pid(&check), signal).unwrap();
        let said = Said::of(check.wait_with_output().unwrap());
        assert_eq!(said.code, Some(code), "{said:?}");
        until("nothing of the check is left", || {
            no_process_mentions(&course.path("target/learn"))
        });
        course.write(ANSWER, &answer(42));
        assert_eq!(
            course.xtask(&["check-lesson", "2.2"]).code,
            Some(0),
            "the next check is not harmed"
        );
    }
}

#[test]
fn two_checks_at_once_each_get_their_own_verdict() {
    let course = Course::new();
    course.write(ANSWER, &answer(42));
    course.write("one.rs", &answer(13));
    course.write("two.rs", &answer(1));
    let checks = [
        (0, course.start(&["check-lesson", "2.2"])),
        (13, course.start(&["check-lesson", "2.2", "--file", "one.rs"])),
        (11, course.start(&["check-lesson", "2.2", "--file", "two.rs"])),
        (0, course.start(&["check-lesson", "2.2", "--solution"])),
    ];
    for (code, check) in checks {
        let said = Said::of(check.wait_with_output().unwrap());
        assert_eq!(said.code, Some(code), "{said:?}");
    }
}

#[test]
fn a_check_that_waits_for_the_lock_says_for_whom() {
    let course = Course::new();
    fs::create_dir_all(course.path("learn")).unwrap();
    let lock = fs::File::create(course.path("learn/.lock")).unwrap();
    lock.lock().unwrap();
    fs::write(course.path("learn/.lock"), "4711\n").unwrap();
    let mut check = course.start(&["check-lesson", "2.2", "--solution"]);
    let mut lines = BufReader::new(check.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(
        line.contains("another check builds in learn/ (pid 4711)"),
        "{line}"
    );
    drop(lock);
    assert_eq!(check.wait().unwrap().code(), Some(0));
}

#[test]
fn a_save_is_checked_again() {
    let course = Course::new();
    let mut watch = course.start(&["watch", "2.2"]);
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let (sender, seen) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let wait_for = |what: &str| {
        while !seen
            .recv_timeout(WATCHDOG)
            .unwrap_or_else(|_| panic!("{what} was not seen"))
            .contains(what)
        {}
    };
    wait_for("WRONG");
    wait_for("Watching learn/");
    course.write(ANSWER, &answer(42));
    wait_for("PASS");
    wait_for("Watching learn/");
    course.write(ANSWER, "//! An answer.\npub fn answer() -> u32 { true }\n");
    wait_for("BUILD");
    kill(pid(&watch), Signal::SIGINT).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(130));
    reader.join().unwrap();
}
