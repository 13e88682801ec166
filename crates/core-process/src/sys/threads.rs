//! How many threads this process has, which of them this is, and which signals it ignores.
#![allow(unsafe_code, reason = "sigaction as a query, prctl")]

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use super::call;

/// The number of threads of this process that can still run a line of it.
///
/// Fastest: the C library says that it never made one. (A thread that was made behind its back, by a bare `clone`, is not seen then;
/// the C library leaves its own locks open on the same word.) Fast: the link count of `/proc/self/task` (one per thread and two more). It still counts a thread that was joined a moment
/// ago and has not left the kernel, so where it says more than one, each is looked at.
pub(crate) fn count() -> io::Result<usize> {
    if never_had_another() {
        return Ok(1);
    }
    let listed = (rustix::fs::stat("/proc/self/task")?.st_nlink as usize).saturating_sub(2);
    if listed <= 1 {
        return Ok(listed);
    }
    let mut running = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // One that is gone by now does not count.
        let stat = std::fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
        running += usize::from(is_running(&stat));
    }
    Ok(running)
}

/// Whether the C library knows that this process has one thread: its `__libc_single_threaded`, which not every C library has.
fn never_had_another() -> bool {
    static WORD: OnceLock<usize> = OnceLock::new();
    let word = *WORD.get_or_init(|| {
        // SAFETY: looks a name up; the string ends in NUL.
        let word = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
        word as usize
    });
    // SAFETY: it is a byte of the C library's data, there as long as the process. It changes in one direction, when this process
    // makes a thread.
    word != 0
        && unsafe { std::ptr::with_exposed_provenance::<AtomicU8>(word).as_ref() }
            .is_some_and(|word| word.load(Ordering::Relaxed) != 0)
}

/// Whether a thread's `stat` (proc(5)) shows one that is not on its way out: the kernel's flag `PF_EXITING` is set once it has
/// left user space for good.
fn is_running(stat: &str) -> bool {
    const PF_EXITING: u64 = 4;
    // The name, in parentheses, may contain anything; after it come the state and five numbers before the flags.
    let flags = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(6));
    flags
        .and_then(|flags| flags.parse::<u64>().ok())
        .is_some_and(|flags| flags & PF_EXITING == 0)
}

/// What the first thread of a process does, in a word or two; `None` where there is no such process (or no `/proc`).
pub(crate) fn state_of(pid: u32) -> Option<&'static str> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    state_in(&stat)
}

fn state_in(stat: &str) -> Option<&'static str> {
    let (_, rest) = stat.rsplit_once(')')?;
    Some(match rest.split_ascii_whitespace().next()? {
        "R" => "running",
        "S" => "asleep",
        "D" => "waiting for a device",
        "T" => "stopped (SIGSTOP)",
        "t" => "stopped by a tracer",
        "Z" | "X" => "dead",
        _ => "in a state of its own",
    })
}

/// Names the calling thread: up to 15 bytes and a NUL.
#[inline]
pub(crate) fn rename_this(name: &[u8; 16]) {
    let arguments = [libc::PR_SET_NAME as usize, name.as_ptr() as usize, 0, 0, 0];
    // SAFETY: PR_SET_NAME reads up to 16 bytes, and the array has as many.
    let _ = unsafe { call::call(libc::SYS_prctl, arguments) };
}

/// Whether this thread is the one that the process began with.
#[inline]
pub(crate) fn is_main() -> bool {
    call::thread_id() == call::process_id()
}

/// Whether a child that ends may be gone from the table before this thread's next instruction: `SIGCHLD` is ignored, has
/// `SA_NOCLDWAIT`, or has a handler, which may wait for any child.
pub(crate) fn children_may_vanish() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action is set; the old one is written to `action`.
    unsafe { libc::sigaction(libc::SIGCHLD, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the struct was zeroed, which is a valid sigaction, and may have been filled since.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction != libc::SIG_DFL || action.sa_flags & libc::SA_NOCLDWAIT != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_on_its_way_out_does_not_count() {
        assert!(is_running("12 (a ) b) S 1 12 12 0 -1 4194304 1 2 3"));
        assert!(!is_running("12 (a ) b) R 1 12 12 0 -1 4194308 1 2 3"));
        assert!(!is_running(""));
    }

    #[test]
    fn a_state_is_a_word() {
        assert_eq!(
            state_in("12 (a ) b) T 1 12 12 0 -1 4194304 1 2 3"),
            Some("stopped (SIGSTOP)")
        );
        assert_eq!(state_in("12"), None);
        assert_eq!(
            state_of(std::process::id()).is_some(),
            std::path::Path::new("/proc/self").exists()
        );
        assert_eq!(state_of(u32::MAX), None);
    }

    #[test]
    fn a_joined_thread_is_gone_at_once() {
        let child = crate::Process::new(
            || {
                (0..200)
                    .filter(|_| std::thread::spawn(|| ()).join().is_err() || count().ok() != Some(1))
                    .count()
            },
            (),
        );
        let child = child.method(crate::StartMethod::Spawn).start().unwrap();
        assert_eq!(child.join(), Ok(0));
    }
}
