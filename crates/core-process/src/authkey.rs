//! A secret that all processes of one tree share, and random numbers.
//!
//! Invariant: the key travels in start blocks only, never in an argument, the environment or a message (CPython row P36).

use std::fs::File;
use std::io::Read;
use std::sync::{Mutex, OnceLock};

use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::handle::lock;

static KEY: Mutex<Option<[u8; 32]>> = Mutex::new(None);

/// Random bytes of the kernel; a panic where it gives none, by neither of its ways.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            // A sandbox refuses the call.
            Err(refused) => {
                let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
                if let Err(error) = read {
                    panic!("the kernel gives no random numbers: getrandom: {refused}; /dev/urandom: {error}");
                }
                return bytes;
            }
        }
    }
    bytes
}

/// The key of this process: made in the main process when it is first needed, inherited by every child.
pub(crate) fn of_this_process() -> [u8; 32] {
    *lock(&KEY).get_or_insert_with(random)
}

#[inline]
pub(crate) fn inherit(key: [u8; 32]) {
    *lock(&KEY) = Some(key);
}

/// A number that no other start has.
pub(crate) fn random_token() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static FIRST: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = FIRST.get_or_init(|| u64::from_ne_bytes(random()));
    first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A key of 32 bytes that the processes of one tree share and others do not know: what the main process and its descendants
/// prove to each other. It shows nothing when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthKey([u8; 32]);

impl From<[u8; 32]> for AuthKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AuthKey {
    /// The bytes, to make a code from.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthKey(..)")
    }
}

/// This process's key (CPython's `current_process().authkey`). It has no serde implementation, so it cannot be sent by
/// mistake.
pub fn authkey() -> AuthKey {
    AuthKey(of_this_process())
}

/// Makes `key` the key of this process and of the children that it starts from now on.
pub fn set_authkey(key: AuthKey) {
    inherit(key.0);
}
