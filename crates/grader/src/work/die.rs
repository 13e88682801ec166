//! The end of a workload's process by a signal.

use core_process::Signal;

/// Ends this process by `signal`, as its default action does: a workload's way to be killed at a known place.
///
/// If the signal's default action is not to end the process, or a handler was installed, the process aborts instead, which is
/// another status than the one that was asked for.
pub fn die(signal: Signal) -> ! {
    if let Ok(signal) = nix::sys::signal::Signal::try_from(signal.number()) {
        // The kernel delivers it before `raise` returns, unless it is blocked or handled.
        let _ = nix::sys::signal::raise(signal);
    }
    std::process::abort()
}
