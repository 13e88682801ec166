//! The roles of a subject binary, chosen by its first argument.
//!
//! | role | what it does |
//! | --- | --- |
//! | none, or a filter | a brief `verify`, as a test binary of cargo |
//! | `verify [--lesson L] [--seeds N] [--json] [--stress [--load]]` | every case gets what it must get, or the exit status is 1 |
//! | `check --lesson L --case C [--seed S] [--runs K] [--scenario N] [--json]` | one case, one report; the exit status is the verdict's |
//! | `trace --lesson L --case C [--seed S] [--scenario N]` | the timeline of one run |
//! | `example L` | the example of a lesson, as a program of its own |
//! | `list [--json]` | the cases |
//! | `act ..` | the process in the cage |
//! | `busy --parent P` | one process of a load |
//!
//! With `GRADER_TRACING=proc` in the environment the cage does without ptrace, as where that is forbidden.
//!
//! Invariant: in every role but `act` and `example` the library's `init` comes first, so that a child of the library (the
//! warden) never gets to do anything else.

use std::io::Write;
use std::process::ExitCode;

use crate::act::{self, Order};
use crate::judge::{self, Plan, RUNS};
use crate::verify::{self, Care, Wish};
use crate::{Case, Paint, render};

/// Exit status of a failure of the tool itself.
const FAILED: u8 = 1;
/// Exit status of a wrong call.
const USAGE: u8 = 2;

/// The whole of a subject binary's `main`: see the module's table of roles.
pub fn main(cases: &'static [Case]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let role = arguments.first().map_or("", String::as_str);
    // Before `init`: a program answer calls it itself, and the journal must be there first.
    let result = match role {
        "act" => act(cases, &arguments[1..]),
        "example" => example(cases, &arguments[1..]),
        _ => {
            core_process::init();
            judging(cases, role, &arguments)
        }
    };
    result.unwrap_or_else(|problem| {
        let (text, status) = match problem {
            Problem::Usage(text) => (text, USAGE),
            Problem::Failed(text) => (text, FAILED),
        };
        // Without a standard error there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "grader: {text}");
        ExitCode::from(status)
    })
}

enum Problem {
    Usage(String),
    Failed(String),
}

impl From<String> for Problem {
    fn from(text: String) -> Problem {
        Problem::Failed(text)
    }
}

fn judging(cases: &'static [Case], role: &str, arguments: &[String]) -> Result<ExitCode, Problem> {
    match role {
        "check" => check(cases, &arguments[1..]),
        "trace" => trace(cases, &arguments[1..]),
        "list" => list(cases, &arguments[1..]),
        "busy" => verify::load::busy(&arguments[1..]).map_err(Problem::Usage),
        "verify" => {
            let options = Options::read(
                &arguments[1..],
                &["--lesson", "--seeds"],
                &["--json", "--stress", "--load"],
            )?;
            let wish = Wish {
                lesson: options.text("--lesson"),
                filter: None,
                seeds: options.number("--seeds")?,
                care: Care::Whole,
                json: options.has("--json"),
                stress: options.has("--stress"),
                load: options.has("--load"),
            };
            Ok(verify::run(cases, &wish)?)
        }
        _ => {
            // What cargo passes on is for libtest: its options mean nothing here, and the first word is a filter.
            if arguments.iter().any(|argument| argument == "--list") {
                return list(cases, &[]);
            }
            let filter = arguments
                .iter()
                .find(|argument| !argument.starts_with('-'))
                .cloned();
            Ok(verify::run(
                cases,
                &Wish {
                    filter,
                    care: Care::Brief,
                    ..Wish::default()
                },
            )?)
        }
    }
}

fn check(cases: &'static [Case], arguments: &[String]) -> Result<ExitCode, Problem> {
    let values = ["--lesson", "--case", "--seed", "--runs", "--scenario"];
    let options = Options::read(arguments, &values, &["--json"])?;
    let case = find(
        cases,
        options.text("--lesson").as_deref(),
        options.text("--case").as_deref(),
    )?;
    let seed = options.number("--seed")?;
    // A seed that is named is replayed alone.
    let runs = options
        .number("--runs")?
        .unwrap_or(if seed.is_some() { 1 } else { u64::from(RUNS) });
    let plan = Plan {
        seed: seed.unwrap_or(0),
        runs: u32::try_from(runs).map_err(|_| Problem::Usage(format!("--runs {runs} is too many")))?,
        scenario: options.text("--scenario"),
    };
    let report = judge::check(case, &plan)?;
    if options.has("--json") {
        let json = serde_json::to_string(&report).map_err(|error| error.to_string())?;
        say(&json)?;
    } else {
        let title = case.lesson().map_err(|error| error.to_string())?.title;
        say(render(&report, &title, Paint::Plain).trim_end())?;
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}

fn trace(cases: &'static [Case], arguments: &[String]) -> Result<ExitCode, Problem> {
    let options = Options::read(arguments, &["--lesson", "--case", "--seed", "--scenario"], &[])?;
    let case = find(
        cases,
        options.text("--lesson").as_deref(),
        options.text("--case").as_deref(),
    )?;
    let seed = options.number("--seed")?.unwrap_or(0);
    for line in judge::trace(case, seed, options.text("--scenario").as_deref())? {
        say(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cases: &'static [Case], arguments: &[String]) -> Result<ExitCode, Problem> {
    let options = Options::read(arguments, &[], &["--json"])?;
    for case in cases {
        if options.has("--json") {
            say(&serde_json::json!({ "lesson": case.lesson, "case": case.name }).to_string())?;
        } else {
            say(&format!("{}: test", case.title()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn example(cases: &'static [Case], arguments: &[String]) -> Result<ExitCode, Problem> {
    let case = find(cases, arguments.first().map(String::as_str), Some("example"))?;
    match case.main {
        Some(main) => main(),
        None => {
            return Err(Problem::Failed(format!(
                "the example of {} has no main",
                case.lesson
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn act(cases: &'static [Case], arguments: &[String]) -> Result<ExitCode, Problem> {
    let values = [
        "--lesson",
        "--case",
        "--seed",
        "--scenario",
        "--journal",
        "--value",
    ];
    let options = Options::read(arguments, &values, &[])?;
    let case = find(
        cases,
        options.text("--lesson").as_deref(),
        options.text("--case").as_deref(),
    )?;
    let order = Order {
        scenario: options.text("--scenario"),
        seed: options.number("--seed")?.unwrap_or(0),
        journal: options.text("--journal").unwrap_or_default(),
        value: options.text("--value").unwrap_or_default(),
    };
    Ok(act::run(case, &order)?)
}

fn find(cases: &'static [Case], lesson: Option<&str>, name: Option<&str>) -> Result<&'static Case, Problem> {
    let (Some(lesson), Some(name)) = (lesson, name) else {
        return Err(Problem::Usage("name the lesson and the case".to_owned()));
    };
    cases
        .iter()
        .find(|case| case.lesson == lesson && case.name == name)
        .ok_or_else(|| {
            let known: Vec<&str> = cases
                .iter()
                .filter(|case| case.lesson == lesson)
                .map(|case| case.name)
                .collect();
            Problem::Usage(format!(
                "lesson {lesson} has no case {name:?} here; it has: {}",
                known.join(", ")
            ))
        })
}

/// Writes a line to the standard output.
pub(crate) fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}

/// Options of a role: `--name value` and `--flag`.
struct Options {
    values: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Options {
    fn read(arguments: &[String], values: &[&str], flags: &[&str]) -> Result<Options, Problem> {
        let mut options = Options {
            values: Vec::new(),
            flags: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if flags.contains(&argument.as_str()) {
                options.flags.push(argument.clone());
            } else if values.contains(&argument.as_str()) {
                let value = rest
                    .next()
                    .ok_or_else(|| Problem::Usage(format!("{argument} needs a value")))?;
                options.values.push((argument.clone(), value.clone()));
            } else {
                return Err(Problem::Usage(format!(
                    "{argument:?} is not understood; there are {}",
                    [values, flags].concat().join(", ")
                )));
            }
        }
        Ok(options)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| Problem::Usage(format!("{name} {text:?}: a number is expected")))
    }

    fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_are_refused_by_name() {
        let arguments = ["--seed", "7", "--json"].map(String::from);
        let options = Options::read(&arguments, &["--seed"], &["--json"]).ok().unwrap();
        assert!(matches!(options.number("--seed"), Ok(Some(7))));
        assert!(options.has("--json") && !options.has("--load"));
        let refused = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().copied().map(String::from).collect();
            matches!(
                Options::read(&arguments, &["--seed"], &["--json"]),
                Err(Problem::Usage(_))
            )
        };
        assert!(refused(&["--sed", "7"]) && refused(&["--seed"]));
    }
}
