//! Whole programs, with a `main` of their own and `init` as its first line: what happens at the end of the main process.
//!
//! This binary is the programs and their judge. Run as `programs program NAME ARGUMENT..` it is the program of that name (and so
//! are its children, which have the same command line); run in any other way it is a test harness, which starts itself as each
//! program and looks at its output, its status, and at who is left in `/proc`.
//!
//! Invariant: a program ends with its judge (by `PR_SET_PDEATHSIG`), and the judge ends by its watchdog.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod judge;
mod program;

use std::process::ExitCode;

use core_process::StartMethod;
use judge::{METHODS, killed, run};

/// Takes the cases as test functions, which a harness of its own would drop: makes a table of them.
macro_rules! cases {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        $(fn $name() $body)*
        const CASES: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    match words.as_slice() {
        ["program", name, arguments @ ..] => program::main(name, arguments),
        words => judge::main(CASES, words),
    }
}

/// The ways in which a main process ends by itself, and the code of each.
const ENDS: [(&str, i32); 4] = [("return", 0), ("exit", 5), ("fail", 1), ("panic", 101)];

cases! {
    #[test]
    fn x05_x06_x15_p35_main_runs_hooks_ends_daemons_and_waits_for_the_others() {
        for method in METHODS {
            for (end, code) in ENDS {
                let ended = run("family", &[&method.to_string(), end]);
                assert_eq!(ended.code, Some(code), "{method} {end}: {}", ended.errors);
                assert_eq!(ended.sorted(), ["child: let go by the hook", "daemon: SIGTERM", "main: hook"], "{method} {end}");
            }
        }
    }

    #[test]
    fn p33_a_thread_that_main_waits_for_may_end_the_process() {
        let ended = run("ended_by_a_thread", &[]);
        assert_eq!((ended.code, ended.output.as_str()), (Some(6), "hook\n"), "{}", ended.errors);
    }

    #[test]
    fn x05_a_daemon_that_refuses_sigterm_is_killed() {
        let ended = run("deaf_daemon", &["spawn"]);
        assert_eq!((ended.code, ended.output.as_str()), (Some(0), "main: end\n"));
    }

    #[test]
    fn x07_a_killed_main_takes_its_children_along_unless_they_are_to_go_on() {
        for method in METHODS {
            let output = killed("survivors", &[&method.to_string()], "ready\n");
            assert_eq!(output, "ready\nsurvivor: went on\n", "{method}");
        }
    }

    #[test]
    fn p32_nothing_is_printed_twice_and_nothing_is_lost() {
        for method in METHODS {
            let ended = run("printing", &[&method.to_string()]);
            let expected = match method {
                // What was buffered is printed before it is copied.
                StartMethod::Fork => "main, then child, child, main",
                StartMethod::Spawn | StartMethod::ForkServer => "child, child, main, then main",
            };
            assert_eq!(ended.output, expected, "{method}");
        }
    }

    #[test]
    fn c13_a_program_without_init_is_told_and_starts_nothing() {
        for method in METHODS {
            let ended = run("without_init", &[&method.to_string()]);
            assert!(ended.output.starts_with("a process was started before core_process::init()"), "{}", ended.output);
            assert!(ended.output.contains("fn main() {\n        core_process::init();"), "{}", ended.output);
            assert_eq!(ended.output.matches("a process was started").count(), 1, "no child came so far");
        }
    }

    #[test]
    fn c13_a_child_that_never_reaches_init_is_named() {
        for method in [StartMethod::Spawn, StartMethod::ForkServer] {
            let ended = run("leaves_before_init", &[&method.to_string()]);
            let why = "exited with code 3 without ever reaching core_process::init()";
            assert!(ended.output.contains(why), "{method}: {}", ended.output);
        }
        // A copy has passed `init` already.
        assert_eq!(run("leaves_before_init", &["fork"]).output, "returned\n");
    }

    #[test]
    fn c14_init_changes_nothing_in_the_main_process() {
        let ended = run("initialised_twice", &[]);
        assert_eq!((ended.code, ended.output.as_str()), (Some(0), "the same\n"));
    }

    #[test]
    fn c22_a_program_with_a_main_of_its_own_works_under_every_method() {
        for method in METHODS {
            assert_eq!(run("square", &[&method.to_string()]).output, "49\n", "{method}");
        }
    }

    #[test]
    fn a_program_whose_file_is_gone_starts_children_all_the_same() {
        for method in METHODS {
            let ended = judge::run_a_copy("without_its_file", &[&method.to_string()]);
            assert_eq!(ended.output, "gone\n49\n", "{method}: {}", ended.errors);
        }
    }
}
