//! The grader: runs an answer where it can do no harm, sees what it really did, and says one verdict.
//!
//! A lesson describes [`Scenario`]s: an input drawn from a seed ([`Draw`]), the answer's function, and a judge that looks at
//! the [`Evidence`] and states its [`Findings`]. The tasks that an answer must run are built of [`work`]. A *subject binary*
//! holds the variants of many lessons as [`Case`]s and calls [`main`]; that is all it does:
//!
//! ```no_run
//! use grader::{Case, Draw, Evidence, Findings, Scenario, Verdict};
//!
//! fn square(x: u64) -> u64 {
//!     x * x
//! }
//!
//! fn draw(draw: &mut Draw) -> u64 {
//!     draw.number(0..=1000)
//! }
//!
//! fn judge(input: &u64, seen: &Evidence<u64>, found: &mut Findings) {
//!     let (expected, observed) = (input * input, seen.value);
//!     found.check("square", Verdict::Wrong, observed == Some(expected), || format!("expected {expected}, observed {observed:?}"));
//! }
//!
//! const CASES: &[Case] = &[Case {
//!     lesson: "1.1",
//!     name: "solution",
//!     scenarios: || vec![Scenario::new("square", draw, square, judge)],
//!     main: None,
//!     toml: "", // include_str!("../lessons/l01_01_squares/lesson.toml")
//!     source: "",
//!     folder: "",
//! }];
//!
//! fn main() -> std::process::ExitCode {
//!     grader::main(CASES)
//! }
//! ```
//!
//! In reading order: `verdict`, `report` and `lesson`, the words; `journal` and `work`, what is recorded; `scenario`,
//! `evidence` and `findings`, what a lesson says; `caged`, `judge`, `decide` and `left_behind`, how a verdict
//! comes about; `act` and `leaks`, inside the
//! cage; `entry` and `verify`, the roles of a subject binary; `timeline` and `render`, what happened and a report as text. [`cage`], [`inject`] and
//! [`stepping`] know nothing of lessons and run any program; [`replay`] runs small programs step by step on paper, without a process.

mod act;
mod answer;
mod belongings;
pub mod cage;
mod caged;
mod case;
mod decide;
mod draw;
mod entry;
mod evidence;
mod example;
mod findings;
mod hang;
pub mod inject;
mod journal;
mod judge;
mod leaks;
mod left_behind;
mod lesson;
mod render;
pub mod replay;
mod report;
mod scenario;
pub mod stepping;
mod timeline;
mod verdict;
mod verify;
pub mod work;

pub use belongings::Belongings;
pub use case::Case;
pub use draw::Draw;
pub use entry::main;
pub use evidence::{Evidence, Meetings, Reading};
pub use findings::{Checked, Findings};
pub use journal::{Event, Journal, Phase, Place, Source};
pub use lesson::{Budget, Check, Lesson, LessonError, Meaning};
pub use render::{Paint, render};
pub use report::{CheckResult, Report};
pub use scenario::{Scenario, input};
pub use timeline::lines;
pub use verdict::{UnknownVerdict, Verdict};

#[cfg(test)]
core_process::divert_before_main!();
