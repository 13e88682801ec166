//! `Listener` and `Client` over Unix sockets between real processes: CPython's rows, and what is left of an address.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use core_process::{Child, Process, Signal, StartMethod, Status, StopSource, wait_any};
use ipc::{
    AcceptError, Address, Client, ConnectError, Connection, Key, Listener, Peers, RecvError, Sender, pipe,
};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

type Numbers = Listener<u64, u64>;

fn key() -> Key {
    Key::new([7; 32])
}

/// Asks the listener to double a number.
fn ask(address: Address, number: u64, with_key: Option<[u8; 32]>) -> u64 {
    let client = with_key.map_or_else(Client::new, |key| Client::new().key(&Key::new(key)));
    let server: Connection<u64> = client.connect_timeout(&address, WATCHDOG).unwrap();
    server.send(&number).unwrap();
    server.recv_timeout(WATCHDOG).unwrap()
}

fn answer(listener: &Numbers) {
    let client = listener.accept_timeout(WATCHDOG).unwrap();
    let number = client.recv_timeout(WATCHDOG).unwrap();
    client.send(&(number * 2)).unwrap();
}

#[test]
fn k20_k23_a_listener_chooses_its_address_and_tells_who_came() {
    let listener = Numbers::new().unwrap();
    assert_eq!(listener.last_accepted(), None);
    for number in [1, 2, 3] {
        let child = Process::new(ask, (listener.address().clone(), number, None))
            .start()
            .unwrap();
        let client = listener.accept_timeout(WATCHDOG).unwrap();
        let peer = client.peer().unwrap();
        assert_eq!(peer.pid, child.pid());
        assert_eq!(listener.last_accepted(), Some(peer));
        assert_eq!(client.recv_timeout(WATCHDOG).unwrap(), number);
        client.send(&(number * 2)).unwrap();
        assert_eq!(child.join().unwrap(), number * 2);
    }
    let Address::File(path) = listener.address().clone() else {
        panic!("{listener:?}")
    };
    let file = fs::symlink_metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let directory = fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    drop(listener);
    assert!(!path.exists());
    let error = Client::new().connect::<u64, u64>(path).unwrap_err();
    assert!(matches!(error, ConnectError::NobodyListens(_)), "{error}");
}

fn tell(address: Address, say: Sender<String>) {
    let server: Connection<Sender<String>, ()> = Client::new().connect(&address).unwrap();
    server.send(&say).unwrap();
}

#[test]
fn k20_a_connection_carries_descriptors_and_has_copies_in_other_processes() {
    let listener = Listener::<(), Sender<String>>::new().unwrap();
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(tell, (listener.address().clone(), sender))
        .start()
        .unwrap();
    let client = listener.accept_timeout(WATCHDOG).unwrap();
    let pass = |client: Connection<(), Sender<String>>| {
        client.recv().unwrap().send(&"from a copy".to_owned()).unwrap();
    };
    let copy = Process::new(pass, client).start().unwrap();
    assert_eq!(receiver.recv_timeout(WATCHDOG).unwrap(), "from a copy");
    child.join().unwrap();
    copy.join().unwrap();
}

#[test]
fn k20_a_listener_is_waited_for_beside_others_and_is_silent_when_nobody_comes() {
    let listeners = [Numbers::new().unwrap(), Numbers::new().unwrap()];
    assert!(matches!(listeners[1].try_accept(), Err(AcceptError::WouldBlock)));
    assert!(matches!(
        listeners[1].accept_timeout(Duration::from_millis(5)),
        Err(AcceptError::TimedOut)
    ));
    let source = StopSource::new().unwrap();
    source.stop();
    assert!(matches!(
        listeners[1].accept_until(&source.token()),
        Err(AcceptError::Stopped)
    ));
    wait_any(&listeners, Duration::from_millis(5)).unwrap_err();
    let ours: Connection<u64> = Client::new().connect(listeners[1].address()).unwrap();
    assert_eq!(wait_any(&listeners, WATCHDOG).unwrap(), [1]);
    let theirs = listeners[1].try_accept().unwrap();
    wait_any(&listeners, Duration::from_millis(5)).unwrap_err();
    ours.send(&3).unwrap();
    assert_eq!(theirs.recv().unwrap(), 3);
}

#[test]
fn k21_an_abstract_name_is_no_file_and_is_free_again_when_its_owner_is_killed() {
    let name = format!("ipc test {}", std::process::id());
    let address = Address::abstract_name(&name);
    assert_eq!(Address::from(format!("\0{name}").as_str()), address);
    let (child, ready) = listening(address.clone(), None);
    assert_eq!(ready, address);
    let error = Numbers::at(&address).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap(), Status::Signaled(Signal::KILL));
    let listener = Numbers::at(&address).unwrap();
    let child = Process::new(ask, (address, 4, None)).start().unwrap();
    answer(&listener);
    assert_eq!(child.join().unwrap(), 8);
}

/// Listens at an address, or where it likes, until it is killed; or ends without a word.
fn listen(address: Option<Address>, ready: Sender<Address>, ends: bool) {
    let listener = match address {
        Some(address) => Numbers::at(address).unwrap(),
        None => Numbers::new().unwrap(),
    };
    ready.send(listener.address()).unwrap();
    if ends {
        std::mem::forget(listener);
        return;
    }
    while let Ok(client) = listener.accept() {
        drop(client);
    }
}

/// A process that listens; the files that it chooses are in `temporary`.
fn listening(address: impl Into<Option<Address>>, temporary: Option<&Path>) -> (Child<()>, Address) {
    start_listening(address.into(), temporary, false)
}

fn start_listening(address: Option<Address>, temporary: Option<&Path>, ends: bool) -> (Child<()>, Address) {
    let (sender, receiver) = pipe().unwrap();
    let mut process = Process::new(listen, (address, sender, ends)).method(StartMethod::Spawn);
    if let Some(temporary) = temporary {
        process = process.env("TMPDIR", temporary).env_remove("XDG_RUNTIME_DIR");
    }
    let child = process.start().unwrap();
    let ready = receiver.recv_timeout(WATCHDOG).unwrap();
    (child, ready)
}

/// A directory of a test, removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ipc-test-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn k22_a_given_file_goes_with_its_listener_and_a_dead_ones_is_replaced() {
    let directory = Directory::new("given");
    let path = directory.0.join("socket");
    let address = Address::from(path.as_path());
    drop(Numbers::at(&address).unwrap());
    assert!(!path.exists());

    let (child, _) = listening(address.clone(), None);
    let error = Numbers::at(&address).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    // To ask whether its owner lives harms the owner in nothing.
    let still: Connection<u64> = Client::new().connect(&address).unwrap();
    drop(still);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(path.exists());
    let error = Client::new().connect::<u64, u64>(&address).unwrap_err();
    assert!(matches!(error, ConnectError::NobodyListens(_)), "{error}");
    let listener = Numbers::at(&address).unwrap();
    let child = Process::new(ask, (address, 4, None)).start().unwrap();
    answer(&listener);
    assert_eq!(child.join().unwrap(), 8);
    drop(listener);
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
}

#[test]
fn k22_what_is_no_socket_of_a_dead_listener_is_left_alone() {
    let directory = Directory::new("alone");
    let path = directory.0.join("file");
    fs::write(&path, "precious").unwrap();
    let error = Numbers::at(path.as_path()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    // Nor does a listener remove what somebody has put into the place of its own file.
    let path = directory.0.join("socket");
    let listener = Numbers::at(path.as_path()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    drop(listener);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn k22_a_killed_listeners_file_is_removed_by_the_next_and_the_directory_goes_with_the_last() {
    let directory = Directory::new("killed");
    let count = || {
        let inner = fs::read_dir(&directory.0).unwrap().next().unwrap().unwrap();
        fs::read_dir(inner.path()).unwrap().count()
    };
    let (first, _) = listening(None, Some(&directory.0));
    let (second, _) = listening(None, Some(&directory.0));
    assert_eq!(count(), 2);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(count(), 2);
    // The next one removes what the first has left, and not what the second has; and it ends without dropping its own.
    let (third, _) = start_listening(None, Some(&directory.0), true);
    third.join().unwrap();
    assert_eq!(count(), 1);
    second.kill().unwrap();
    second.wait().unwrap();
    let (fourth, _) = start_listening(None, Some(&directory.0), true);
    fourth.join().unwrap();
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
}

#[test]
fn k22_a_directory_that_others_may_enter_is_refused() {
    let directory = Directory::new("squatted");
    let user = rustix::process::geteuid().as_raw();
    let squatted = directory.0.join(format!("ipc-{user}"));
    fs::create_dir(&squatted).unwrap();
    fs::set_permissions(&squatted, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = || Numbers::new().unwrap_err().to_string();
    let child = Process::new(refused, ())
        .env("TMPDIR", &directory.0)
        .env_remove("XDG_RUNTIME_DIR")
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let said = child.join().unwrap();
    assert!(said.contains("is no directory of this user alone"), "{said}");
}

#[test]
fn k24_both_sides_prove_the_key_and_another_key_is_told() {
    let listener: Numbers = Numbers::options().key(&key()).listen().unwrap();
    let address = listener.address().clone();
    let right = Process::new(ask, (address.clone(), 21, Some([7; 32])))
        .start()
        .unwrap();
    answer(&listener);
    assert_eq!(right.join().unwrap(), 42);

    let refused = |address: Address| {
        let client = Client::new().key(&Key::new([8; 32]));
        let error = client
            .connect_timeout::<u64, u64>(&address, WATCHDOG)
            .unwrap_err();
        assert!(matches!(error, ConnectError::WrongKey), "{error}");
        error.to_string()
    };
    let wrong = Process::new(refused, address.clone()).start().unwrap();
    while wrong.is_alive() {
        let none = listener.accept_timeout(Duration::from_millis(10));
        assert!(matches!(none, Err(AcceptError::TimedOut)));
    }
    assert!(wrong.join().unwrap().contains("another one"));

    // A listener that cannot prove the key gets no client, though it lets everybody in.
    let impostor = Numbers::at(format!("\0ipc impostor {}", std::process::id()).as_str()).unwrap();
    let client = Client::new().key(&key());
    let error = client
        .connect_timeout::<u64, u64>(impostor.address(), Duration::from_millis(20))
        .unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error}");
}

#[test]
fn k24_a_client_without_the_key_that_is_asked_for_gets_no_message() {
    let listener: Numbers = Numbers::options().key(&key()).listen().unwrap();
    let client: Connection<u64> = Client::new().connect(listener.address()).unwrap();
    client.send(&1).unwrap();
    assert!(matches!(
        listener.accept_timeout(Duration::from_millis(20)),
        Err(AcceptError::TimedOut)
    ));
    // What it finds is the question for a key, and then the end.
    let error = client.recv_timeout(WATCHDOG).unwrap_err();
    assert!(matches!(error, RecvError::Malformed(_)), "{error}");
    assert!(matches!(
        client.recv_timeout(WATCHDOG),
        Err(RecvError::Disconnected)
    ));
}

#[test]
fn k25_a_key_has_any_length_and_shows_nothing_of_itself() {
    for bytes in [&b""[..], b"k", &[1; 1000]] {
        let key = Key::new(bytes);
        assert_eq!(format!("{key:?}"), "Key(..)");
        let listener: Numbers = Numbers::options().key(&key).listen().unwrap();
        let address = listener.address().clone();
        let client = std::thread::spawn(move || {
            let client = Client::new().key(&key);
            client.connect_timeout::<u64, u64>(&address, WATCHDOG).unwrap()
        });
        let ours = listener.accept_timeout(WATCHDOG).unwrap();
        ours.send(&5).unwrap();
        assert_eq!(client.join().unwrap().recv_timeout(WATCHDOG).unwrap(), 5);
    }
    let of_the_tree = Key::from(&core_process::authkey());
    let listener: Numbers = Numbers::options().key(&of_the_tree).listen().unwrap();
    let address = listener.address().clone();
    let child = Process::new(ask, (address, 4, Some(*core_process::authkey().as_bytes())))
        .start()
        .unwrap();
    answer(&listener);
    assert_eq!(child.join().unwrap(), 8);
}

#[test]
fn a_client_gives_up_at_its_deadline_where_nobody_accepts_or_there_is_no_room() {
    let listener: Numbers = Numbers::options().key(&key()).backlog(1).listen().unwrap();
    let client = Client::new().key(&key());
    let source = StopSource::new().unwrap();
    source.stop();
    let stopped = client.connect_until::<u64, u64>(listener.address(), &source.token());
    assert!(matches!(stopped, Err(ConnectError::Stopped)));
    // The kernel holds two, and the third waits for room.
    let silent: Vec<_> = (0..2)
        .filter_map(|_| {
            Client::new()
                .connect_timeout::<u64, u64>(listener.address(), Duration::from_millis(20))
                .ok()
        })
        .collect();
    for _ in 0..2 {
        let error = client
            .connect_timeout::<u64, u64>(listener.address(), Duration::from_millis(20))
            .unwrap_err();
        assert!(matches!(error, ConnectError::TimedOut), "{error}");
    }
    let stopped = client.connect_until::<u64, u64>(listener.address(), &source.token());
    assert!(matches!(stopped, Err(ConnectError::Stopped)));
    drop(silent);
    // None of them is in the way of one who has the key.
    let child = Process::new(ask, (listener.address().clone(), 6, Some([7; 32])))
        .start()
        .unwrap();
    answer(&listener);
    assert_eq!(child.join().unwrap(), 12);
}

/// Runs where the test may become another user.
#[test]
fn k20_processes_of_another_user_are_sent_away_before_a_byte_is_read() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not shown: this user cannot become another");
        return;
    }
    fn as_nobody(address: Address) -> String {
        let nobody = rustix::process::Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let refused = Client::new().connect::<u64, u64>(&address).unwrap_err();
        assert!(matches!(refused, ConnectError::OtherUser(0)), "{refused}");
        let server = Client::new()
            .peers(Peers::AlsoUser(0))
            .connect::<u64, u64>(&address)
            .unwrap();
        let _ = server.send(&1);
        match server.recv_timeout(WATCHDOG) {
            Ok(number) => number.to_string(),
            Err(error) => error.to_string(),
        }
    }
    let name = format!("\0ipc users {}", std::process::id());
    for (peers, expected) in [
        (Peers::SameUser, "the last sender is gone"),
        (Peers::AlsoUser(65_534), "9"),
    ] {
        let listener: Numbers = Numbers::options().peers(peers).listen_at(name.as_str()).unwrap();
        let child = Process::new(as_nobody, listener.address().clone())
            .method(StartMethod::Spawn)
            .start()
            .unwrap();
        let mut clients = Vec::new();
        while child.is_alive() {
            if let Ok(client) = listener.accept_timeout(Duration::from_millis(10)) {
                assert_eq!(client.peer().unwrap().user, 65_534);
                let _ = client.send(&9);
                clients.push(client);
            }
        }
        let said = child.join().unwrap();
        assert!(said.starts_with(expected), "{said}");
    }
}
