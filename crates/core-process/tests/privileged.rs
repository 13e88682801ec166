//! Programs with privileges: one that has more than its starter, and one that gives its own up.
//!
//! Both need root to be shown; without it they say so.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use core_process::{Process, StartError, StartMethod, available_methods};
use isolated::{METHODS, alone};
use nix::unistd::{Uid, geteuid, getuid};

core_process::divert_before_main!();

/// The user that nobody is.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    if !getuid().is_root() {
        eprintln!("skipped: it takes root to be somebody else");
    }
    getuid().is_root()
}

/// What the test of that name does in a set-user-ID copy of this program.
fn as_set_user_id(test: &str, prepare: impl FnOnce(&mut Command)) -> Output {
    let folder = std::env::temp_dir().join(format!("core-process-{test}-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("program");
    std::fs::copy("/proc/self/exe", &program).unwrap();
    std::os::unix::fs::chown(&program, Some(NOBODY), None).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o4755)).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    prepare(&mut command);
    let output = command.output();
    std::fs::remove_dir_all(&folder).unwrap();
    output.unwrap()
}

/// Whether this is that copy, on a system that heeds the bit.
fn is_set_user_id() -> bool {
    geteuid() != getuid()
}

#[test]
fn a_set_user_id_program_starts_no_copy_of_itself() {
    if is_set_user_id() {
        assert_eq!(available_methods(), [StartMethod::Fork]);
        for method in [StartMethod::Spawn, StartMethod::ForkServer] {
            match Process::new(|| (), ()).method(method).start() {
                Err(error @ StartError::Unavailable { .. }) => {
                    assert!(error.to_string().contains("set-user-ID"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
        eprintln!("refused");
    } else if is_root() {
        let output = as_set_user_id("a_set_user_id_program_starts_no_copy_of_itself", |_| ());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("refused") || said.contains("skipped"), "{said}");
    }
}

/// Its starter chooses the environment and the descriptors, and so could choose the code that is run as somebody else.
#[test]
#[allow(unsafe_code, reason = "hands a descriptor on by its number")]
fn a_set_user_id_program_believes_no_launch() {
    const NAME: &str = "a_set_user_id_program_believes_no_launch";
    /// A child has a real launch: its own.
    fn attacker() -> (bool, String) {
        let block = std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                std::fs::read_link(path).is_ok_and(|link| link.to_string_lossy().contains("start-block"))
            })
            .unwrap();
        let block = std::fs::File::options()
            .read(true)
            .write(true)
            .open(block)
            .unwrap();
        let output = as_set_user_id(NAME, |command| {
            command.env("CORE_PROCESS_START", "3");
            let block = block.as_raw_fd();
            // SAFETY: plain system call on two numbers.
            let place = move || match unsafe { libc::dup2(block, 3) } {
                3 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            };
            // SAFETY: one system call.
            unsafe { command.pre_exec(place) };
        });
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }
    if !is_set_user_id() && is_root() {
        let (success, said) = alone(attacker, ());
        assert!(
            success && said.contains("1 passed"),
            "the launch was believed: {said}"
        );
    }
}

#[test]
fn children_of_a_process_that_gave_up_root_have_not_got_it_back() {
    fn ids() -> (u32, u32) {
        (getuid().as_raw(), geteuid().as_raw())
    }
    fn case(method: StartMethod) {
        let recipe = Process::new(ids, ()).method(method);
        assert_eq!(recipe.start().unwrap().join(), Ok((0, 0)));
        nix::unistd::setuid(Uid::from_raw(NOBODY)).unwrap();
        assert_eq!(recipe.start().unwrap().join(), Ok((NOBODY, NOBODY)), "{method}");
    }
    if is_root() {
        for method in METHODS {
            alone(case, method);
        }
    }
}
