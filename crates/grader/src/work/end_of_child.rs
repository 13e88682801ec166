//! The end of a child, seen without taking it from the kernel's table.
//!
//! Invariant: the child's status is left for whoever has to take it. It does not know who started the child.

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions};

/// Waits until the child `pid` of the calling process has ended, in the sense that its parent can take its status; does not take
/// it. Returns at once when there is no such child, because somebody has taken its status, or there never was one.
///
/// A workload that has told a process to end calls this to be sure that from here on everybody who looks finds it ended. A
/// pidfd alone would not do: under a tracer it is readable a moment before the parent can have the status.
pub fn await_end_of_child(pid: u32) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(rustix::process::waitid(WaitId::Pid(pid), ended), Err(Errno::INTR)) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_process::{Process, Signal, Status};

    #[test]
    fn a_child_is_seen_to_end_and_its_status_is_left() {
        let child = Process::new(std::thread::park, ()).start().unwrap();
        child.kill().unwrap();
        await_end_of_child(child.pid());
        assert_eq!(child.wait(), Ok(Status::Signaled(Signal::KILL)));
        // Nobody's child any more, and never a child: nothing to wait for.
        await_end_of_child(child.pid());
        await_end_of_child(std::process::id());
        await_end_of_child(0);
    }
}
