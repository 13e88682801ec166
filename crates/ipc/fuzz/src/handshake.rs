//! Whoever has not the key, and says whatever he likes.
//!
//! The first byte says to whom: to a listener's side alone, to a client's, to a listener over a Unix socket in packets of lengths
//! that the input gives, to one over TCP, or as a client whose proof is changed by the input.

use std::cell::OnceCell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use ipc::{AcceptError, Address, Key, Listener, TcpListener};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};

use super::Bytes;

#[allow(dead_code, reason = "the library uses more of it")]
#[path = "../../src/auth/handshake.rs"]
mod protocol;

use protocol::{Connecting, Listening};

const KEY: &[u8] = b"the key of the fuzzer's listener";

thread_local! {
    static UNIX: OnceCell<Listener<u64>> = const { OnceCell::new() };
    static TCP: OnceCell<TcpListener<u64>> = const { OnceCell::new() };
}

/// Plays one stranger.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::of(input);
    match bytes.byte() % 5 {
        0 => {
            let listening = Listening::new([1; 32]);
            assert!(
                listening.welcome(KEY, bytes.rest()).is_err(),
                "a proof was guessed"
            );
        }
        1 => {
            let challenge = bytes.block(40);
            if let Ok((connecting, proof)) = Connecting::prove(KEY, challenge, [2; 32]) {
                assert_eq!(proof.len(), 72);
                assert!(
                    connecting.finish(KEY, bytes.rest()).is_err(),
                    "a welcome was guessed"
                );
            }
        }
        2 => UNIX.with(|listener| in_packets(listener.get_or_init(unix), bytes)),
        3 => TCP.with(|listener| in_pieces(listener.get_or_init(tcp), bytes)),
        _ => UNIX.with(|listener| changed_proof(listener.get_or_init(unix), bytes.rest())),
    }
}

fn unix() -> Listener<u64> {
    let options = Listener::<u64>::options().key(&Key::new(KEY));
    options.listen().expect("an address of its own")
}

fn tcp() -> TcpListener<u64> {
    TcpListener::bind("127.0.0.1:0", &Key::new(KEY)).expect("a free port")
}

fn stranger(listener: &Listener<u64>) -> OwnedFd {
    let Address::File(path) = listener.address() else {
        unreachable!("it has chosen a file")
    };
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket");
    let address = SocketAddrUnix::new(path.as_path()).expect("it fits");
    connect(&socket, &address).expect("there is room");
    socket
}

fn in_packets(listener: &Listener<u64>, mut bytes: Bytes<'_>) {
    let socket = stranger(listener);
    nobody(listener);
    while !bytes.is_empty() {
        let len = usize::from(bytes.byte());
        let packet = bytes.block(len);
        if !packet.is_empty() && send(&socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).is_err() {
            break; // he was sent away
        }
        nobody(listener);
    }
    drop(socket);
    nobody(listener);
}

fn in_pieces(listener: &TcpListener<u64>, mut bytes: Bytes<'_>) {
    let nobody = || {
        let outcome = listener.try_accept();
        assert!(matches!(outcome, Err(AcceptError::WouldBlock)), "{outcome:?}");
    };
    // No port may be free for a moment.
    let Ok(mut socket) = TcpStream::connect(listener.address()) else {
        return;
    };
    // So that none of them waits a minute for packets that are late.
    set_socket_linger(&socket, Some(Duration::ZERO)).expect("it is a socket");
    nobody();
    while !bytes.is_empty() {
        let len = usize::from(bytes.byte());
        if socket.write_all(bytes.block(len)).is_err() {
            break;
        }
        nobody();
    }
    let _ = socket.shutdown(Shutdown::Write);
    nobody();
    // What he gets is at most a challenge and a refusal.
    let mut said = Vec::new();
    socket.set_nonblocking(true).expect("it can be");
    let _ = socket.read_to_end(&mut said);
    assert!(said.len() <= 80, "{} bytes for a stranger", said.len());
}

fn changed_proof(listener: &Listener<u64>, changes: &[u8]) {
    let socket = stranger(listener);
    nobody(listener);
    let mut challenge = [0; 256];
    let (_, count) = recv(&socket, &mut challenge[..], RecvFlags::DONTWAIT).expect("a challenge");
    let (connecting, mut proof) =
        Connecting::prove(KEY, &challenge[..count], [3; 32]).expect("it is a challenge");
    for (byte, change) in proof.iter_mut().zip(changes) {
        *byte ^= change;
    }
    send(&socket, &proof, SendFlags::NOSIGNAL).expect("there is room");
    let is_changed = changes.iter().take(proof.len()).any(|change| *change != 0);
    if is_changed {
        nobody(listener);
        return;
    }
    let accepted = listener.try_accept();
    assert!(accepted.is_ok(), "he has the key, and {accepted:?}");
    let mut welcome = [0; 256];
    let (_, count) = recv(&socket, &mut welcome[..], RecvFlags::DONTWAIT).expect("a welcome");
    connecting
        .finish(KEY, &welcome[..count])
        .expect("the listener has the key");
}

fn nobody(listener: &Listener<u64>) {
    let outcome = listener.try_accept();
    assert!(matches!(outcome, Err(AcceptError::WouldBlock)), "{outcome:?}");
}
