//! How a child ended: its code, its signal, its panic, and what it says on stderr.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::io::{Read, Write, pipe};

use core_process::{Child, ChildError, Process, Signal, StartMethod, Status, Target, exit, exit_now, fail};
use gate::gate;
use isolated::by_each_method;
use serde::Serialize;
use serde::de::DeserializeOwned;

core_process::divert_before_main!();

/// A child of `target`, when it has ended, and what it wrote to stderr.
fn said<F, A, M>(method: StartMethod, target: F, args: A) -> (Child<F::Output>, String)
where
    F: Target<A, M>,
    A: Serialize + DeserializeOwned,
{
    let (mut reader, writer) = pipe().unwrap();
    let recipe = Process::new(target, args)
        .method(method)
        .name("speaker")
        .stderr(writer);
    let child = recipe.start().unwrap();
    drop(recipe);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    (child, text)
}

#[test]
fn p10_a_running_child_has_no_code() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let child = Process::new(|gate: gate::Gate| gate.pass(), gate)
            .method(method)
            .start()
            .unwrap();
        assert_eq!(child.status(), Status::Running);
        assert_eq!(child.try_join(), None);
        opener.open();
        assert_eq!(child.wait().unwrap(), Status::Exited(0));
    }
    by_each_method(case);
}

#[test]
fn p11_a_target_that_returns_and_one_that_exits_with_0() {
    fn case(method: StartMethod) {
        let returned = Process::new(|| "value".to_owned(), ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(returned.join().unwrap(), "value");
        assert_eq!(returned.status(), Status::Exited(0));
        let left = Process::new(|| -> u8 { exit(0) }, ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(
            left.join(),
            Err(ChildError::Exited { code: 0 }),
            "there is no value"
        );
        assert!(left.status().is_success());
    }
    by_each_method(case);
}

#[test]
fn p12_the_kernel_keeps_the_low_byte_of_a_code() {
    fn case(method: StartMethod) {
        for (given, seen) in [(3, 3), (255, 255), (256, 0), (-1, 255), (i32::MIN, 0)] {
            let child = Process::new(|code: i32| -> () { exit(code) }, given)
                .method(method)
                .start();
            assert_eq!(
                child.unwrap().wait().unwrap(),
                Status::Exited(seen),
                "exit({given})"
            );
            let child = Process::new(|code: i32| -> () { std::process::exit(code) }, given)
                .method(method)
                .start();
            assert_eq!(
                child.unwrap().wait().unwrap(),
                Status::Exited(seen),
                "process::exit({given})"
            );
        }
    }
    by_each_method(case);
}

#[test]
fn p13_fail_says_why_and_exits_with_1() {
    fn case(method: StartMethod) {
        let (child, text) = said(method, || -> () { fail("no input: щ") }, ());
        assert_eq!(text, "no input: щ\n");
        assert_eq!(child.join(), Err(ChildError::Exited { code: 1 }));
        // With nobody to say it to, too.
        let closed = Process::new(|| -> () { fail("unheard") }, ()).method(method);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(
            closed.stderr(full).start().unwrap().wait().unwrap(),
            Status::Exited(1)
        );
    }
    by_each_method(case);
}

#[test]
fn p14_a_panic_is_told_to_the_parent_and_on_stderr() {
    fn case(method: StartMethod) {
        let (child, text) = said(method, |n: u8| -> u8 { panic!("no {n}") }, 7);
        let begin = format!("process \"speaker\" (pid {}): ", child.pid());
        assert!(text.starts_with(&begin) && text.contains("no 7"), "{text}");
        assert_eq!(child.status(), Status::Exited(101), "Rust's code for a panic");
        match child.join() {
            Err(ChildError::Panicked {
                message, location, ..
            }) => {
                assert_eq!(message, "no 7");
                assert!(location.unwrap().contains("exit_codes.rs:"));
            }
            other => panic!("{other:?}"),
        }
        // A value that is no text, and a text that was made.
        let (child, _) = said(method, || -> () { std::panic::panic_any(7_u8) }, ());
        assert!(child.join().unwrap_err().to_string().contains("no text"));
        let (child, _) = said(
            method,
            || -> () { std::panic::resume_unwind(Box::new("made".to_owned())) },
            (),
        );
        assert_eq!(
            child.join().unwrap_err().to_string(),
            "the process panicked: made"
        );
    }
    by_each_method(case);
}

#[test]
fn p15_a_signal_is_named() {
    fn case(method: StartMethod) {
        let recipe = Process::new(std::thread::park, ()).method(method);
        for (signal, name) in [
            (Signal::TERM, "SIGTERM"),
            (Signal::KILL, "SIGKILL"),
            (Signal::ALRM, "SIGALRM"),
        ] {
            let child = recipe.start().unwrap();
            child.signal(signal).unwrap();
            assert_eq!(child.join(), Err(ChildError::Signaled { signal }));
            assert_eq!(child.status(), Status::Signaled(signal));
            assert_eq!(child.status().to_string(), format!("was ended by {name}"));
        }
        let aborted = Process::new(|| -> () { std::process::abort() }, ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(aborted.wait().unwrap(), Status::Signaled(Signal::ABRT));
    }
    by_each_method(case);
}

#[test]
fn p32_what_was_printed_arrives_and_a_full_disk_changes_no_result() {
    fn speak(text: String) -> usize {
        let mut out = std::io::stdout().lock();
        // No newline: it stays in the buffer until the end.
        out.write_all(text.as_bytes()).unwrap();
        text.len()
    }
    fn case(method: StartMethod) {
        let (mut reader, writer) = pipe().unwrap();
        let recipe = Process::new(speak, "half a line".to_owned()).method(method);
        let child = recipe.clone().stdout(writer).start().unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), child.join()), ("half a line", Ok(11)));
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let child = recipe.stdout(full).start().unwrap();
        assert_eq!((child.join(), child.status()), (Ok(11), Status::Exited(0)));
    }
    by_each_method(case);
}

#[test]
fn a_child_that_cannot_print_tells_its_parent_all_the_same() {
    /// A result that refuses to be sent.
    #[derive(Debug, serde::Deserialize)]
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on purpose"))
        }
    }
    fn case(method: StartMethod) {
        let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
        let panics = Process::new(|| -> () { panic!("on purpose") }, ()).method(method);
        match panics.stderr(full()).start().unwrap().join() {
            Err(ChildError::Panicked { message, .. }) => assert_eq!(message, "on purpose"),
            other => panic!("{other:?}"),
        }
        let refuses = Process::new(|| Refuses, ()).method(method);
        match refuses.stderr(full()).start().unwrap().join() {
            Err(ChildError::Result { message }) => assert!(message.contains("on purpose"), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    by_each_method(case);
}

#[test]
fn a_panic_that_was_caught_is_not_taken_for_a_later_one() {
    fn target() {
        let _ = std::panic::catch_unwind(|| panic!("the first"));
        std::panic::resume_unwind(Box::new("the second"));
    }
    fn case(method: StartMethod) {
        match Process::new(target, ()).method(method).start().unwrap().join() {
            Err(ChildError::Panicked { message, .. }) => assert_eq!(message, "the second"),
            other => panic!("{other:?}"),
        }
    }
    by_each_method(case);
}

#[test]
fn x03_exit_now_leaves_everything_undone() {
    fn leave() {
        core_process::at_exit(|| eprintln!("a hook ran"));
        let _worker = core_process::thread::spawn(std::thread::park).unwrap();
        print!("half a line");
        exit_now(9)
    }
    fn case(method: StartMethod) {
        let (mut reader, writer) = pipe().unwrap();
        let (mut errors, stderr) = pipe().unwrap();
        let recipe = Process::new(leave, ())
            .method(method)
            .stdout(writer)
            .stderr(stderr);
        let child = recipe.start().unwrap();
        drop(recipe);
        assert_eq!(child.wait().unwrap(), Status::Exited(9));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        errors.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
    }
    by_each_method(case);
}
