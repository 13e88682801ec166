//! F069 and F070: a process that owns a queue, a lock, an event, an array and a listener is killed, alone or with its whole group, and
//! nothing of it is left: no process, and no name.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::time::Duration;

use core_process::{Process, Signal, StartMethod, Status, wait_any};
use ipc::{Address, Array, Listener, Queue, Sender, pipe};
use rustix::process::{Pid, PidfdFlags, Signal as Number, kill_process_group, pidfd_open, setpgid};
use sync::{Event, Lock};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Holds the lock for ever, with everything else in hand.
fn hold(queue: Queue<u64>, lock: Lock, event: Event, array: Array<u64>, there: Sender<u32>) {
    let _guard = lock.lock();
    there.send(&std::process::id()).unwrap();
    event.wait();
    drop((queue, array));
}

/// Waits in the queue for ever.
fn wait(queue: Queue<u64>, lock: Lock, event: Event, array: Array<u64>, there: Sender<u32>) {
    there.send(&std::process::id()).unwrap();
    let _ = queue.get();
    drop((lock, event, array));
}

/// Owns all, in a group of its own, and waits for ever.
fn own(name: String, there: Sender<u32>) {
    setpgid(None, None).unwrap();
    let queue = Queue::<u64>::bounded(3).unwrap();
    let lock = Lock::new().unwrap();
    let event = Event::new().unwrap();
    let array = Array::<u64>::zeroed(100_000).unwrap();
    let listener = Listener::<u64>::at(Address::abstract_name(&name)).unwrap();
    let arguments = || {
        (
            queue.clone(),
            lock.clone(),
            event.clone(),
            array.clone(),
            there.clone(),
        )
    };
    let _holder = Process::new(hold, arguments()).start().unwrap();
    let _waiter = Process::new(wait, arguments()).start().unwrap();
    let _ = listener.accept();
}

/// What has a name: shared memory, message queues and semaphores of files, and our sockets.
fn names(name: &str) -> BTreeSet<String> {
    let files = ["/dev/shm", "/dev/mqueue"].into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path().display().to_string())
    });
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    let ours = sockets.lines().filter(|line| line.contains(name));
    files.chain(ours.map(str::to_owned)).collect()
}

fn nothing_is_left_when(what: &str, kill: fn(u32)) {
    let name = format!("ipc {what} {}", std::process::id());
    let before = names(&name);
    let (sender, receiver) = pipe().unwrap();
    let owner = Process::new(own, (name.clone(), sender))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let family: Vec<_> = (0..2)
        .map(|_| {
            let pid = Pid::from_raw(receiver.recv_timeout(WATCHDOG).unwrap() as i32).unwrap();
            pidfd_open(pid, PidfdFlags::empty()).unwrap()
        })
        .collect();
    assert_ne!(names(&name), before, "the listener has no name");
    kill(owner.pid());
    assert_eq!(owner.wait().unwrap(), Status::Signaled(Signal::KILL));
    for process in &family {
        wait_any(&[process], WATCHDOG).expect("a process of the dead one is left");
    }
    // Who had the ends of the pipe is gone: nobody is left who could send.
    assert!(matches!(
        receiver.recv_timeout(WATCHDOG),
        Err(ipc::RecvError::Disconnected)
    ));
    assert_eq!(names(&name), before);
}

#[test]
fn f069_f070_an_owner_that_is_killed_alone_or_with_its_group_leaves_nothing() {
    nothing_is_left_when("owner", |pid| {
        let pid = Pid::from_raw(pid as i32).unwrap();
        rustix::process::kill_process(pid, Number::KILL).unwrap();
    });
    nothing_is_left_when("group", |pid| {
        let group = Pid::from_raw(pid as i32).unwrap();
        kill_process_group(group, Number::KILL).unwrap();
    });
}
