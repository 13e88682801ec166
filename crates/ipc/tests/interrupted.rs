//! K27: a signal that is handled while a call waits neither ends the call nor prolongs it: accept, connect, the handshake, recv, send
//! and poll.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::os::unix::thread::JoinHandleExt;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ipc::{AcceptError, Client, ConnectError, Connection, Key, Listener, RecvError, SendError, pipe};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

/// How long each call waits in vain.
const TIME: Duration = Duration::from_millis(60);

/// Runs `call` in a thread that gets a signal every millisecond. What it gives comes at its deadline and not before.
fn under_signals<R: Send + 'static>(call: impl FnOnce() -> R + Send + 'static) -> R {
    signal::catch_usr2();
    let (tell, told) = mpsc::channel();
    let caller = thread::spawn(move || {
        let begin = Instant::now();
        let outcome = call();
        tell.send((outcome, begin.elapsed())).unwrap();
        // Until the signals have ended, the thread is there to get them.
        thread::park();
    });
    let begin = Instant::now();
    let (outcome, took) = loop {
        signal::send_usr2(caller.as_pthread_t());
        match told.recv_timeout(Duration::from_millis(1)) {
            Ok(outcome) => break outcome,
            Err(_) => assert!(begin.elapsed() < WATCHDOG, "the signals prolong the call"),
        }
    };
    caller.thread().unpark();
    caller.join().unwrap();
    assert!(took >= TIME, "a signal has ended the call after {took:?}");
    assert!(signal::handled() > 0);
    outcome
}

#[test]
fn k27_signals_do_not_end_an_accept() {
    let listener = Listener::<u64>::new().unwrap();
    let outcome = under_signals(move || listener.accept_timeout(TIME).map(drop));
    assert!(matches!(outcome, Err(AcceptError::TimedOut)), "{outcome:?}");
}

#[test]
fn k27_signals_do_not_end_a_recv_a_send_or_a_poll() {
    let (sender, receiver) = pipe::<Vec<u8>>().unwrap();
    let again = receiver.clone();
    let outcome = under_signals(move || again.recv_timeout(TIME));
    assert!(matches!(outcome, Err(RecvError::TimedOut)), "{outcome:?}");
    let again = receiver.clone();
    let outcome = under_signals(move || again.poll_timeout(TIME));
    assert!(
        matches!(outcome, Err(core_process::WaitError::TimedOut)),
        "{outcome:?}"
    );
    while sender.try_send(&vec![0; 10_000]).is_ok() {}
    let outcome = under_signals(move || sender.send_timeout(&vec![0; 10_000], TIME));
    assert!(matches!(outcome, Err(SendError::TimedOut)), "{outcome:?}");
    drop(receiver);
}

#[test]
fn k27_signals_do_not_end_a_connect_or_a_handshake() {
    let key = Key::new([7; 32]);
    let listener: Listener<u64> = Listener::<u64>::options().key(&key).backlog(1).listen().unwrap();
    let address = listener.address().clone();
    // Nobody accepts: first in the handshake, then where there is no room.
    for _ in 0..4 {
        let (key, address) = (key.clone(), address.clone());
        let outcome = under_signals(move || {
            let client = Client::new().key(&key);
            let connected: Result<Connection<u64>, _> = client.connect_timeout(&address, TIME);
            connected.map(drop)
        });
        assert!(matches!(outcome, Err(ConnectError::TimedOut)), "{outcome:?}");
    }
}

#[test]
fn k27_a_handshake_under_signals_comes_to_its_end() {
    let key = Key::new([7; 32]);
    let listener: Listener<u64> = Listener::<u64>::options().key(&key).listen().unwrap();
    let address = listener.address().clone();
    let client = thread::spawn(move || {
        under_signals(move || {
            // So that signals meet the accept that waits for it.
            thread::sleep(TIME);
            let client = Client::new().key(&key);
            client.connect_timeout::<u64, u64>(&address, WATCHDOG).unwrap()
        })
    });
    let theirs = under_signals(move || listener.accept_timeout(WATCHDOG).unwrap());
    let ours = client.join().unwrap();
    ours.send(&5).unwrap();
    assert_eq!(theirs.recv_timeout(WATCHDOG).unwrap(), 5);
}

mod signal {
    #![allow(
        unsafe_code,
        reason = "the test installs a signal handler and signals one thread"
    )]
    use std::sync::atomic::{AtomicU32, Ordering};

    static HANDLED: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(_: libc::c_int) {
        HANDLED.fetch_add(1, Ordering::Release);
    }

    pub(super) fn handled() -> u32 {
        HANDLED.load(Ordering::Acquire)
    }

    pub(super) fn catch_usr2() {
        // SAFETY: all zero bytes are a valid `sigaction`: no flags (so no SA_RESTART) and an empty mask.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = count as *const () as usize;
        // SAFETY: the handler makes one atomic addition.
        let installed = unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut()) };
        assert_eq!(installed, 0);
    }

    pub(super) fn send_usr2(thread: libc::pthread_t) {
        // SAFETY: the caller has not joined the thread, so the handle is valid.
        let sent = unsafe { libc::pthread_kill(thread, libc::SIGUSR2) };
        assert_eq!(sent, 0);
    }
}
