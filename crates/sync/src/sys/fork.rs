//! A hook that runs in every child of `fork`.
#![allow(unsafe_code, reason = "pthread_atfork")]

/// Runs `hook` in each forked child, before `fork` returns there. It may store to atomics and nothing else.
pub(crate) fn in_each_child(hook: extern "C" fn()) {
    // SAFETY: the hook is a function of this image, and the caller keeps it to what a forked child may do.
    let _ = unsafe { libc::pthread_atfork(None, None, Some(hook_pointer(hook))) };
}

fn hook_pointer(hook: extern "C" fn()) -> unsafe extern "C" fn() {
    hook
}
