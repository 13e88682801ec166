//! The system calls of the test programs that have no safe form.
#![allow(unsafe_code, reason = "fork, and threads that exec, are what is tested")]

/// Forks: true in the child.
pub(crate) fn fork() -> bool {
    // SAFETY: the test programs have one thread when they call this.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    pid == 0
}

/// Forks and gives the child's id, 0 in the child.
pub(crate) fn fork_pid() -> i32 {
    // SAFETY: the test programs have one thread when they call this.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    pid
}

/// Ignores a signal.
pub(crate) fn ignore(signal: i32) {
    // SAFETY: ignoring a signal installs no code.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Sends a signal.
pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: `kill` touches no memory.
    unsafe { libc::kill(pid, signal) };
}

/// Waits for a child without reaping it, then leaves it a zombie.
pub(crate) fn wait_but_leave(pid: i32) {
    // SAFETY: a zeroed siginfo_t is valid, and the kernel fills it.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is live.
    unsafe {
        libc::waitid(
            libc::P_PID,
            pid as libc::id_t,
            &raw mut info,
            libc::WEXITED | libc::WNOWAIT,
        )
    };
}

/// Waits for a child and reaps it.
pub(crate) fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is live.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    status
}

/// Sleeps until a signal comes.
pub(crate) fn pause() {
    // SAFETY: `pause` has no arguments.
    unsafe { libc::pause() };
}

/// Waits until a child has stopped, gone on or ended.
pub(crate) fn wait_for_change(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is live.
    unsafe { libc::waitpid(pid, &raw mut status, libc::WUNTRACED | libc::WCONTINUED) };
    status
}

/// Asks for a signal at the parent's end.
pub(crate) fn die_with_parent(signal: i32) {
    // SAFETY: this option takes a number.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) };
}

/// Makes a process that is a child of this one's parent: its id, 0 in the new one.
pub(crate) fn clone_sibling() -> i64 {
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: without CLONE_VM and with a null stack this is a fork.
    unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) }
}

/// Forks a process that this one's tracer does not get: its id, 0 in the new one.
pub(crate) fn clone_untraced() -> i64 {
    let flags = libc::CLONE_UNTRACED | libc::SIGCHLD;
    // SAFETY: without CLONE_VM and with a null stack this is a fork.
    unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) }
}

/// A mutex in memory that a fork shares.
pub(crate) struct SharedMutex(*mut libc::pthread_mutex_t);

impl SharedMutex {
    pub(crate) fn new() -> SharedMutex {
        let len = size_of::<libc::pthread_mutex_t>();
        let (access, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        // SAFETY: a fresh anonymous mapping touches no other memory.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, -1, 0) };
        assert_ne!(memory, libc::MAP_FAILED);
        let mutex = memory.cast::<libc::pthread_mutex_t>();
        // SAFETY: a zeroed attribute block is initialised by the call below before it is used.
        let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        // SAFETY: `attributes` is live.
        unsafe { libc::pthread_mutexattr_init(&raw mut attributes) };
        // SAFETY: `attributes` is initialised.
        unsafe { libc::pthread_mutexattr_setpshared(&raw mut attributes, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: `mutex` points to a page of its own, never unmapped.
        unsafe { libc::pthread_mutex_init(mutex, &raw const attributes) };
        SharedMutex(mutex)
    }

    pub(crate) fn lock(&self) {
        // SAFETY: the mutex was initialised in `new`, and its page is never unmapped.
        unsafe { libc::pthread_mutex_lock(self.0) };
    }
}

/// Whether a child has ended, without waiting for it and without reaping it.
pub(crate) fn has_ended(pid: i32) -> bool {
    // SAFETY: a zeroed siginfo_t is valid, and the kernel fills it.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let how = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    // SAFETY: `info` is live.
    unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, how) };
    // SAFETY: it is zeroed or filled for a child.
    unsafe { info.si_pid() != 0 }
}
