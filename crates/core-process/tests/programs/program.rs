//! The programs. Each function is what its `main` would be.

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::process::ExitCode;

use core_process::{
    Fd, ParentDeath, Process, StartMethod, at_exit, current, exit, fail, init, own_processes, parent,
};
use nix::sys::signal::{SigSet, Signal};

/// The program of that name; its first argument is a start method, as a rule.
pub(crate) fn main(name: &str, arguments: &[&str]) -> ExitCode {
    let method = || arguments[0].parse().unwrap();
    match name {
        "family" => family(method(), arguments[1]),
        "deaf_daemon" => deaf_daemon(method()),
        "survivors" => survivors(method()),
        "printing" => printing(method()),
        "without_init" => without_init(method()),
        "leaves_before_init" => leaves_before_init(method()),
        "initialised_twice" => initialised_twice(),
        "square" => squared(method()),
        "ended_by_a_thread" => ended_by_a_thread(),
        "without_its_file" => without_its_file(method()),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// From here on the main process ends with the judge. It comes after `init`, since children have a policy of their own.
fn end_with_the_judge() {
    let kill = Some(rustix::process::Signal::KILL);
    rustix::process::set_parent_process_death_signal(kill).unwrap();
}

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

fn pass(mut gate: &PipeReader) {
    gate.read_exact(&mut [0]).unwrap();
}

fn open(mut gate: &PipeWriter) {
    gate.write_all(b"x").unwrap();
}

/// A daemon that says what it gets.
fn daemon(ready: Fd<PipeWriter>) {
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    term.thread_block().unwrap();
    open(&ready);
    let signal = term.wait().unwrap();
    say(&format!("daemon: {signal}\n"));
}

fn child(gate: Fd<PipeReader>) {
    pass(&gate);
    say("child: let go by the hook\n");
}

fn family(method: StartMethod, end: &str) {
    init();
    end_with_the_judge();
    let (ready, writer) = std::io::pipe().unwrap();
    let (gate, opener) = std::io::pipe().unwrap();
    // Hooks come before children are seen to; so if main did not wait for the child, it would be gone before it could speak.
    at_exit(move || {
        say("main: hook\n");
        open(&opener);
    });
    Process::new(child, Fd::from(gate))
        .method(method)
        .start()
        .unwrap();
    Process::new(daemon, Fd::from(writer))
        .method(method)
        .daemon()
        .start()
        .unwrap();
    pass(&ready);
    match end {
        "exit" => exit(5),
        "fail" => fail("main failed"),
        "panic" => panic!("main panicked"),
        _ => {}
    }
}

fn deaf_daemon(method: StartMethod) {
    fn deaf(ready: Fd<PipeWriter>) {
        SigSet::all().thread_block().unwrap();
        open(&ready);
        loop {
            std::thread::park();
        }
    }
    init();
    end_with_the_judge();
    let (ready, writer) = std::io::pipe().unwrap();
    Process::new(deaf, Fd::from(writer))
        .method(method)
        .daemon()
        .start()
        .unwrap();
    pass(&ready);
    say("main: end\n");
}

fn survivors(method: StartMethod) {
    fn wait(ready: Fd<PipeWriter>) {
        open(&ready);
        loop {
            std::thread::park();
        }
    }
    fn survivor(ready: Fd<PipeWriter>) {
        open(&ready);
        parent().unwrap().join().unwrap();
        say("survivor: went on\n");
    }
    init();
    end_with_the_judge();
    at_exit(|| say("main: hook\n"));
    let (ready, writer) = std::io::pipe().unwrap();
    let copy = Fd::from(writer.try_clone().unwrap());
    let waiting = Process::new(wait, copy).method(method).start().unwrap();
    let survivor = Process::new(survivor, Fd::from(writer)).method(method);
    let survivor = survivor.on_parent_death(ParentDeath::Continue).start().unwrap();
    pass(&ready);
    pass(&ready);
    say("ready\n");
    let _ = (waiting.join(), survivor.join());
}

fn printing(method: StartMethod) {
    init();
    end_with_the_judge();
    // No line ends here: what is printed waits in a buffer, which a fork would copy.
    say("main, then ");
    let recipe = Process::new(|| say("child, "), ()).method(method);
    recipe.start().unwrap().join().unwrap();
    recipe.start().unwrap().join().unwrap();
    say("main");
}

fn without_init(method: StartMethod) {
    end_with_the_judge();
    let refused = Process::new(|| (), ()).method(method).start();
    say(&refused.unwrap_err().to_string());
    assert!(own_processes().is_empty());
}

fn leaves_before_init(method: StartMethod) {
    if std::env::var_os("CORE_PROCESS_START").is_some() {
        std::process::exit(3);
    }
    init();
    end_with_the_judge();
    match Process::new(|| (), ()).method(method).start() {
        Ok(child) => match child.join() {
            Ok(()) => say("returned\n"),
            Err(error) => say(&error.to_string()),
        },
        Err(error) => say(&error.to_string()),
    }
}

fn initialised_twice() {
    let state = || {
        let count = |dir: &str| std::fs::read_dir(dir).unwrap().count();
        let variables: Vec<_> = std::env::vars_os().collect();
        (
            count("/proc/self/fd"),
            count("/proc/self/task"),
            variables,
            current(),
        )
    };
    let before = state();
    init();
    init();
    end_with_the_judge();
    say(if state() == before {
        "the same\n"
    } else {
        "changed\n"
    });
}

fn square(n: u64) -> u64 {
    n * n
}

fn squared(method: StartMethod) {
    init();
    end_with_the_judge();
    let child = Process::new(square, 7).method(method).start().unwrap();
    say(&format!("{}\n", child.join().unwrap()));
}

fn without_its_file(method: StartMethod) {
    init();
    end_with_the_judge();
    std::fs::remove_file(std::env::current_exe().unwrap()).unwrap();
    say("gone\n");
    let child = Process::new(square, 7).method(method).start().unwrap();
    say(&format!("{}\n", child.join().unwrap()));
}

/// `main` has returned, and waits for the thread that ends the process.
fn ended_by_a_thread() {
    init();
    end_with_the_judge();
    at_exit(|| say("hook\n"));
    let main = format!("/proc/self/task/{}/stat", std::process::id());
    core_process::thread::spawn(move || -> () {
        while !std::fs::read_to_string(&main).unwrap().contains(") S ") {
            std::thread::yield_now();
        }
        exit(6)
    })
    .unwrap();
}
