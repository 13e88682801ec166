//! A system call in one instruction, without the C library.
//!
//! What a forked child does before and after its target goes this way. The C library's wrappers lie all over its code, and each
//! piece of code that a child is the first to run costs it a page fault, and its end the unmapping of sixteen pages: some 4 us
//! of the hundred that it lives. On other processors than these two the C library's `syscall` does the same.
#![allow(unsafe_code, reason = "the instruction that enters the kernel")]

use std::io;

/// Makes system call `number`; what it returned, or its error. Arguments that it does not have are 0.
///
/// # Safety
/// As for the system call: its pointers must be valid for what it does with them, and what it changes must be the caller's.
#[inline(always)]
pub(crate) unsafe fn call(number: libc::c_long, arguments: [usize; 5]) -> io::Result<usize> {
    // SAFETY: the caller answers for the arguments.
    let returned = unsafe { enter(number, arguments) };
    // The kernel's errors are the last 4095 values.
    if returned > -4096_isize as usize {
        return Err(io::Error::from_raw_os_error(returned.wrapping_neg() as i32));
    }
    Ok(returned)
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn enter(number: libc::c_long, [a, b, c, d, e]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the instruction changes `rax`, `rcx` and `r11`, and memory as its call says; it uses no stack.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as usize => returned,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        )
    };
    returned
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn enter(number: libc::c_long, [a, b, c, d, e]: [usize; 5]) -> usize {
    let returned;
    // SAFETY: the instruction changes `x0`, and memory as its call says; it uses no stack.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number as usize,
            inlateout("x0") a => returned,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") e,
            options(nostack),
        )
    };
    returned
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn enter(number: libc::c_long, [a, b, c, d, e]: [usize; 5]) -> usize {
    // SAFETY: the caller answers for the arguments.
    match unsafe { libc::syscall(number, a, b, c, d, e) } {
        -1 => -(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) as isize) as usize,
        returned => returned as usize,
    }
}

/// This process's id.
#[inline]
pub(crate) fn process_id() -> u32 {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { enter(libc::SYS_getpid, [0; 5]) as u32 }
}

/// This thread's id.
#[inline]
pub(crate) fn thread_id() -> u32 {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { enter(libc::SYS_gettid, [0; 5]) as u32 }
}

/// The id of this process's parent; 0 where that is in another PID namespace.
#[inline]
pub(crate) fn parent_id() -> u32 {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { enter(libc::SYS_getppid, [0; 5]) as u32 }
}

/// Ends this process, as `_exit` does.
#[inline]
pub(crate) fn exit_group(code: i32) -> ! {
    loop {
        // SAFETY: it does not return.
        unsafe { enter(libc::SYS_exit_group, [code as usize, 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_that_the_c_library_says() {
        assert_eq!(process_id(), std::process::id());
        assert_eq!(parent_id(), std::os::unix::process::parent_id());
        assert_eq!(thread_id() == process_id(), crate::thread::is_main());
    }

    #[test]
    fn an_error_is_the_kernels_number() {
        // SAFETY: closes no descriptor.
        let closed = unsafe { call(libc::SYS_close, [usize::MAX, 0, 0, 0, 0]) };
        assert_eq!(closed.unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
