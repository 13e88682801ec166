//! Replays a schedule: small programs of a few processes, run step by step in an order that somebody has chosen.
//!
//! A [`Program`] is data: shared words, locks, bells, and each process's steps. A [`Run`] performs them one at a time, in the
//! order of a *schedule* (the steps' ids), and says how it ended: all as it should be, or with a [`Failure`].
//! [`diagram`] draws the run: a column for each process, a row for each step, and what the shared words are after it.
//!
//! ```
//! use grader::replay::{Act, Program, Run, diagram};
//!
//! let program = Program::new("counter")
//!     .word("counter", 0)
//!     .process("A", &[("a1", Act::Read("counter")), ("a2", Act::WriteRead("counter", 1))])
//!     .process("B", &[("b1", Act::Read("counter")), ("b2", Act::WriteRead("counter", 1))])
//!     .ends_with("counter", 2);
//! let run = Run::replay(&program, ["a1", "b1", "a2", "b2"])?;
//! assert_eq!(run.failure().unwrap().to_string(), "counter is 1 at the end, and should be 2");
//! assert!(diagram(&run).iter().all(|line| line.chars().count() <= 98));
//! # Ok::<(), grader::replay::Illegal>(())
//! ```
//!
//! Nothing here runs a process; it is all arithmetic. In reading order: `program`, `run`, `step`, `failure`, `diagram`.

mod diagram;
mod failure;
mod program;
mod run;
mod step;

pub use diagram::diagram;
pub use failure::Failure;
pub use program::{Act, Program};
pub use run::{Illegal, Run};
