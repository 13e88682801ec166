//! Containers and sandboxes refuse system calls. What the library can do without still works; what it cannot is an error.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use std::os::unix::process::parent_id;

use core_process::{ChildError, Process, Signal, StartError, StartMethod, active_children};
use isolated::{METHODS, alone};
use nix::sys::signal::{SigHandler, Signal as Raw};

core_process::divert_before_main!();

/// From now on this process and its children get `error` for `call`.
#[allow(unsafe_code, reason = "installs a filter of system calls")]
fn refuse(call: i64, error: i32) {
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let mut filter = [
        // The number of the call is the first word of what the filter is given.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | error as u32,
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    nix::sys::prctl::set_no_new_privs().unwrap();
    // SAFETY: the kernel copies the program, which lives until the call returns.
    let set = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// One child that returns, one that is killed, one whose status the kernel throws away.
fn children_are_as_always(method: StartMethod) {
    let returns = Process::new(parent_id, ()).method(method).start().unwrap();
    assert_eq!(returns.join(), Ok(std::process::id()), "{method}");
    let killed = Process::new(std::thread::park, ())
        .method(method)
        .start()
        .unwrap();
    killed.kill().unwrap();
    let signal = Signal::KILL;
    assert_eq!(killed.join(), Err(ChildError::Signaled { signal }), "{method}");
    ignore_ends();
    for number in 0..20 {
        let ends = Process::new(|n: u32| n, number).method(method).start().unwrap();
        assert_eq!(ends.join(), Ok(number), "{method}");
    }
}

#[allow(unsafe_code, reason = "changes a disposition")]
fn ignore_ends() {
    // SAFETY: ignoring runs no code.
    unsafe { nix::sys::signal::signal(Raw::SIGCHLD, SigHandler::SigIgn) }.unwrap();
}

#[test]
fn without_clone3_every_method_works() {
    fn case(method: StartMethod, error: i32) {
        refuse(libc::SYS_clone3, error);
        children_are_as_always(method);
    }
    for method in METHODS {
        for error in [libc::ENOSYS, libc::EPERM] {
            alone(case, (method, error));
        }
    }
}

#[test]
fn without_pidfd_open_a_fork_is_an_error_and_the_others_work() {
    fn case(method: StartMethod) {
        refuse(libc::SYS_pidfd_open, libc::ENOSYS);
        if method != StartMethod::Fork {
            return children_are_as_always(method);
        }
        let started = Process::new(std::thread::park, ()).method(method).start();
        match started {
            Err(error @ StartError::Os { .. }) => {
                assert!(error.to_string().contains("make a process"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(active_children().is_empty());
        let none = nix::sys::wait::wait().unwrap_err();
        assert_eq!(none, nix::errno::Errno::ECHILD, "no child is left");
    }
    isolated::by_each_method(case);
}

#[test]
fn without_getrandom_every_method_works() {
    fn case(method: StartMethod) {
        refuse(libc::SYS_getrandom, libc::ENOSYS);
        children_are_as_always(method);
    }
    isolated::by_each_method(case);
}
