//! F052: what is received is data. Whatever bytes a peer sends, the receiver's own types decide what they become, and nothing of
//! them is ever run.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use core_process::Process;
use ipc::{Client, Connection, Listener, Queue, RecvError, pipe};
use serde::{Deserialize, Deserializer, Serialize};

core_process::divert_before_main!();

/// Far longer than any test; a test that reaches it has failed.
const WATCHDOG: Duration = Duration::from_secs(60);

/// What makes CPython's `pickle.loads` create a file.
fn bomb(file: &Path) -> Vec<u8> {
    format!("cos\nsystem\n(S'touch {}'\ntR.", file.display()).into_bytes()
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("ipc-f052-{name}-{}", std::process::id()))
}

/// The worker's side: the bomb by every way home.
fn attack(file: PathBuf, queue: Queue<Vec<u8>>, address: ipc::Address) -> Vec<u8> {
    queue.put(&bomb(&file)).unwrap();
    let server: Connection<Vec<u8>> = Client::new().connect(&address).unwrap();
    server.send_bytes(&bomb(&file)).unwrap();
    server.send(&bomb(&file)).unwrap();
    server.recv_timeout(WATCHDOG).unwrap();
    bomb(&file)
}

#[test]
fn f052_a_pickle_that_runs_code_is_bytes_here_by_every_way_home() {
    let file = file("pickle");
    // It is one: CPython runs it.
    let loads = "import pickle, sys; pickle.loads(sys.stdin.buffer.read())";
    if let Ok(mut python) = std::process::Command::new("python3")
        .args(["-c", loads])
        .stdin(std::process::Stdio::piped())
        .spawn()
    {
        use std::io::Write;
        python.stdin.take().unwrap().write_all(&bomb(&file)).unwrap();
        python.wait().unwrap();
        assert!(file.exists(), "the bomb is none");
        std::fs::remove_file(&file).unwrap();
    }

    let queue = Queue::new().unwrap();
    let listener = Listener::<Vec<u8>>::new().unwrap();
    let child = Process::new(attack, (file.clone(), queue.clone(), listener.address().clone()))
        .start()
        .unwrap();
    let client = listener.accept_timeout(WATCHDOG).unwrap();
    assert_eq!(client.recv_bytes_timeout(WATCHDOG).unwrap(), bomb(&file));
    assert_eq!(client.recv_timeout(WATCHDOG).unwrap(), bomb(&file));
    assert_eq!(queue.get_timeout(WATCHDOG).unwrap(), bomb(&file));
    client.send(&vec![]).unwrap();
    assert_eq!(child.join().unwrap(), bomb(&file));
    assert!(!file.exists());
}

/// How often the decoder of `Armed` was run.
static DECODED: AtomicU32 = AtomicU32::new(0);

/// A type whose decoding does something.
#[derive(Serialize, Debug)]
struct Armed(u64);

impl<'de> Deserialize<'de> for Armed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        u64::deserialize(deserializer).map(Armed)
    }
}

#[test]
fn f052_the_receivers_type_says_what_is_decoded_and_the_senders_does_not() {
    // The sender's end says one type, the receiver's another: a value is never more than the receiver asks for.
    let (sender, receiver) = pipe::<Armed>().unwrap();
    let receiver: ipc::Receiver<(u8, u8)> = {
        let sent = core_process::codec::encode(&receiver).unwrap();
        core_process::codec::decode(&sent.bytes, sent.descriptors).unwrap()
    };
    for number in [0, 7, 300, u64::MAX] {
        sender.send(&Armed(number)).unwrap();
        match receiver.recv_timeout(WATCHDOG) {
            Ok(_) | Err(RecvError::Decode(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(DECODED.load(Ordering::Relaxed), 0);
}
