//! `SharedMemory`: what a name is, who removes it, and what is left when its owner is killed.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use core_process::{ParentDeath, Process, Signal, Status};
use ipc::{Array, Queue, Sender, SharedMemory, SharedMemoryManager, Tracking, pipe};

core_process::divert_before_main!();

mod python;
use python::python;

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// Waits until a name is gone: the keeper sees the end of its owner by itself.
fn until_gone(name: &str) {
    let watchdog = Instant::now() + WATCHDOG;
    while path(name).exists() {
        assert!(Instant::now() < watchdog, "{name} is left behind");
        thread::yield_now();
    }
}

fn read_in_child(memory: SharedMemory) -> Vec<u8> {
    memory.atomic_u64(8).fetch_add(2, Relaxed);
    memory.read(0..5).unwrap()
}

#[test]
fn m16_a_new_one_has_a_name_of_its_own_its_size_and_zeros() {
    let memory = SharedMemory::create(5000).unwrap();
    assert!(memory.name().starts_with("psm_"), "{}", memory.name());
    assert_eq!(memory.size(), 5000);
    assert_eq!(memory.read(0..5000).unwrap(), vec![0; 5000]);
    assert_ne!(SharedMemory::create(1).unwrap().name(), memory.name());
    memory.write(4990, b"end").unwrap();
    memory.write(4998, b"end").unwrap_err();
    memory.read(1..5001).unwrap_err();
    assert_eq!(memory.read(4990..4993).unwrap(), b"end");
}

#[test]
fn m17_who_knows_the_name_has_the_same_bytes() {
    let name = format!("values-test-{}", std::process::id());
    let ours = SharedMemory::create_named(&name, 64).unwrap();
    let theirs = SharedMemory::attach(&format!("/{name}")).unwrap();
    theirs.write(0, b"hello").unwrap();
    assert_eq!((ours.read(0..5).unwrap(), theirs.size()), (b"hello".to_vec(), 64));
    let again = SharedMemory::create_named(&name, 64).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert_eq!(ours.read(0..5).unwrap(), b"hello");
    let unknown = SharedMemory::attach("values-test-unknown").unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    drop(theirs);
    assert!(path(&name).exists(), "who attached does not own the name");
    drop(ours);
    assert!(!path(&name).exists());
}

#[test]
fn m18_a_size_of_nothing_or_of_more_than_there_is_makes_no_name() {
    let kind = |size| SharedMemory::create(size).unwrap_err().kind();
    assert_eq!(kind(0), ErrorKind::InvalidInput);
    assert_eq!(kind(usize::MAX), ErrorKind::FileTooLarge);
    assert_eq!(kind(isize::MAX as usize), ErrorKind::OutOfMemory);
    for name in ["", "/", ".", "..", "a/b", "a\0b", &"n".repeat(255)] {
        let error = SharedMemory::create_named(name, 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        assert!(SharedMemory::attach(name).is_err());
    }
}

#[test]
fn m19_close_unmaps_it() {
    let memory = SharedMemory::create(8).unwrap();
    let same = SharedMemory::attach(memory.name()).unwrap();
    let name = memory.name().to_owned();
    let mapped = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.matches(&name).count()
    };
    assert_eq!(mapped(), 2);
    same.close();
    assert_eq!(mapped(), 1);
    let copy = memory.clone();
    memory.close();
    assert_eq!(mapped(), 1);
    copy.close();
    assert_eq!(mapped(), 0);
}

#[test]
fn m20_unlink_removes_the_name_once_and_the_memory_stays() {
    let memory = SharedMemory::create(16).unwrap();
    let other = SharedMemory::attach(memory.name()).unwrap();
    other.unlink().unwrap();
    assert!(!path(memory.name()).exists());
    assert_eq!(memory.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    memory.write(0, b"still").unwrap();
    assert_eq!(other.read(0..5).unwrap(), b"still");
    // The name is another's by now, whom the first owner must leave alone.
    let name = memory.name().to_owned();
    let next = SharedMemory::create_named(&name, 8).unwrap();
    assert_eq!(memory.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    drop((memory, other));
    assert_eq!(SharedMemory::attach(next.name()).unwrap().size(), 8);
}

#[test]
fn m21_an_untracked_name_stays_until_somebody_unlinks_it() {
    let memory = SharedMemory::create_with(None, 8, Tracking::Untracked).unwrap();
    let name = memory.name().to_owned();
    drop(memory);
    drop(SharedMemory::create(8).unwrap());
    let again = SharedMemory::attach(&name).unwrap();
    again.unlink().unwrap();
    assert!(!path(&name).exists());
}

#[test]
fn m22_a_handle_is_sent_with_the_memory_also_when_the_name_is_gone() {
    let memory = SharedMemory::create(16).unwrap();
    memory.write(0, b"hello").unwrap();
    for _ in 0..2 {
        let child = Process::new(read_in_child, memory.clone()).start().unwrap();
        assert_eq!(child.join_timeout(WATCHDOG).unwrap(), b"hello");
        // CPython attaches by the name, and fails without it.
        drop(memory.unlink());
    }
    assert_eq!(memory.atomic_u64(8).load(Relaxed), 4);
}

#[test]
fn m27_a_manager_removes_the_names_of_what_was_made_through_it() {
    let manager = SharedMemoryManager::new();
    let memory = manager.shared_memory(8).unwrap();
    let list = manager.shareable_list([1.into(), "two".into()]).unwrap();
    assert!(path(memory.name()).exists() && path(list.name()).exists());
    manager.shutdown();
    assert!(!path(memory.name()).exists() && !path(list.name()).exists());
    memory.write(0, b"stays").unwrap();
    assert_eq!(list.get(1).unwrap(), "two".into());
}

/// Owns one of each, in a process group of its own, until it is killed.
fn owner(said: Sender<(String, u32)>) {
    rustix::process::setpgid(None, None).unwrap();
    let memory = SharedMemory::create(1 << 20).unwrap();
    let _others = (
        sync::Lock::new().unwrap(),
        sync::Event::new().unwrap(),
        Queue::<u64>::new().unwrap(),
        Array::<u64>::zeroed(1000).unwrap(),
    );
    let keeper = core_process::own_processes()[0];
    said.send(&(memory.name().to_owned(), keeper)).unwrap();
    loop {
        thread::park();
    }
}

/// A killed owner: its name, and its keeper's pid. `kill` is given the owner's pid and the keeper's.
fn killed(kill: impl Fn(&core_process::Child<()>, u32)) -> (String, u32) {
    let (said, heard) = pipe().unwrap();
    let child = Process::new(owner, said)
        .on_parent_death(ParentDeath::Exit)
        .start()
        .unwrap();
    let (name, keeper) = heard.recv_timeout(WATCHDOG).unwrap();
    assert!(path(&name).exists());
    kill(&child, keeper);
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    (name, keeper)
}

/// Names of this user that go with an owner.
fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir("/dev/shm").unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("psm_"))
        .collect()
}

fn until_ended(pid: u32) {
    let watchdog = Instant::now() + WATCHDOG;
    let runs = |status: String| !status.contains("State:\tZ");
    while std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(runs) {
        assert!(Instant::now() < watchdog, "process {pid} is left behind");
        thread::yield_now();
    }
}

#[test]
fn m28_f069_an_owner_that_is_killed_leaves_no_name_and_no_process() {
    let (name, keeper) = killed(|child, _| child.kill().unwrap());
    until_gone(&name);
    until_ended(keeper);
}

#[test]
fn m28_f070_an_owner_that_is_killed_with_its_whole_group_leaves_no_name() {
    let (name, keeper) = killed(|child, _| {
        let group = rustix::process::Pid::from_raw(child.pid().cast_signed()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    });
    until_gone(&name);
    until_ended(keeper);
}

fn kill_keeper(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn m28_an_owner_that_is_killed_with_its_keeper_leaves_what_the_next_one_removes() {
    let (name, keeper) = killed(|child, keeper| {
        kill_keeper(keeper);
        child.kill().unwrap();
    });
    until_ended(keeper);
    drop(SharedMemory::create(8).unwrap());
    assert!(!path(&name).exists());
}

#[test]
fn m28_who_has_attached_keeps_the_memory_of_a_killed_owner() {
    let attached = std::cell::RefCell::new(None);
    let (said, heard) = pipe().unwrap();
    let child = Process::new(owner, said).start().unwrap();
    let (name, _) = heard.recv_timeout(WATCHDOG).unwrap();
    *attached.borrow_mut() = Some(SharedMemory::attach(&name).unwrap());
    child.kill().unwrap();
    until_gone(&name);
    let attached = attached.into_inner().unwrap();
    attached.write(0, b"still here").unwrap();
    assert_eq!(attached.read(0..10).unwrap(), b"still here");
}

/// The keeper is killed, and all goes on: what is made next has a new one. Ends without removing anything itself.
fn loses_its_keeper(said: Sender<Vec<String>>) {
    let first = SharedMemory::create(8).unwrap();
    let keeper = core_process::own_processes()[0];
    kill_keeper(keeper);
    until_ended(keeper);
    drop(SharedMemory::create(8).unwrap());
    let second = SharedMemory::create(8).unwrap();
    assert_ne!(core_process::own_processes(), [keeper]);
    let names = [&first, &second].map(|memory| memory.name().to_owned());
    said.send(&names.to_vec()).unwrap();
    std::mem::forget((first, second));
}

#[test]
fn f103_no_tracker_is_needed() {
    let (said, heard) = pipe().unwrap();
    let child = Process::new(loses_its_keeper, said).start().unwrap();
    let names = heard.recv_timeout(WATCHDOG).unwrap();
    child.join_timeout(WATCHDOG).unwrap();
    for name in names {
        until_gone(&name);
    }
}

fn in_little_memory() -> Option<String> {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    let alone = unshare(CloneFlags::CLONE_NEWNS)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS));
    let private = alone.and_then(|()| {
        mount::<str, str, str, str>(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)
    });
    let small = private.and_then(|()| {
        mount(
            Some("tmpfs"),
            "/dev/shm",
            Some("tmpfs"),
            MsFlags::empty(),
            Some("size=1m"),
        )
    });
    if let Err(error) = small {
        return Some(format!("skipped: no /dev/shm of one's own here: {error}"));
    }
    let error = SharedMemory::create(4 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_eq!(names(), BTreeSet::new());
    let fits = SharedMemory::create(512 << 10).unwrap();
    fits.write(0, &vec![7; 512 << 10]).unwrap();
    // What somebody else has made, of more than there is, is not taken: an access would end in SIGBUS.
    let sparse = std::fs::File::create("/dev/shm/sparse").unwrap();
    sparse.set_len(4 << 20).unwrap();
    let error = SharedMemory::attach("sparse").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    None
}

#[test]
fn f094_more_than_there_is_in_dev_shm_is_an_error_when_it_is_made() {
    let child = Process::new(in_little_memory, ()).start().unwrap();
    if let Some(why) = child.join_timeout(WATCHDOG).unwrap() {
        eprintln!("{why}");
    }
}

#[test]
fn f104_a_python_process_that_attaches_and_exits_costs_nobody_the_memory() {
    let ours = SharedMemory::create(64).unwrap();
    ours.write(0, b"from rust").unwrap();
    let script = "import sys; from multiprocessing.shared_memory import SharedMemory\n\
                  m = SharedMemory(sys.argv[1]); print(bytes(m.buf[:9]).decode(), m.size)\n\
                  m.buf[:11] = b'from python'; m.close()";
    let Some(said) = python(script, &[ours.name()]) else {
        return;
    };
    assert_eq!(said, "from rust 64");
    // Its tracker has removed the name, or has not (from 3.13 on it can be told): the memory is ours all the same, and can be sent.
    assert_eq!(ours.read(0..11).unwrap(), b"from python");
    let child = Process::new(read_in_child, ours.clone()).start().unwrap();
    assert_eq!(child.join_timeout(WATCHDOG).unwrap(), b"from ");
}

#[test]
fn f104_what_python_has_made_is_attached_to() {
    let script = "import sys; from multiprocessing.shared_memory import SharedMemory\n\
                  m = SharedMemory(create=True, size=100); m.buf[:2] = b'py'; print(m.name, flush=True)\n\
                  sys.stdin.readline(); print(bytes(m.buf[:2]).decode()); m.close(); m.unlink()";
    let Some(mut python) = python::Running::start(script, &[]) else {
        return;
    };
    let theirs = SharedMemory::attach(&python.line()).unwrap();
    assert_eq!((theirs.size(), theirs.read(0..2).unwrap()), (100, b"py".to_vec()));
    theirs.write(0, b"rs").unwrap();
    let name = theirs.name().to_owned();
    drop(theirs);
    assert!(path(&name).exists(), "the name is Python's");
    python.go_on();
    assert_eq!(python.line(), "rs");
}
