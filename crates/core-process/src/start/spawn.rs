//! `spawn`: a fresh copy of this program, which finds its launch at [`init`](crate::init).

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;

use super::bootstrap::MARKER;
use super::{Plan, StartBlock, Started, no_process};
use crate::process::Change;
use crate::sys::clone::{FIRST_DESCRIPTOR, Program, Step, vfork_exec};
use crate::sys::{inherited, pidfd};
use crate::{StartError, StartMethod};

/// Whether a fresh copy of this program would believe that it is a child.
pub(super) fn availability() -> Result<(), String> {
    if inherited::is_privileged() {
        let why = "this program has more privileges than its starter (set-user-ID or the like), so it runs nothing that it is \
                   told to by its environment. Use StartMethod::Fork";
        return Err(why.to_owned());
    }
    Ok(())
}

pub(super) fn start(plan: &Plan<'_>) -> Result<(Started, StartBlock), StartError> {
    let method = StartMethod::Spawn;
    availability().map_err(|reason| StartError::Unavailable { method, reason })?;
    let (block, file) = plan.block()?;
    // What every child finds first: the block, the way home, the arguments' descriptors.
    let descriptors: Vec<RawFd> = [file.as_fd(), plan.home.as_fd()]
        .into_iter()
        .chain(plan.descriptors().iter().map(AsFd::as_fd))
        .map(|descriptor| descriptor.as_raw_fd())
        .collect();

    let argv = std::env::args_os().map(text).collect::<Result<Vec<_>, _>>()?;
    let marker = format!("{MARKER}={FIRST_DESCRIPTOR}");
    let environment = environment(&plan.options.environment)
        .into_iter()
        .map(|(mut variable, value)| {
            variable.push("=");
            variable.push(value);
            variable
        })
        .chain([OsString::from(marker)])
        .map(text)
        .collect::<Result<Vec<_>, _>>()?;
    let current_dir = plan
        .options
        .current_dir
        .as_ref()
        .map(|dir| text(dir.clone().into()))
        .transpose()?;

    let pointers = |list: &[CString]| {
        list.iter()
            .map(|text| text.as_ptr())
            .chain([ptr::null()])
            .collect::<Vec<_>>()
    };
    let program = Program {
        path: c"/proc/self/exe",
        argv: &pointers(&argv),
        envp: &pointers(&environment),
        current_dir: current_dir.as_deref(),
        stdio: plan.stream_sources(),
        descriptors: &descriptors,
    };
    let (pid, pidfd) = vfork_exec(&program).map_err(|(step, error)| match step {
        Step::Clone => no_process(error),
        Step::Descriptors => StartError::os("hand descriptors to the child", error),
        Step::CurrentDir => StartError::os("enter the child's working directory", error),
        Step::Execute => StartError::os("execute this program again (/proc/self/exe)", error),
    })?;
    // Its number is free for the pidfd, should that have to move.
    drop(file);
    let pidfd = pidfd::keep(pidfd).map_err(no_process)?;
    Ok((Started { pid, pidfd }, block))
}

/// This process's environment after the recipe's changes.
pub(super) fn environment(changes: &[Change]) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    for change in changes {
        match change {
            Change::Set(name, value) => {
                environment.retain(|(other, _)| other != name);
                environment.push((name.clone(), value.clone()));
            }
            Change::Remove(name) => environment.retain(|(other, _)| other != name),
            Change::Clear => environment.clear(),
        }
    }
    environment.retain(|(name, _)| name != MARKER);
    environment
}

/// A string for the kernel.
fn text(text: OsString) -> Result<CString, StartError> {
    CString::new(text.into_vec()).map_err(|error| {
        let shown = OsStr::from_bytes(&error.into_vec())
            .to_string_lossy()
            .into_owned();
        StartError::Argument(format!("{shown:?} contains a NUL byte"))
    })
}
