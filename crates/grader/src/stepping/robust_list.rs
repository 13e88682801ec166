//! Where the kernel finds a thread's list of robust mutexes.
#![allow(unsafe_code, reason = "get_robust_list has no wrapper")]

/// The address of the list's head in the memory of the thread with this number: a link, an offset, and the mutex that is being taken
/// or released, eight bytes each.
pub(super) fn head(thread: i32) -> std::io::Result<u64> {
    let (mut head, mut len) = (0_u64, 0_usize);
    // SAFETY: the kernel writes a pointer and a length, for each of which there is room.
    let outcome = unsafe { libc::syscall(libc::SYS_get_robust_list, thread, &raw mut head, &raw mut len) };
    if outcome == 0 {
        Ok(head)
    } else {
        Err(std::io::Error::last_os_error())
    }
}
