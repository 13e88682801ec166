//! Descriptors that are close-on-exec and never 0, 1 or 2.
//!
//! A program that has closed a standard stream would otherwise write its next error message into whatever took the
//! number.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::fcntl_dupfd_cloexec;

/// The lowest number that is nobody's standard stream.
const FIRST: i32 = 3;

/// A duplicate of `descriptor`, or the number of the system's error (`EMFILE` when the process may have no more).
pub(crate) fn duplicate(descriptor: impl AsFd) -> Result<OwnedFd, i32> {
    fcntl_dupfd_cloexec(descriptor, FIRST).map_err(|error| error.raw_os_error())
}

/// The same open file under a number above the standard streams.
pub(crate) fn above_standard(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    if is_above_standard(&descriptor) {
        return Ok(descriptor);
    }
    Ok(fcntl_dupfd_cloexec(&descriptor, FIRST)?)
}

pub(crate) fn is_above_standard(descriptor: impl AsFd) -> bool {
    descriptor.as_fd().as_raw_fd() >= FIRST
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_duplicate_is_above_the_standard_streams_and_close_on_exec() {
        let copy = duplicate(io::stderr()).unwrap();
        assert!(copy.as_raw_fd() >= FIRST);
        assert!(
            rustix::io::fcntl_getfd(&copy)
                .unwrap()
                .contains(rustix::io::FdFlags::CLOEXEC)
        );
        let file = OwnedFd::from(File::open("/dev/null").unwrap());
        let number = file.as_raw_fd();
        assert_eq!(above_standard(file).unwrap().as_raw_fd(), number);
    }
}
