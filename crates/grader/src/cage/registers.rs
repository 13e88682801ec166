//! A tracee at a system call: which call it is, and how to make it fail.
//!
//! Knows the registers of x86-64. On another architecture calls can be seen and counted, but not made to fail.
#![allow(unsafe_code, reason = "the kernel's report of a system call is a union")]

use nix::sys::ptrace;
use nix::unistd::Pid;

/// Where in a system call a tracee is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Before the call.
    Entry { number: i64, args: [u64; 6] },
    /// After it.
    Exit,
}

/// Where a tracee that reported a system call is stopped. `None` if it was killed meanwhile.
pub(crate) fn stop(tid: i32) -> Option<Stop> {
    let info = ptrace::syscall_info(Pid::from_raw(tid)).ok()?;
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: for this `op` the kernel has filled `entry`.
            let entry = unsafe { info.u.entry };
            Some(Stop::Entry {
                number: entry.nr as i64,
                args: entry.args,
            })
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => Some(Stop::Exit),
        _ => None,
    }
}

/// At the entry: no call is made.
#[cfg(target_arch = "x86_64")]
pub(crate) fn skip(tid: i32) {
    change(tid, |registers| registers.orig_rax = u64::MAX);
}

/// At the exit: the program gets this result.
#[cfg(target_arch = "x86_64")]
pub(crate) fn set_result(tid: i32, result: i64) {
    change(tid, |registers| registers.rax = result as u64);
}

#[cfg(target_arch = "x86_64")]
fn change(tid: i32, change: impl FnOnce(&mut libc::user_regs_struct)) {
    // An error means that the tracee was killed meanwhile.
    if let Ok(mut registers) = ptrace::getregs(Pid::from_raw(tid)) {
        change(&mut registers);
        let _ = ptrace::setregs(Pid::from_raw(tid), registers);
    }
}

/// Not known for this architecture: the call is made.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn skip(_tid: i32) {}

/// Not known for this architecture: the program gets the call's own result.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn set_result(_tid: i32, _result: i64) {}
