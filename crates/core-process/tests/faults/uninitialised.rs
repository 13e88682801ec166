//! Programs that do not follow the rule of the first line: nothing starts, nothing multiplies, and the error explains.

use std::process::{Command, Output, Stdio};

use core_process::{ChildError, Process, Signal, StartError, StartMethod, Status};

use crate::scene::METHODS;
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    a_start_before_init_is_refused_and_says_what_to_do,
    a_child_that_never_comes_to_init_is_named_so,
    a_forkserver_that_never_comes_to_init_is_an_error_of_the_start,
];

/// How a child of `--uninitialised NAME` leaves before it comes to `init`.
pub(crate) fn before_init(name: &str) {
    if name == "starts" {
        for method in METHODS {
            match Process::new(|| 1, ()).method(method).start() {
                Err(error @ StartError::NotInitialised) => println!("{error}"),
                other => println!("{other:?}"),
            }
        }
        std::process::exit(9);
    }
    if std::env::var_os("CORE_PROCESS_START").is_none() {
        return;
    }
    match name {
        "returns" => std::process::exit(0),
        "fails" => std::process::exit(5),
        "panics" => panic!("before init"),
        "aborts" => std::process::abort(),
        // A child that starts children of its own would be the beginning of a flood.
        "multiplies" => {
            let error = Process::new(|| 1, ())
                .method(StartMethod::Spawn)
                .start()
                .unwrap_err();
            assert!(matches!(error, StartError::NotInitialised), "{error}");
            std::process::exit(6)
        }
        other => panic!("{other}"),
    }
}

/// What the parent of such children sees, printed.
pub(crate) fn after_init() {
    let method = std::env::var("METHOD").unwrap().parse().unwrap();
    match Process::new(|| 1, ()).method(method).start() {
        Ok(child) => match child.join() {
            Err(error @ ChildError::NeverInitialised { status }) => println!("{status:?}\n{error}"),
            other => println!("{other:?}"),
        },
        Err(StartError::ForkServer { cause }) => println!("ForkServer {cause}"),
        Err(error) => println!("{error:?}"),
    }
}

fn run(name: &str, method: StartMethod) -> Output {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["--uninitialised", name])
        .env("METHOD", method.to_string());
    command.stderr(Stdio::inherit()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn a_start_before_init_is_refused_and_says_what_to_do() {
    let output = run("starts", StartMethod::Spawn);
    assert_eq!(output.status.code(), Some(9));
    let text = text(&output);
    assert_eq!(
        text.matches("fn main() {\n        core_process::init();").count(),
        METHODS.len(),
        "{text}"
    );
}

fn a_child_that_never_comes_to_init_is_named_so() {
    let ends = [
        ("returns", Status::Exited(0)),
        ("fails", Status::Exited(5)),
        ("panics", Status::Exited(101)),
        ("multiplies", Status::Exited(6)),
    ];
    for (name, status) in ends {
        let output = run(name, StartMethod::Spawn);
        assert_eq!(output.status.code(), Some(0));
        let text = text(&output);
        assert!(text.starts_with(&format!("{status:?}\n")), "{name}: {text}");
        assert!(
            text.contains("without ever reaching core_process::init()"),
            "{name}: {text}"
        );
    }
    // A signal is the whole story: whether the child called `init` has nothing to do with it.
    let expected = format!(
        "{:?}\n",
        Err::<u32, _>(ChildError::Signaled { signal: Signal::ABRT })
    );
    assert_eq!(text(&run("aborts", StartMethod::Spawn)), expected);
}

fn a_forkserver_that_never_comes_to_init_is_an_error_of_the_start() {
    for name in ["returns", "fails", "panics", "aborts", "multiplies"] {
        let output = run(name, StartMethod::ForkServer);
        assert_eq!(output.status.code(), Some(0));
        let text = text(&output);
        assert!(text.starts_with("ForkServer "), "{name}: {text}");
        if name == "fails" {
            assert!(text.contains("exited with code 5"), "{text}");
            assert!(text.contains("init()"), "{text}");
        }
    }
}
