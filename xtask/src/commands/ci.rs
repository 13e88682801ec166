//! `ci`: everything that must hold before a change is taken, the same on a desk and on the server.

use std::process::{Command, Stdio};
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::cargo;
use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::screen::{FAIL, HEAD, OK, WARN, say};

/// Run all checks of the repository: format, lints, tests, documentation, rules, lessons, dependencies.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask ci\n  cargo xtask ci --only fmt,clippy,tidy\n  cargo xtask ci --without test"
)]
pub(crate) struct Ci {
    /// Only these steps.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEPS")]
    only: Vec<Step>,
    /// All but these steps.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "STEPS",
        conflicts_with = "only"
    )]
    without: Vec<Step>,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// rustfmt would change nothing.
    Fmt,
    /// clippy has no warning.
    Clippy,
    /// Every test passes.
    Test,
    /// The documentation builds without a warning.
    Doc,
    /// The workspace's rules hold, and generated files are up to date.
    Tidy,
    /// Every lesson grades itself.
    Verify,
    /// Licences and advisories of the dependencies, where cargo-deny is installed.
    Deny,
}

impl Ci {
    /// Runs the steps in order and stops at the first that fails.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let chosen = |step: &Step| {
            if self.only.is_empty() {
                !self.without.contains(step)
            } else {
                self.only.contains(step)
            }
        };
        for step in Step::value_variants().iter().filter(|step| chosen(step)) {
            let name = format!("{step:?}").to_lowercase();
            say!("{HEAD}== {name}{HEAD:#}");
            let began = Instant::now();
            if !step.is_possible() {
                say!("{WARN}skipped{WARN:#}  {name}: cargo-deny is not installed (cargo install cargo-deny)");
                continue;
            }
            let mut command = step.command(course)?;
            let mut running = interrupt::spawn(command.current_dir(&course.root))
                .map_err(|error| Failure::tool(format!("cannot run {command:?}: {error}")))?;
            let status = running
                .wait()
                .map_err(|error| Failure::tool(format!("cannot wait for {name}: {error}")))?;
            let took = began.elapsed().as_secs_f64();
            if !status.success() {
                say!("{FAIL}FAIL{FAIL:#}  {name}, {took:.1} s");
                return Err(
                    Failure::new(Kind::Step, format!("the step {name} failed ({status})"))
                        .advise(format!("Again, alone: cargo xtask ci --only {name}")),
                );
            }
            say!("{OK}ok{OK:#}    {name}, {took:.1} s");
        }
        Ok(0)
    }
}

impl Step {
    fn is_possible(self) -> bool {
        let probe = || {
            let mut command = cargo::command();
            command
                .args(["deny", "--version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        self != Step::Deny || probe()
    }

    fn command(self, course: &Course) -> Result<Command, Failure> {
        let cargo = |arguments: &[&str]| {
            let mut command = cargo::command();
            command.args(arguments);
            command
        };
        let ourselves = |arguments: &[&str]| {
            let program = std::env::current_exe()
                .map_err(|error| Failure::tool(format!("cannot find this program: {error}")))?;
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null());
            Ok(command)
        };
        Ok(match self {
            Step::Fmt => cargo(&["fmt", "--all", "--check"]),
            Step::Clippy => cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
            Step::Test => cargo(&["test", "--workspace"]),
            Step::Doc => {
                let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
                command.env("RUSTDOCFLAGS", "-D warnings");
                command
            }
            Step::Tidy => ourselves(&["tidy"])?,
            Step::Verify if course.lessons()?.is_empty() => ourselves(&["list"])?,
            Step::Verify => ourselves(&["verify"])?,
            Step::Deny => cargo(&["deny", "check"]),
        })
    }
}
