//! One program in one cage, with its journal: from a case and a seed to the evidence.
//!
//! Invariant: whoever dies, nothing is left: journal and value are memory without a name, and the warden takes the cage with it.
//! It does not know what the evidence means.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;

use core_process::shm::Segment;
use core_process::{Process, StartMethod};

use crate::cage::{self, CageOutcome, CageSpec, Deaths, ProcessRecord, Tracer, Tracing};
use crate::evidence::Evidence;
use crate::journal::Journal;
use crate::journal::log::{ENVIRONMENT, Log};
use crate::scenario::Scenario;
use crate::{Budget, Case, Source, decide, leaks};

/// Set to `proc`, this environment variable has the cage do without ptrace, as where it is forbidden.
const TRACING: &str = "GRADER_TRACING";

/// One program in one cage, with its journal.
pub(crate) struct Caged<'a> {
    pub(crate) case: &'a Case,
    /// `None` for an example.
    pub(crate) scenario: Option<&'a Scenario>,
    pub(crate) seed: u64,
    pub(crate) budget: Budget,
}

impl Caged<'_> {
    /// Runs it: what the cage saw, the journal, and the value's JSON if the answer returned.
    pub(crate) fn run(&self) -> Result<(CageOutcome, Log, Option<Vec<u8>>), String> {
        let failed = |what: &str, error: std::io::Error| format!("{what}: {error}");
        let log = Log::create().map_err(|error| failed("journal", error))?;
        // Memory without a name: nothing is left of it, whoever dies.
        let memory = rustix::fs::memfd_create("grader-value", rustix::fs::MemfdFlags::CLOEXEC);
        let mut value = File::from(memory.map_err(|error| failed("value", error.into()))?);
        let spec = self
            .spec(&log, &value)
            .map_err(|error| failed("this program's own path", error))?;
        let outcome = in_warden(&spec, &log)?;
        let mut json = Vec::new();
        value
            .seek(SeekFrom::Start(0))
            .and_then(|_| value.read_to_end(&mut json))
            .map_err(|error| failed("value", error))?;
        Ok((outcome, log, (!json.is_empty()).then_some(json)))
    }

    fn spec(&self, log: &Log, value: &File) -> std::io::Result<CageSpec> {
        let journal = log.path();
        let mut args: Vec<String> = ["act", "--lesson", self.case.lesson, "--case", self.case.name]
            .map(String::from)
            .to_vec();
        if let Some(scenario) = self.scenario {
            args.extend(["--scenario".to_owned(), scenario.name.to_owned()]);
        }
        args.extend(["--seed".to_owned(), self.seed.to_string()]);
        args.extend(["--journal".to_owned(), journal.clone()]);
        args.extend([
            "--value".to_owned(),
            format!("/proc/{}/fd/{}", std::process::id(), value.as_raw_fd()),
        ]);
        let budget = self.budget;
        Ok(CageSpec {
            args,
            env: vec![(ENVIRONMENT.to_owned(), journal)],
            budget: cage::Budget {
                deadline: budget.deadline(),
                total: budget.total(),
                processes: budget.processes,
                memory: budget.memory_mib << 20,
                output: budget.output_kib << 10,
            },
            faults: self
                .scenario
                .map_or_else(Vec::new, |scenario| scenario.faults.clone()),
            deaths: self.scenario.map_or(Deaths::Prompt, |scenario| scenario.deaths),
            tracing: match std::env::var(TRACING).as_deref() {
                Ok("proc") => Tracing::ProcOnly,
                _ => Tracing::Auto,
            },
            // This very program: its file may have been replaced meanwhile, by a check of another answer.
            ..CageSpec::new(format!("/proc/{}/exe", std::process::id()))
        })
    }
}

/// Runs the cage in a process of its own: the warden traces, waits for any child and becomes a subreaper, which the judge must
/// not. If the judge dies, the warden does, and with it all that is in the cage.
fn in_warden(spec: &CageSpec, log: &Log) -> Result<CageOutcome, String> {
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("the warden {what}: {error}");
    let segment = log.share().map_err(|error| failed("gets no journal", &error))?;
    let warden = Process::new(warden, (spec.clone(), segment))
        .name("warden")
        .method(StartMethod::Spawn);
    let child = warden
        .start()
        .map_err(|error| failed("cannot be started", &error))?;
    child.join().map_err(|error| failed("died", &error))?
}

fn warden(spec: CageSpec, journal: Segment) -> Result<CageOutcome, String> {
    let log = Log::of(journal).map_err(|error| format!("journal: {error}"))?;
    cage::run(&spec, &|| log.position()).map_err(|error| format!("cage: {error}"))
}

/// What the cage and the journal know, put together.
pub(crate) fn evidence(outcome: CageOutcome, log: &Log, value: Option<Vec<u8>>) -> Evidence<Vec<u8>> {
    let journal = Journal::read(log);
    let noted = |pid: i32| {
        let mut events = journal.events().iter();
        events.any(|event| {
            event.source == Source::Grader && event.name == leaks::HELPER && event.object == pid as u64
        })
    };
    // A program that ends by `exit` notes nothing; but the library names its server. A fork of the server has the name too
    // until it gets its own, and is told by its maker.
    let named: Vec<i32> = outcome
        .processes
        .iter()
        .filter(|process| process.name == leaks::FORK_SERVER)
        .map(|process| process.pid)
        .collect();
    let is_server =
        |process: &ProcessRecord| named.contains(&process.pid) && !named.contains(&process.made_by);
    let is_helper = |process: &ProcessRecord| is_server(process) || noted(process.pid);
    let (helpers, processes) = outcome.processes.into_iter().partition(is_helper);
    Evidence {
        value,
        processes,
        helpers,
        main_pid: outcome.main_pid,
        exit: outcome.exit,
        cpu: decide::cpu(&journal, outcome.main_pid),
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        leftovers: outcome.leftovers,
        injected: outcome.injected,
        exact: outcome.tracer == Tracer::Ptrace,
        journal,
    }
}
