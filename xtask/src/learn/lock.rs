//! One at a time in `learn/`.
//!
//! Invariant: whoever writes in `learn/` or builds there holds the lock, and the kernel takes it back from one that died.
//! A program that was started keeps its image, so the lock may go as soon as it runs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};

use crate::failure::Failure;
use crate::learn::Learn;
use crate::screen::{WARN, complain};

/// The right to write and to build in `learn/`, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held(#[expect(dead_code, reason = "closing the file is what releases the lock")] File);

/// Takes the lock; says who has it when it must wait.
pub(crate) fn take(learn: &Learn) -> Result<Held, Failure> {
    let path = learn.path.join(".lock");
    let fail = |error: std::io::Error| Failure::file("lock", &path, error);
    fs::create_dir_all(&learn.path).map_err(fail)?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(fail(error)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The pid is for the message alone; without it the message is shorter.
            let _unknown = file.read_to_string(&mut holder);
            complain!(
                "{WARN}waiting:{WARN:#} another check builds in learn/ (pid {})",
                holder.trim()
            );
            file.lock().map_err(fail)?;
        }
    }
    file.set_len(0).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    writeln!(file, "{}", std::process::id()).map_err(fail)?;
    Ok(Held(file))
}
