//! The commands, one a file: each is the struct that clap fills, and its `run`, which returns the exit status.

pub(crate) mod bench;
pub(crate) mod check_all;
pub(crate) mod check_lesson;
pub(crate) mod ci;
pub(crate) mod doctor;
pub(crate) mod example;
pub(crate) mod explain;
pub(crate) mod hint;
pub(crate) mod list;
pub(crate) mod new_lesson;
pub(crate) mod next;
pub(crate) mod reset;
pub(crate) mod solution;
pub(crate) mod start;
pub(crate) mod stress;
pub(crate) mod sync;
pub(crate) mod tidy;
pub(crate) mod verify;
pub(crate) mod watch;
