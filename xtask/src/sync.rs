//! The generated files: what each of them should say.
//!
//! Invariant: a generated file is a function of the sources and of nothing else, so `sync` twice writes once. It does not
//! know who reads them.

pub(crate) mod parity;
pub(crate) mod programme_page;
pub(crate) mod regions;
pub(crate) mod subject_file;
pub(crate) mod unsafe_page;

use std::fs;
use std::path::PathBuf;

use crate::course::Course;
use crate::failure::Failure;
use crate::learn;

/// A file and the text that it should have.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it should say.
    pub(crate) text: String,
}

/// The generated files that say something else now, with what they should say.
pub(crate) fn stale(course: &Course) -> Result<Vec<Generated>, Failure> {
    let mut all = subject_file::generated(course)?;
    all.extend(regions::generated(course)?);
    all.push(programme_page::generated(course)?);
    all.push(parity::generated(course)?);
    all.push(unsafe_page::generated(course)?);
    all.retain(|file| fs::read_to_string(&file.path).map_or(true, |there| there != file.text));
    Ok(all)
}

/// Writes one of them.
pub(crate) fn write(file: &Generated) -> Result<(), Failure> {
    learn::write(&file.path, &file.text)
}
