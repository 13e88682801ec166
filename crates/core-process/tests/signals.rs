//! Ending a child from outside: SIGTERM, SIGKILL, SIGINT, and a child that sees them come.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod gate;
mod isolated;

use core_process::{ChildError, Process, Signal, StartMethod, Status, at_exit, exit};
use gate::{Gate, Opener, gate};
use isolated::by_each_method;
use nix::sys::signal::{SigSet, Signal as Number};

core_process::divert_before_main!();

/// Says that it is there, and waits for ever.
fn wait(ready: Opener) {
    at_exit(|| println!("a hook ran"));
    ready.open();
    loop {
        std::thread::park();
    }
}

/// Takes the signal as an event: the counterpart of a handler. Says that it is ready for it.
fn taken(signal: Number, ready: &Opener) {
    let mut set = SigSet::empty();
    set.add(signal);
    set.thread_block().unwrap();
    ready.open();
    assert_eq!(set.wait().unwrap(), signal);
}

#[test]
fn p22_x01_terminate_ends_a_child_at_once() {
    fn case(method: StartMethod) {
        let (ready, gate) = gate();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let child = Process::new(wait, ready)
            .method(method)
            .stdout(writer)
            .start()
            .unwrap();
        gate.pass();
        child.terminate().unwrap();
        assert_eq!(child.join(), Err(ChildError::Signaled { signal: Signal::TERM }));
        child.terminate().unwrap();
        assert_eq!(
            child.status(),
            Status::Signaled(Signal::TERM),
            "the second one did nothing"
        );
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(text, "", "no hook runs");
    }
    by_each_method(case);
}

#[test]
fn p22_x12_a_dead_childs_number_may_be_anothers() {
    fn case(method: StartMethod) {
        let child = Process::new(|| (), ()).method(method).start().unwrap();
        child.join().unwrap();
        // The kernel says of the pidfd that there is no such process; by the number it could not.
        child.kill().unwrap();
        child.signal(Signal::STOP).unwrap();
        assert_eq!(child.status(), Status::Exited(0));
    }
    by_each_method(case);
}

#[test]
fn p23_kill_cannot_be_refused() {
    fn refuse(ready: Opener, gate: Gate) {
        SigSet::all().thread_block().unwrap();
        ready.open();
        gate.pass();
        ready.open();
        wait(ready);
    }
    fn case(method: StartMethod) {
        let (ready, here) = gate();
        let (opener, there) = gate();
        let child = Process::new(refuse, (ready, there))
            .method(method)
            .start()
            .unwrap();
        here.pass();
        child.terminate().unwrap();
        child.interrupt().unwrap();
        opener.open();
        here.pass();
        assert!(child.is_alive(), "it refused both");
        child.kill().unwrap();
        assert_eq!(child.join(), Err(ChildError::Signaled { signal: Signal::KILL }));
    }
    by_each_method(case);
}

#[test]
fn p24_interrupt_is_the_terminals_and_may_be_taken() {
    fn interrupted(ready: Opener) -> String {
        taken(Number::SIGINT, &ready);
        "cleaned up".to_owned()
    }
    fn case(method: StartMethod) {
        let (ready, gate) = gate();
        let child = Process::new(wait, ready).method(method).start().unwrap();
        gate.pass();
        child.interrupt().unwrap();
        assert_eq!(child.join(), Err(ChildError::Signaled { signal: Signal::INT }));

        let (ready, gate) = self::gate();
        let child = Process::new(interrupted, ready).method(method).start().unwrap();
        gate.pass();
        child.interrupt().unwrap();
        assert_eq!(child.join().unwrap(), "cleaned up");
    }
    by_each_method(case);
}

#[test]
fn x02_a_child_that_takes_sigterm_cleans_up_and_chooses_its_code() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            print!("dropped ");
        }
    }
    fn polite(ready: Opener) {
        at_exit(|| print!("hook"));
        {
            let _guard = Guard;
            taken(Number::SIGTERM, &ready);
        }
        exit(7)
    }
    fn case(method: StartMethod) {
        let (ready, gate) = gate();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let child = Process::new(polite, ready)
            .method(method)
            .stdout(writer)
            .start()
            .unwrap();
        gate.pass();
        child.terminate().unwrap();
        assert_eq!(child.join(), Err(ChildError::Exited { code: 7 }));
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(text, "dropped hook");
    }
    by_each_method(case);
}
