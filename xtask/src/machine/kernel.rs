//! The kernel: its age, and what it permits here. Each permission is tried.

use std::env;
use std::fs;
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open};

use super::tools::numbers;
use super::{Finding, Level, fine, worse};

/// The oldest kernel on which every call that the library makes is there (`close_range`).
const KERNEL: (u32, u32) = (5, 9);
pub(super) fn kernel() -> Finding {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match numbers(release) {
        Some(version) if version >= KERNEL => fine("kernel", format!("Linux {release}")),
        _ => worse(
            "kernel",
            Level::Lacking,
            format!("{} {release}", env::consts::OS),
            &format!(
                "Linux {}.{} or newer is needed; a virtual machine will do.",
                KERNEL.0, KERNEL.1
            ),
        ),
    }
}

pub(super) fn pidfd() -> Finding {
    match pidfd_open(getpid(), PidfdFlags::empty()) {
        Ok(_) => fine("pidfd", "a process can be held by a descriptor"),
        Err(error) => worse(
            "pidfd",
            Level::Lacking,
            error.to_string(),
            "A newer kernel is needed, or a sandbox forbids pidfd_open.",
        ),
    }
}

pub(super) fn memfd() -> Finding {
    let made = memfd_create("doctor", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .and_then(|file| fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK));
    match made {
        Ok(()) => fine("memfd", "shared memory can be made and sealed"),
        Err(error) => worse(
            "memfd",
            Level::Lacking,
            error.to_string(),
            "A sandbox forbids memfd_create or its seals.",
        ),
    }
}

pub(super) fn tracing() -> Finding {
    let Some(child) = probe("wait").and_then(|mut command| command.stdin(Stdio::piped()).spawn().ok()) else {
        return worse(
            "ptrace",
            Level::Note,
            "not tried: no child could be started",
            "Look at the limits below.",
        );
    };
    let child = Waiting(child);
    let pid = Pid::from_child(&child.0).as_raw_nonzero().get();
    match nix::sys::ptrace::seize(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::ptrace::Options::empty(),
    ) {
        Ok(()) => fine("ptrace", "a child can be traced"),
        Err(error) => worse(
            "ptrace",
            Level::Note,
            error.to_string(),
            "The grader falls back to /proc and says so. In a container: --cap-add=SYS_PTRACE, or a newer seccomp profile.",
        ),
    }
}

pub(super) fn user_namespaces() -> Finding {
    let status = probe("user-namespace").and_then(|mut command| command.stdin(Stdio::null()).status().ok());
    if status.is_some_and(|status| status.success()) {
        return fine("user namespaces", "permitted");
    }
    worse(
        "user namespaces",
        Level::Note,
        "not permitted",
        "Nothing in the course needs them; tests that use one say that they skip.",
    )
}

/// A child of this program that waits until it is dropped.
struct Waiting(std::process::Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        // Its standard input closes with it; the kill is for one that does not read.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn probe(what: &str) -> Option<Command> {
    let mut command = Command::new(env::current_exe().ok()?);
    command
        .args(["probe", what])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}
