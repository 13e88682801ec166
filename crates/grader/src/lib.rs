//! The grader: the cage that runs an answer, the journal that records what it did, and the verdict.

pub mod cage;
pub mod inject;
mod lesson;
mod report;
mod verdict;

pub use lesson::{Budget, Check, Lesson, LessonError, Meaning};
pub use report::{CheckResult, Report};
pub use verdict::{UnknownVerdict, Verdict};
