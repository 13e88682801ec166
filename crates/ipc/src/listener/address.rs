//! `Address`: where a Unix listener can be found.
//!
//! Invariant: what can be written here is what the library listens at. A family that it does not know has no address (CPython's
//! row K29 has a `ValueError` for it).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::SocketAddrUnix;
use serde::{Deserialize, Serialize};

/// The longest path or name.
const LONGEST: usize = 107;

/// The address of a [`Listener`](crate::Listener): what a [`Client`](crate::Client) needs to find it.
///
/// It is a value, so it can be an argument of a process or a part of a message.
///
/// ```
/// use ipc::Address;
///
/// assert_eq!(Address::from("/run/me/socket").to_string(), "/run/me/socket");
/// assert_eq!(Address::abstract_name("me").to_string(), "@me");
/// assert_eq!(Address::from("\0me"), Address::abstract_name("me")); // as Python writes it
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Address {
    /// A file of the kind of a socket. It is there from the listener's start to its end.
    File(PathBuf),
    /// A name that is no file: it is gone with the listener, however that ends. Any process of the same network namespace may
    /// try it, so who connects is known by its credentials alone, and whoever takes a name first has it.
    Abstract(Vec<u8>),
}

impl Address {
    /// A name that is no file.
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self::Abstract(name.as_ref().to_vec())
    }

    /// In the system's words.
    ///
    /// # Errors
    /// `InvalidInput`: it is empty, has a byte 0, or is too long for the system (107 bytes).
    pub(crate) fn to_system(&self) -> io::Result<SocketAddrUnix> {
        let refuse = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let system = match self {
            Self::File(path) if path.as_os_str().is_empty() => {
                return Err(refuse("the path is empty".to_owned()));
            }
            Self::Abstract(name) if name.is_empty() => return Err(refuse("the name is empty".to_owned())),
            // The kernel would take one byte more, which leaves none for the end.
            Self::File(path) if path.as_os_str().len() > LONGEST => Err(Errno::NAMETOOLONG),
            Self::File(path) => SocketAddrUnix::new(path.as_path()),
            Self::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
        };
        system.map_err(|_| {
            refuse(format!(
                "{self} is no address of a socket: it has a byte 0 or more than {LONGEST} bytes"
            ))
        })
    }
}

impl From<PathBuf> for Address {
    /// A path; one that begins with a byte 0 is an abstract name, as in Python.
    fn from(path: PathBuf) -> Self {
        match path.as_os_str().as_encoded_bytes() {
            [0, name @ ..] => Self::abstract_name(name),
            _ => Self::File(path),
        }
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::from(path.to_path_buf())
    }
}

impl From<&str> for Address {
    fn from(path: &str) -> Self {
        Self::from(Path::new(path))
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_cannot_take_is_an_error_that_says_so() {
        let long = "x".repeat(108);
        for address in [
            Address::from(""),
            Address::abstract_name(""),
            Address::from(long.as_str()),
            Address::abstract_name(&long),
            Address::from("a\0b"),
        ] {
            let error = address.to_system().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{address}: {error}");
        }
        Address::from(&long[..107]).to_system().unwrap();
        Address::abstract_name(&long[..107]).to_system().unwrap();
    }
}
