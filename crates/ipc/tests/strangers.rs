//! What strangers at a listener with a key cost everybody else: nothing. Each is a process that does what it should not, and a
//! real client comes after it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use core_process::{Child, Process, StartMethod, Target};
use ipc::{
    AcceptError, Address, Client, ConnectError, Connection, Key, Listener, Sender, TcpClient, TcpConnection,
    TcpListener, pipe,
};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

type Numbers = Listener<u64, u64>;

fn key() -> Key {
    Key::new([7; 32])
}

fn raw(address: &Address) -> OwnedFd {
    let Address::File(path) = address else {
        panic!("{address}")
    };
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
    connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    socket
}

/// Reads until the listener has closed the connection.
fn wait_for_the_end(socket: &OwnedFd) {
    let mut buffer = [0; 256];
    while matches!(recv(socket, &mut buffer[..], RecvFlags::empty()), Ok((_, count)) if count > 0) {}
}

/// The descriptors of this process, without those that the library keeps.
fn open() -> usize {
    let kept = core_process::own_descriptors().len();
    std::fs::read_dir("/proc/self/fd").unwrap().count() - kept
}

/// Runs a case in a process of its own, whose descriptors are nobody else's.
fn alone<F: Target<(), M, Output = ()>, M>(case: Process<F, (), M>) {
    let child = case.method(StartMethod::Spawn).start().unwrap();
    let outcome = child.join_timeout(WATCHDOG);
    let _ = child.kill();
    outcome.unwrap();
}

/// Connects and says nothing, so many times, until it is sent away.
fn silent(address: Address, count: usize, there: Sender<()>) {
    let sockets: Vec<OwnedFd> = (0..count).map(|_| raw(&address)).collect();
    there.send(&()).unwrap();
    sockets.iter().for_each(wait_for_the_end);
}

fn start_silent(address: &Address, count: usize) -> Child<()> {
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(silent, (address.clone(), count, sender))
        .start()
        .unwrap();
    receiver.recv_timeout(WATCHDOG).unwrap();
    child
}

fn ask(address: Address, number: u64) -> u64 {
    let client = Client::new().key(&key());
    let server: Connection<u64> = client.connect_timeout(&address, WATCHDOG).unwrap();
    server.send(&number).unwrap();
    server.recv_timeout(WATCHDOG).unwrap()
}

/// The first that is accepted is one who has the key.
fn serve_one(listener: &Numbers) {
    let child = Process::new(ask, (listener.address().clone(), 21))
        .start()
        .unwrap();
    let client = listener.accept_timeout(WATCHDOG).unwrap();
    assert_eq!(client.peer().unwrap().pid, child.pid());
    let number = client.recv_timeout(WATCHDOG).unwrap();
    client.send(&(number * 2)).unwrap();
    assert_eq!(child.join().unwrap(), 42);
}

/// Accepts until `child` has ended; nobody may come in.
fn accept_nobody_until_the_end(listener: &Numbers, child: &Child<()>) {
    let begin = Instant::now();
    while child.is_alive() {
        assert!(begin.elapsed() < WATCHDOG, "a stranger was not sent away");
        match listener.accept_timeout(Duration::from_millis(10)) {
            Err(AcceptError::TimedOut) => {}
            other => panic!("{other:?}"),
        }
    }
    child.join().unwrap();
}

/// F086: the silent one came first, has all the time that he likes, and the real client is served meanwhile.
#[test]
fn f086_a_silent_peer_keeps_nobody_waiting() {
    let listener: Numbers = Numbers::options()
        .key(&key())
        .handshake_time(Duration::MAX)
        .listen()
        .unwrap();
    let stranger = start_silent(listener.address(), 1);
    for _ in 0..3 {
        serve_one(&listener);
    }
    assert!(stranger.is_alive());
    drop(listener); // he is sent away
    stranger.join().unwrap();
}

#[test]
fn f086_a_silent_peer_is_sent_away_when_his_time_is_over() {
    fn silence() {
        let time = Duration::from_millis(20);
        let listener: Numbers = Numbers::options()
            .key(&key())
            .handshake_time(time)
            .listen()
            .unwrap();
        let before = open();
        let stranger = start_silent(listener.address(), 10);
        accept_nobody_until_the_end(&listener, &stranger);
        drop(stranger);
        assert_eq!(open(), before);
        serve_one(&listener);
        // Nothing is to be done any more, so nobody is woken.
        core_process::wait_any(&[&listener], Duration::from_millis(50)).unwrap_err();
    }
    alone(Process::new(silence, ()));
}

/// F086, many of them: more than may be strangers at a time, and more than this process may have descriptors.
#[test]
fn f086_hundreds_of_silent_peers_cost_a_bounded_number_of_descriptors() {
    fn flooded() {
        let listener: Numbers = Numbers::options()
            .key(&key())
            .handshake_time(WATCHDOG)
            .backlog(1000)
            .listen()
            .unwrap();
        let strangers = start_silent(listener.address(), 300);
        let before = open();
        serve_one(&listener);
        let cost = open() - before;
        assert!(cost <= 64 + 4, "{cost} descriptors for strangers");

        let limit = getrlimit(Resource::Nofile);
        let few = Rlimit {
            current: Some(open() as u64 + 4),
            maximum: limit.maximum,
        };
        let more = start_silent(listener.address(), 300);
        setrlimit(Resource::Nofile, few).unwrap();
        // The client is in another process, which does not have this limit.
        let client = listener.accept_timeout(Duration::from_millis(50));
        assert!(matches!(client, Err(AcceptError::TimedOut)), "{client:?}");
        setrlimit(Resource::Nofile, limit).unwrap();
        serve_one(&listener);
        drop(listener);
        strangers.join().unwrap();
        more.join().unwrap();
    }
    alone(Process::new(flooded, ()));
}

/// Everything that is no proof, each in a connection of its own.
fn not_a_proof(address: Address) {
    let header = |kind: u8| [b'i', b'p', b'c', b'A', 1, kind, 0, 0];
    let mut bomb = [0; 24];
    bomb[..4].copy_from_slice(b"ipc1");
    bomb[8..16].copy_from_slice(&(1_u64 << 62).to_le_bytes());
    let said: Vec<Vec<u8>> = vec![
        b"four".to_vec(),
        vec![0xFF; 72],
        vec![0; 200_000],
        bomb.to_vec(),
        [&header(2)[..], &[0; 64]].concat(),
        [&header(1)[..], &[0; 32]].concat(),
        b"#CHALLENGE#".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ];
    for bytes in &said {
        let socket = raw(&address);
        let _ = send(&socket, bytes, SendFlags::NOSIGNAL);
        wait_for_the_end(&socket);
    }
    // The question as its own answer.
    let socket = raw(&address);
    let mut challenge = [0; 256];
    let (_, count) = recv(&socket, &mut challenge[..], RecvFlags::empty()).unwrap();
    send(&socket, &challenge[..count], SendFlags::NOSIGNAL).unwrap();
    wait_for_the_end(&socket);
    for _ in 0..50 {
        drop(raw(&address));
    }
    let wrong = Client::new().key(&Key::new("guessed"));
    for _ in 0..3 {
        let error = wrong.connect_timeout::<u64, u64>(&address, WATCHDOG).unwrap_err();
        assert!(matches!(error, ConnectError::WrongKey), "{error}");
    }
}

#[test]
fn f087_garbage_an_instant_close_and_a_wrong_key_are_no_errors_of_accept() {
    fn garbage() {
        let listener: Numbers = Numbers::options()
            .key(&key())
            .handshake_time(WATCHDOG)
            .listen()
            .unwrap();
        let before = open();
        let stranger = Process::new(not_a_proof, listener.address().clone())
            .start()
            .unwrap();
        serve_one(&listener);
        accept_nobody_until_the_end(&listener, &stranger);
        drop(stranger);
        serve_one(&listener);
        assert_eq!(open(), before);
    }
    alone(Process::new(garbage, ()));
}

/// The same over TCP, where a message comes in pieces.
fn not_a_proof_over_tcp(address: std::net::SocketAddr, said: Sender<()>) {
    let mut silent = TcpStream::connect(address).unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.write_all(b"ipcA").unwrap();
    for bytes in [&[0xFF; 72][..], &[0; 200_000], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(bytes);
    }
    for _ in 0..50 {
        drop(TcpStream::connect(address).unwrap());
    }
    let wrong = TcpClient::new(&Key::new("guessed")).unwrap();
    let error = wrong.connect_timeout::<u64, u64>(address, WATCHDOG).unwrap_err();
    assert!(matches!(error, ConnectError::WrongKey), "{error}");
    said.send(&()).unwrap();
    for stream in [&mut silent, &mut slow] {
        // The challenge, and the end when the listener goes.
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        assert_eq!(all.len(), 40);
    }
}

#[test]
fn f086_f087_strangers_over_tcp_cost_nobody_else_anything() {
    let listener: TcpListener<u64> = TcpListener::<u64>::options(&key())
        .handshake_time(WATCHDOG)
        .bind("127.0.0.1:0")
        .unwrap();
    let (sender, receiver) = pipe().unwrap();
    let stranger = Process::new(not_a_proof_over_tcp, (listener.address(), sender))
        .start()
        .unwrap();
    let serve_one = || {
        let child = Process::new(ask_over_tcp, listener.address()).start().unwrap();
        let client = listener.accept_timeout(WATCHDOG).unwrap();
        let number = client.recv_timeout(WATCHDOG).unwrap();
        client.send(&(number * 2)).unwrap();
        assert_eq!(child.join().unwrap(), 42);
    };
    serve_one();
    let begin = Instant::now();
    while !receiver.poll() {
        assert!(begin.elapsed() < WATCHDOG, "a stranger was not told");
        let none = listener.accept_timeout(Duration::from_millis(10));
        assert!(matches!(none, Err(AcceptError::TimedOut)), "{none:?}");
    }
    serve_one();
    assert!(stranger.is_alive());
    drop(listener);
    stranger.join().unwrap();
}

fn ask_over_tcp(address: std::net::SocketAddr) -> u64 {
    let client = TcpClient::new(&key()).unwrap();
    let server: TcpConnection<u64> = client.connect_timeout(address, WATCHDOG).unwrap();
    server.send(&21).unwrap();
    server.recv_timeout(WATCHDOG).unwrap()
}
