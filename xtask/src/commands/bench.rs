//! `bench`: the figures, ours beside the peers', and whether each target is met.

use std::collections::BTreeSet;

use clap::Args;

use crate::cargo;
use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::manifest::Manifest;
use crate::screen::{HEAD, WARN, say};

/// Measure the library beside raw system calls, other crates and CPython; each benchmark ends with its table of targets.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  cargo xtask bench --list\n  cargo xtask bench sync\n  cargo xtask bench sync -- --rows event,barrier\n\n\
                  All subjects take turns in one run, so the ratios can be trusted on a machine that is not quiet; the \
                  absolute times cannot. A benchmark takes some minutes, and leaves its table in target/bench."
)]
pub(crate) struct Bench {
    /// A crate; all that have benchmarks when it is left out.
    #[arg(value_name = "CRATE")]
    package: Option<String>,
    /// Only say which benchmarks there are.
    #[arg(long)]
    list: bool,
    /// Given to the benchmarks.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

impl Bench {
    /// Runs the benchmarks one after the other.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let mut found = benchmarks(course)?;
        if let Some(package) = &self.package {
            let known: BTreeSet<String> = found.iter().map(|(package, _)| package.clone()).collect();
            found.retain(|(found, _)| found == package);
            if found.is_empty() {
                let known = Vec::from_iter(known).join(", ");
                return Err(
                    Failure::new(Kind::Usage, format!("no crate {package} has a benchmark"))
                        .advise(format!("These have: {known}")),
                );
            }
        }
        if self.list {
            for (package, name) in found {
                say!("{package:14} {name}");
            }
            return Ok(0);
        }
        let mut failed = Vec::new();
        for (package, name) in &found {
            say!("{HEAD}== {package}: {name}{HEAD:#}");
            let mut command = cargo::command();
            command
                .current_dir(&course.root)
                .args(["bench", "-p", package, "--bench", name, "--"])
                .args(&self.arguments);
            let status = interrupt::spawn(&mut command)
                .and_then(|mut running| running.wait())
                .map_err(|error| Failure::tool(format!("cannot run cargo: {error}")))?;
            if !status.success() {
                say!("{WARN}failed{WARN:#}  {package}: {name} ({status})");
                failed.push(format!("{package}: {name}"));
            }
        }
        if failed.is_empty() {
            return Ok(0);
        }
        Err(Failure::new(
            Kind::Step,
            format!("these benchmarks failed: {}", failed.join(", ")),
        ))
    }
}

/// The benchmarks of every crate: its name and theirs.
fn benchmarks(course: &Course) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for module in &course.programme().modules {
        if course.has_crate(&module.crate_name) {
            let manifest = Manifest::read(&course.crate_folder(&module.crate_name).join("Cargo.toml"))?;
            let names = manifest.benchmarks();
            found.extend(names.into_iter().map(|name| (module.crate_name.clone(), name)));
        }
    }
    Ok(found)
}
