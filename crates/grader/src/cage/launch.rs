//! Starts the program: fork, set up, wait at the gate, exec.
//!
//! Between fork and exec the child makes system calls alone, on memory prepared before. It waits at a gate (a pipe)
//! until the warden has attached to it; if the warden dies there, the gate's end lets the child exit. An error of the
//! child comes back by a second pipe that a successful exec closes.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit};

use super::sys::{self, Fork};

/// How the program is started.
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [String],
    /// The whole environment.
    pub(crate) env: Vec<(String, String)>,
    pub(crate) folder: &'a Path,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) keep_open: &'a [RawFd],
    /// Bytes that a file may have; `None` for no limit.
    pub(crate) file_size: Option<u64>,
}

/// A started child that waits at the gate, before its exec.
pub(crate) struct AtTheGate {
    pub(crate) pid: i32,
    gate: OwnedFd,
    pub(crate) errors: OwnedFd,
}

impl AtTheGate {
    /// Lets the child go on to its exec. What is left is the pipe by which it tells of an error.
    pub(crate) fn open(self) -> io::Result<OwnedFd> {
        match rustix::io::write(&self.gate, b"!") {
            // A child that was killed meanwhile is seen by its status.
            Ok(_) | Err(rustix::io::Errno::PIPE) => Ok(self.errors),
            Err(error) => Err(error.into()),
        }
    }
}

/// Forks the child and leaves it at the gate.
pub(crate) fn launch(start: &Start<'_>) -> io::Result<AtTheGate> {
    let path = text(start.program)?;
    let folder = text(start.folder)?;
    let mut args = vec![path.clone()];
    for arg in start.args {
        args.push(text(arg)?);
    }
    let mut env = Vec::new();
    for (key, value) in &start.env {
        env.push(text(format!("{key}={value}"))?);
    }
    let (argv, envp) = (pointers(&args), pointers(&env));
    let image = sys::Image {
        path: &path,
        argv: &argv,
        envp: &envp,
    };
    let (closed, gate) = pipe_with(PipeFlags::CLOEXEC)?;
    let (errors, complaint) = pipe_with(PipeFlags::CLOEXEC)?;
    match sys::fork()? {
        Fork::Parent(pid) => Ok(AtTheGate { pid, gate, errors }),
        Fork::Child => {
            // The child must see the end of the gate when the warden dies, so it gives up its own writing end. Nothing
            // is dropped here: the numbers belong to the parent's values.
            let error = become_program(start, &folder, &image, closed.as_raw_fd(), gate.as_raw_fd());
            let code = error.raw_os_error().unwrap_or(libc::EINVAL);
            // The parent reads it, or has died.
            let _ = rustix::io::write(&complaint, &code.to_ne_bytes());
            sys::exit_now(127)
        }
    }
}

fn become_program(
    start: &Start<'_>,
    folder: &CStr,
    image: &sys::Image<'_>,
    closed: RawFd,
    gate: RawFd,
) -> io::Error {
    let set_up = || -> io::Result<()> {
        sys::reset_signals();
        rustix::process::setsid()?;
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        sys::close(gate);
        let mut go = [0u8; 1];
        sys::read_exactly(closed, &mut go)?;
        // Without its core a dying process takes no time, and leaves no file.
        limit(Resource::Core, 0)?;
        if let Some(bytes) = start.file_size {
            limit(Resource::Fsize, bytes)?;
        }
        rustix::process::chdir(folder)?;
        sys::close_on_exec_from(3)?;
        sys::place(start.stdin.as_raw_fd(), 0)?;
        sys::place(start.stdout.as_raw_fd(), 1)?;
        sys::place(start.stderr.as_raw_fd(), 2)?;
        start.keep_open.iter().try_for_each(|fd| sys::keep_on_exec(*fd))
    };
    match set_up() {
        Ok(()) => sys::exec(image),
        Err(error) => error,
    }
}

/// Why the exec failed, if it did; to be asked when the child has ended without an exec.
pub(crate) fn complaint(errors: impl AsFd) -> Option<io::Error> {
    let mut code = [0u8; 4];
    match rustix::io::read(errors, &mut code) {
        Ok(4) => Some(io::Error::from_raw_os_error(i32::from_ne_bytes(code))),
        _ => None,
    }
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    Ok(rustix::process::setrlimit(
        resource,
        Rlimit {
            current: Some(most),
            maximum: Some(most),
        },
    )?)
}

fn text(value: impl AsRef<OsStr>) -> io::Result<CString> {
    let value = value.as_ref();
    CString::new(value.as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("a zero byte in {value:?}")))
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}
