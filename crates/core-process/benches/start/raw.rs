//! The limits: the same work in system calls with nothing around them.
#![allow(unsafe_code, reason = "clone, fork and execve, as bare as they come")]

use std::ffi::{c_int, c_void};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The arguments by which a child knows that it is one of these.
const EMPTY: &str = "raw-empty";
const SERVER: &str = "raw-server";

/// Second line of `main`: ends a child of this file.
pub(crate) fn divert() {
    match std::env::args().nth(1).as_deref() {
        Some(EMPTY) => std::process::exit(0),
        Some(SERVER) => serve(),
        _ => {}
    }
}

/// Limit of `spawn`: this program executes itself again, with an argument that has it return at once, and is waited for.
/// One `clone` that shares memory until the `execve`, as `posix_spawn` does it, without `posix_spawn`'s care for signals.
pub(crate) fn execute_again() {
    const STACK: usize = 16 * 1024;
    let mut stack = [0_u128; STACK / size_of::<u128>()];
    // SAFETY: one past the end of the array.
    let top = unsafe { stack.as_mut_ptr().add(stack.len()) };
    // SAFETY: CLONE_VFORK suspends this thread until the child has executed, so the stack outlives its use; the child
    // makes one system call.
    let pid = unsafe {
        libc::clone(
            execute,
            top.cast(),
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            std::ptr::null_mut(),
        )
    };
    wait_for(pid);
}

extern "C" fn execute(_: *mut c_void) -> c_int {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let argv = [c"start".as_ptr(), c"raw-empty".as_ptr(), std::ptr::null()];
    // SAFETY: reads the C library's pointer; this process has one thread.
    let envp = unsafe { environ };
    // SAFETY: strings and arrays are terminated; the environment is the C library's.
    unsafe { libc::execve(c"/proc/self/exe".as_ptr(), argv.as_ptr(), envp) };
    // SAFETY: ends this process.
    unsafe { libc::_exit(127) }
}

/// Limit of `fork`.
pub(crate) fn fork_and_wait() {
    // SAFETY: this process has one thread, and the child ends at once.
    match unsafe { libc::fork() } {
        // SAFETY: ends this process.
        0 => unsafe { libc::_exit(0) },
        pid => wait_for(pid),
    }
}

fn wait_for(pid: libc::pid_t) {
    assert!(pid > 0, "no process: {}", std::io::Error::last_os_error());
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: waits for a child of this process; the kernel fills `info`.
    let waited = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), libc::WEXITED) };
    assert_eq!(waited, 0, "no end: {}", std::io::Error::last_os_error());
    // SAFETY: zeroed before, filled by the call.
    let info = unsafe { info.assume_init() };
    // SAFETY: the field is there for a child's end.
    let status = unsafe { info.si_status() };
    assert_eq!(
        (info.si_code, status),
        (libc::CLD_EXITED, 0),
        "a raw child failed"
    );
}

/// Limit of `forkserver`: a fresh copy of this program that forks a child for each byte that it reads, answers with the
/// child's pid, waits for it, and answers with its end.
pub(crate) struct Server {
    socket: UnixStream,
    process: Child,
}

impl Server {
    pub(crate) fn start() -> Self {
        let (socket, theirs) = UnixStream::pair().expect("a socket pair");
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("start")
            .arg(SERVER)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        let process = command.spawn().expect("the raw server starts");
        Self { socket, process }
    }

    pub(crate) fn fork_one(&mut self) {
        self.socket.write_all(&[1]).expect("the server listens");
        let (mut pid, mut end) = ([0; 4], [0; 1]);
        self.socket.read_exact(&mut pid).expect("the server forks");
        self.socket.read_exact(&mut end).expect("the server waits");
        assert!(
            i32::from_ne_bytes(pid) > 0 && end == [0],
            "a child of the raw server failed"
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.process.wait();
    }
}

fn serve() -> ! {
    let socket = std::io::stdin().as_raw_fd();
    let mut byte = [0_u8; 1];
    // SAFETY: reads into and writes from buffers of the lengths given.
    while unsafe { libc::read(socket, byte.as_mut_ptr().cast(), 1) } == 1 {
        // SAFETY: this process has one thread, and the child ends at once.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: ends this process.
            unsafe { libc::_exit(0) }
        }
        // SAFETY: four bytes of a number.
        unsafe { libc::write(socket, (&raw const pid).cast(), 4) };
        wait_for(pid);
        let end = [0_u8];
        // SAFETY: one byte.
        unsafe { libc::write(socket, end.as_ptr().cast(), 1) };
    }
    std::process::exit(0)
}
