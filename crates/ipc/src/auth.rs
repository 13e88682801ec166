//! `Key`: a secret that both sides of a connection prove to have, and the proof (`auth/handshake.rs`).
//!
//! Invariant: a key is never sent, printed or encoded, and its memory is wiped with its last copy.

pub(crate) mod handshake;

use std::fmt;
use std::io;
use std::sync::Arc;

use core_process::AuthKey;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

/// A secret of any length that a [`Listener`](crate::Listener) and its clients share.
///
/// It has no serde implementation and prints nothing of itself, so it is neither sent nor logged by mistake; the memory of the
/// last copy is wiped. What the processes of one tree share already is [`core_process::authkey`]:
///
/// ```
/// let key = ipc::Key::from(&core_process::authkey());
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// ```
///
/// A key of no bytes can be made and proves nothing: it is good for a Unix socket, where the kernel says who connects, and
/// refused for TCP.
#[derive(Clone)]
pub struct Key(Arc<Zeroizing<Vec<u8>>>);

impl Key {
    /// The key of these bytes. A short one or a word can be guessed from one handshake that somebody has listened to: take 32
    /// random bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes.as_ref().to_vec())))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&AuthKey> for Key {
    fn from(key: &AuthKey) -> Self {
        Self::new(key.as_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Random bytes of the kernel.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}
