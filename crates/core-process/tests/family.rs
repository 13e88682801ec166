//! Parents, children and grandchildren: daemons, who outlives whom, the key that a tree shares.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::time::Duration;

use core_process::{
    AuthKey, Fd, ParentDeath, Process, Signal, StartMethod, Status, WaitError, active_children, authkey,
    current, parent, set_authkey,
};
use gate::{Gate, Opener, gate};
use isolated::by_each_method;

core_process::divert_before_main!();

/// All that comes until the last writer is gone.
fn to_the_end(mut reader: PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

fn say(mut out: &PipeWriter, text: &str) {
    out.write_all(text.as_bytes()).unwrap();
}

#[test]
fn p25_a_daemon_is_one_from_the_start_and_its_starter_is_not() {
    fn case(method: StartMethod) {
        let recipe = Process::new(|| current().is_daemon, ()).method(method);
        assert!(!current().is_daemon);
        let child = recipe.start().unwrap();
        assert!(!child.is_daemon() && !child.join().unwrap());
        let daemon = recipe.daemon().start().unwrap();
        assert!(daemon.is_daemon() && daemon.join().unwrap());
    }
    by_each_method(case);
}

#[test]
fn p26_a_daemon_has_no_children() {
    fn parent(method: StartMethod) -> String {
        let refused = Process::new(|| (), ()).method(method).start();
        assert!(active_children().is_empty());
        refused.unwrap_err().to_string()
    }
    fn case(method: StartMethod) {
        let daemon = Process::new(parent, method)
            .method(method)
            .daemon()
            .start()
            .unwrap();
        let why = daemon.join().unwrap();
        assert!(
            why.starts_with("a daemonic process may not have children"),
            "{why}"
        );
    }
    by_each_method(case);
}

#[test]
fn p28_a_child_knows_its_parent() {
    fn child(gate: Gate, ready: Opener) -> (u32, String, bool, bool) {
        let parent = parent().unwrap();
        let waited = parent.join_until(Duration::ZERO);
        ready.open();
        gate.pass();
        let timed_out = matches!(waited, Err(WaitError::TimedOut));
        (
            parent.pid(),
            parent.name().to_owned(),
            parent.is_alive(),
            timed_out,
        )
    }
    fn case(method: StartMethod) {
        let (opener, there) = gate();
        let (ready, here) = gate();
        let child = Process::new(child, (there, ready))
            .method(method)
            .start()
            .unwrap();
        here.pass();
        opener.open();
        assert_eq!(
            child.join().unwrap(),
            (std::process::id(), current().name, true, true)
        );
    }
    by_each_method(case);
}

#[test]
fn p28_a_child_notices_its_parents_death() {
    fn survivor(out: Fd<PipeWriter>, ready: Opener) {
        let parent = parent().unwrap();
        assert!(parent.is_alive());
        ready.open();
        parent.join().unwrap();
        let late = core_process::parent().unwrap();
        say(&out, &format!("alive: {} {}", parent.is_alive(), late.is_alive()));
        late.join().unwrap();
        parent.signal(Signal::KILL).unwrap();
    }
    fn middle(method: StartMethod, out: Fd<PipeWriter>, ready: Opener) {
        let recipe = Process::new(survivor, (out, ready)).method(method);
        let child = recipe.on_parent_death(ParentDeath::Continue).start().unwrap();
        child.join().unwrap();
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let (ready, gate) = gate();
        let middle = Process::new(middle, (method, Fd::from(writer), ready))
            .method(method)
            .start()
            .unwrap();
        gate.pass();
        middle.kill().unwrap();
        middle.wait().unwrap();
        assert_eq!(to_the_end(reader), "alive: false false");
    }
    by_each_method(case);
}

#[test]
fn p28_a_parent_is_alive_though_no_descriptor_is_free_to_wait_for_it() {
    fn child() -> (bool, Option<i32>, bool) {
        let free = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 0).unwrap();
        let none = std::os::fd::AsRawFd::as_raw_fd(&free) as u64;
        drop(free);
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, none, none).unwrap();
        let parent = parent().unwrap();
        let waited = match parent.join_until(Duration::ZERO) {
            Err(WaitError::Os(error)) => error.raw_os_error(),
            _ => None,
        };
        (parent.is_alive(), waited, parent.signal(Signal::CONT).is_err())
    }
    fn case(method: StartMethod) {
        let child = Process::new(child, ()).method(method).start().unwrap();
        assert_eq!(child.join(), Ok((true, Some(libc::EMFILE), true)), "{method}");
    }
    by_each_method(case);
}

/// Such a child sees no parent at all (`getppid` is 0), alive or dead.
#[test]
fn a_child_in_another_pid_namespace_is_refused_unless_it_is_to_outlive_its_parent() {
    use nix::sched::{CloneFlags, unshare};
    fn case(method: StartMethod, policy: ParentDeath) -> Option<String> {
        let apart = unshare(CloneFlags::CLONE_NEWPID)
            .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID));
        if let Err(error) = apart {
            return Some(format!("skipped: {error}"));
        }
        let recipe = Process::new(std::process::id, ()).method(method);
        match recipe.on_parent_death(policy).start().unwrap().join() {
            // The first process of its namespace.
            Ok(pid) => (pid != 1).then(|| format!("its pid is {pid}")),
            Err(error) => Some(error.to_string()),
        }
    }
    for method in [StartMethod::Spawn, StartMethod::Fork] {
        let refused = isolated::alone(case, (method, ParentDeath::Exit)).unwrap();
        if refused.starts_with("skipped") {
            return eprintln!("{refused}");
        }
        assert!(
            refused.contains("PID namespace") && refused.contains("Continue"),
            "{refused}"
        );
        assert_eq!(isolated::alone(case, (method, ParentDeath::Continue)), None);
    }
}

#[test]
fn p29_active_children_are_the_own_living_ones() {
    fn wait(gate: Gate) {
        gate.pass();
    }
    fn case(method: StartMethod) {
        assert!(active_children().is_empty());
        let (opener, gate) = gate();
        let recipe = Process::new(wait, gate).method(method);
        let children = [
            recipe.start().unwrap(),
            recipe.start().unwrap(),
            recipe.start().unwrap(),
        ];
        let mut pids: Vec<u32> = children.iter().map(|child| child.pid()).collect();
        pids.sort_unstable();
        let seen: Vec<u32> = active_children().iter().map(|child| child.pid()).collect();
        assert_eq!(seen, pids, "and no server of the library");
        // A child has none of its parent's.
        let inside = Process::new(|| active_children().len(), ())
            .method(method)
            .start()
            .unwrap();
        assert_eq!(inside.join().unwrap(), 0);
        children.iter().for_each(|_| opener.open());
        for child in &children {
            core_process::wait_any(&[child], core_process::Until::forever()).unwrap();
        }
        assert!(active_children().is_empty());
    }
    by_each_method(case);
}

#[test]
fn p36_a_tree_shares_a_key_and_another_has_another() {
    fn bytes() -> [u8; 32] {
        *authkey().as_bytes()
    }
    fn nested(method: StartMethod) -> ([u8; 32], [u8; 32]) {
        let child = Process::new(bytes, ()).method(method).start().unwrap();
        (bytes(), child.join().unwrap())
    }
    fn case(method: StartMethod) {
        let ours = bytes();
        assert_ne!(ours, [0; 32]);
        let child = Process::new(nested, method).method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), (ours, ours));
        // Set, it holds for children that are started from now on, and not for the parent.
        set_authkey(AuthKey::from([7; 32]));
        let child = Process::new(nested, method).method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), ([7; 32], [7; 32]));
        assert_eq!(format!("{:?}", authkey()), "AuthKey(..)", "it is not printed");
    }
    by_each_method(case);
    assert_ne!(bytes(), [7; 32]);
    let other = std::process::Command::new(std::env::current_exe().unwrap());
    assert_ne!(key_of(other), bytes());
}

/// The key of another tree: this program, run as a main process of its own, prints it.
fn key_of(mut program: std::process::Command) -> [u8; 32] {
    program.args(["another_trees_key", "--exact", "--ignored", "--nocapture"]);
    let printed = program.output().unwrap().stdout;
    let printed = String::from_utf8(printed).unwrap();
    let (_, rest) = printed.split_once("key=").unwrap();
    let numbers = rest.split_once(';').unwrap().0;
    let bytes: Vec<u8> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
    bytes.try_into().unwrap()
}

#[test]
#[ignore = "run by p36 in a process of its own"]
fn another_trees_key() {
    let key: Vec<String> = authkey().as_bytes().iter().map(ToString::to_string).collect();
    println!("key={};", key.join(","));
}

#[test]
fn p41_grandchildren_end_with_the_middle_process_unless_they_are_to_go_on() {
    fn grandchild(out: Fd<PipeWriter>, ready: Opener, gate: Gate) {
        ready.open();
        gate.pass();
        say(&out, "went on");
    }
    fn middle(method: StartMethod, goes_on: u8, out: Fd<PipeWriter>, ready: Opener, gate: Gate) {
        let policy = [ParentDeath::Exit, ParentDeath::Continue][usize::from(goes_on)];
        let recipe = Process::new(grandchild, (out, ready, gate)).method(method);
        recipe.on_parent_death(policy).start().unwrap().join().unwrap();
    }
    fn case(method: StartMethod) {
        for (goes_on, expected) in [(0, ""), (1, "went on")] {
            let (reader, writer) = pipe().unwrap();
            let (ready, here) = gate();
            let (opener, there) = gate();
            let args = (method, goes_on, Fd::from(writer), ready, there);
            let middle = Process::new(middle, args).method(method).start().unwrap();
            here.pass();
            middle.terminate().unwrap();
            assert_eq!(middle.wait().unwrap(), Status::Signaled(Signal::TERM));
            if goes_on == 1 {
                opener.open();
            }
            assert_eq!(to_the_end(reader), expected);
        }
    }
    by_each_method(case);
}

#[test]
fn x13_a_child_ends_its_parent_and_watches_it_die() {
    fn child(out: Fd<PipeWriter>) {
        let parent = parent().unwrap();
        parent.signal(Signal::TERM).unwrap();
        parent.join().unwrap();
        say(&out, if parent.is_alive() { "alive" } else { "dead" });
    }
    fn middle(method: StartMethod, out: Fd<PipeWriter>) {
        let recipe = Process::new(child, out).method(method);
        recipe
            .on_parent_death(ParentDeath::Continue)
            .start()
            .unwrap()
            .join()
            .unwrap();
    }
    fn case(method: StartMethod) {
        let (reader, writer) = pipe().unwrap();
        let middle = Process::new(middle, (method, Fd::from(writer)))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(middle.wait().unwrap(), Status::Signaled(Signal::TERM));
        assert_eq!(to_the_end(reader), "dead");
    }
    by_each_method(case);
}
