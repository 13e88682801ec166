//! Every verdict of the course: programs that must get it, and programs that must not.
//!
//! A subject binary like those of the lessons, with a toy lesson: its cases are run by `grader::main` itself.

use grader::Case;

#[path = "verdicts/check.rs"]
mod check;
#[path = "verdicts/right.rs"]
mod right;
#[path = "verdicts/wrong.rs"]
mod wrong;

const fn case(name: &'static str, source: &'static str, scenarios: fn() -> Vec<grader::Scenario>) -> Case {
    Case {
        lesson: "0.1",
        name,
        scenarios,
        main: None,
        toml: include_str!("verdicts/lesson.toml"),
        source,
        folder: "",
    }
}

const CASES: &[Case] = &[
    case("solution", "", || check::squares(right::all_at_once)),
    case("wrong_one_by_one", "//! expect: SERIAL", || {
        check::squares(wrong::one_by_one)
    }),
];

fn main() -> std::process::ExitCode {
    grader::main(CASES)
}
