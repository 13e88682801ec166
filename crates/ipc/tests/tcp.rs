//! Connections over TCP: what they carry, what they refuse, and that no half of a value ever comes out of one.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use core_process::{Fd, Process, StopSource};
use ipc::{ConnectError, Key, RecvError, SendError, TcpClient, TcpConnection, TcpListener};
use serde::Serialize;
use serde::de::DeserializeOwned;

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

fn key() -> Key {
    Key::new([7; 32])
}

/// Two ends in one process.
fn ends<A: Send + 'static, B: Send + 'static>() -> (TcpConnection<A, B>, TcpConnection<B, A>) {
    let listener = TcpListener::bind("127.0.0.1:0", &key()).unwrap();
    let address = listener.address();
    let client = thread::spawn(move || {
        let client = TcpClient::new(&key()).unwrap();
        client.connect_timeout(address, WATCHDOG).unwrap()
    });
    let ours = listener.accept_timeout(WATCHDOG).unwrap();
    assert_eq!(listener.last_accepted(), Some(ours.peer().unwrap()));
    (ours, client.join().unwrap())
}

/// An end whose peer writes whatever it likes.
fn hostile<T: Serialize + DeserializeOwned>(longest: usize) -> (std::net::TcpStream, TcpConnection<T>) {
    // The stream of a client that has proved the key, under this hand: all of its bytes pass through here.
    let listener = TcpListener::<T>::options(&key())
        .longest_message(longest)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.address();
    let between = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let entry = between.local_addr().unwrap();
    let client = thread::spawn(move || {
        let client = TcpClient::new(&key()).unwrap();
        client.connect_timeout::<(), ()>(entry, WATCHDOG).map(drop)
    });
    let (mut inner, _) = between.accept().unwrap();
    let mut outer = std::net::TcpStream::connect(address).unwrap();
    let relay = thread::spawn(move || {
        let pass = |from: &mut std::net::TcpStream, to: &mut std::net::TcpStream, len: usize| {
            let mut bytes = vec![0; len];
            from.read_exact(&mut bytes).unwrap();
            to.write_all(&bytes).unwrap();
        };
        pass(&mut outer, &mut inner, 40);
        pass(&mut inner, &mut outer, 72);
        pass(&mut outer, &mut inner, 40);
        outer
    });
    let ours = listener.accept_timeout(WATCHDOG).unwrap();
    client.join().unwrap().unwrap();
    (relay.join().unwrap(), ours)
}

fn head(len: u64) -> [u8; 24] {
    let mut head = [0; 24];
    head[..4].copy_from_slice(b"ipc1");
    head[4] = 1;
    head[8..16].copy_from_slice(&len.to_le_bytes());
    head
}

fn double(address: SocketAddr) {
    let client = TcpClient::new(&key()).unwrap();
    let server: TcpConnection<Vec<u64>> = client.connect_timeout(address, WATCHDOG).unwrap();
    for numbers in server.iter() {
        let doubled = numbers.unwrap().iter().map(|number| number * 2).collect();
        server.send(&doubled).unwrap();
    }
}

#[test]
fn k20_k23_values_and_bytes_of_every_size_go_both_ways_between_processes() {
    let listener = TcpListener::<Vec<u64>>::bind("127.0.0.1:0", &key()).unwrap();
    let child = Process::new(double, listener.address()).start().unwrap();
    let client = listener.accept_timeout(WATCHDOG).unwrap();
    for len in [0, 1, 1000, 8_000, 300_000] {
        let numbers: Vec<u64> = (0..len).collect();
        client.send(&numbers).unwrap();
        let doubled = client.recv_timeout(WATCHDOG).unwrap();
        assert!(
            doubled
                .iter()
                .eq(numbers.iter().map(|number| number * 2).collect::<Vec<_>>().iter())
        );
    }
    assert!(!client.poll());
    drop(client);
    child.join().unwrap();
}

#[test]
fn k29_what_a_stream_cannot_carry_is_an_error_and_the_connection_goes_on() {
    let (ours, theirs) = ends::<Option<Fd<std::fs::File>>, u8>();
    let file = Fd::from(std::fs::File::open("/dev/null").unwrap());
    let error = ours.send(&Some(file)).unwrap_err();
    assert!(matches!(error, SendError::Descriptors(1)), "{error}");
    ours.send(&None).unwrap();
    assert!(theirs.recv_timeout(WATCHDOG).unwrap().is_none());

    // Without a key that proves something there is no TCP. Without any it cannot be written: see `TcpListener`.
    let none = Key::new("");
    let error = TcpListener::<u8>::bind("127.0.0.1:0", &none).unwrap_err();
    assert!(error.to_string().contains("proves nothing"), "{error}");
    assert!(
        TcpClient::new(&none)
            .unwrap_err()
            .to_string()
            .contains("proves nothing")
    );
}

#[test]
fn many_threads_send_whole_messages_over_one_connection() {
    let (ours, theirs) = ends::<Vec<u32>, ()>();
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let ours = &ours;
            scope.spawn(move || {
                for round in 0..50 {
                    ours.send(&vec![thread; 1 + (round * 997) % 30_000]).unwrap();
                }
            });
        }
        for _ in 0..200 {
            let numbers = theirs.recv_timeout(WATCHDOG).unwrap();
            assert!(numbers.iter().all(|number| *number == numbers[0]));
        }
    });
    drop(ours);
    assert!(matches!(
        theirs.recv_timeout(WATCHDOG),
        Err(RecvError::Disconnected)
    ));
}

#[test]
fn f051_a_deadline_covers_the_whole_message_and_what_has_come_is_kept() {
    let (mut peer, ours) = hostile::<u8>(1 << 20);
    peer.write_all(&head(5)).unwrap();
    peer.write_all(b"he").unwrap();
    core_process::wait_any(&[&ours], WATCHDOG).unwrap();
    for _ in 0..2 {
        let error = ours.recv_bytes_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(matches!(error, RecvError::TimedOut), "{error}");
    }
    peer.write_all(b"llo").unwrap();
    assert_eq!(ours.recv_bytes_timeout(WATCHDOG).unwrap(), b"hello");
    // One byte after another does not prolong it.
    peer.write_all(&head(1 << 20)).unwrap();
    let begin = Instant::now();
    let trickle = thread::spawn(move || {
        while begin.elapsed() < WATCHDOG && peer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let error = ours.recv_bytes_timeout(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, RecvError::TimedOut), "{error}");
    drop(ours);
    trickle.join().unwrap();
}

#[test]
fn f050_a_length_is_believed_when_its_bytes_have_come() {
    for claimed in [1 << 62, u64::MAX, (1 << 20) + 1] {
        let (mut peer, ours) = hostile::<u8>(1 << 20);
        peer.write_all(&head(claimed)).unwrap();
        match ours.recv_bytes_timeout(WATCHDOG) {
            Err(RecvError::TooLong { len, most }) => assert_eq!((len, most), (claimed, 1 << 20)),
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            ours.recv_bytes_timeout(WATCHDOG),
            Err(RecvError::Disconnected)
        ));
    }
    // One that is too long for the caller alone is thrown away.
    let (mut peer, ours) = hostile::<u8>(1 << 20);
    peer.write_all(&[&head(100_000)[..], &[1; 100_000], &head(2)[..], b"ok"].concat())
        .unwrap();
    let error = ours.recv_bytes_at_most(10).unwrap_err();
    assert!(
        matches!(
            error,
            RecvError::TooLong {
                len: 100_000,
                most: 10
            }
        ),
        "{error}"
    );
    assert_eq!(ours.recv_bytes_at_most(10).unwrap(), b"ok");
    // A sender is told before anything is sent.
    let error = ours.send_bytes(&vec![0; (1 << 20) + 1]).unwrap_err();
    assert!(
        matches!(error, SendError::TooLong { most: 0x10_0000, .. }),
        "{error}"
    );
}

#[test]
fn a_stream_that_is_cut_or_is_something_else_ends_the_connection() {
    let garbage: [&[u8]; 4] = [b"ipc1", &[0xFF; 100], &head(7), &[&head(7)[..], b"six"].concat()];
    for bytes in garbage {
        let (mut peer, ours) = hostile::<u8>(1 << 20);
        peer.write_all(bytes).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        let error = ours.recv_bytes_timeout(WATCHDOG).unwrap_err();
        assert!(matches!(error, RecvError::Malformed(_)), "{error}");
        assert!(matches!(
            ours.recv_bytes_timeout(WATCHDOG),
            Err(RecvError::Disconnected)
        ));
    }
    let mut with_descriptors = head(0);
    with_descriptors[16] = 1;
    let (mut peer, ours) = hostile::<u8>(1 << 20);
    peer.write_all(&with_descriptors).unwrap();
    let error = ours.recv_bytes_timeout(WATCHDOG).unwrap_err();
    assert!(error.to_string().contains("no stream carries"), "{error}");
}

#[test]
fn a_message_that_is_not_through_in_time_ends_the_connection_and_is_never_half_there() {
    let (ours, theirs) = ends::<Vec<u8>, ()>();
    // More than the kernel holds for the two of them.
    let large = vec![1; 64 << 20];
    let error = ours
        .send_bytes_until(&large, Duration::from_millis(20))
        .unwrap_err();
    assert!(matches!(error, SendError::TimedOut), "{error}");
    assert!(matches!(ours.send(&vec![2]), Err(SendError::Disconnected)));
    let error = theirs.recv_bytes_timeout(WATCHDOG).unwrap_err();
    assert!(matches!(error, RecvError::Malformed(_)), "{error}");
}

#[test]
fn a_client_is_told_that_nobody_listens_and_gives_up_at_its_deadline() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = TcpClient::new(&key()).unwrap();
    let error = client.connect::<(), ()>(free).unwrap_err();
    assert!(matches!(error, ConnectError::NobodyListens(_)), "{error}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let error = client
        .connect_timeout::<(), ()>(address, Duration::from_millis(20))
        .unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error}");
    let source = StopSource::new().unwrap();
    source.stop();
    let error = client
        .connect_until::<(), ()>(address, &source.token())
        .unwrap_err();
    assert!(matches!(error, ConnectError::Stopped), "{error}");
    // One that begins the handshake and then says nothing is given its own time and no more.
    let client = client.handshake_time(Duration::from_millis(20));
    let begins = thread::spawn(move || {
        let mut clients: Vec<_> = (0..3).map(|_| silent.accept().unwrap().0).collect();
        let challenge = [&b"ipcA"[..], &[1, 1, 0, 0], &[3; 32]].concat();
        clients[2].write_all(&challenge).unwrap();
        clients
    });
    let error = client.connect::<(), ()>(address).unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error}");
    begins.join().unwrap();
}
