//! One run from its start to its last process: the loop of the warden.
//!
//! It sleeps in `poll` until a child or tracee reports (a signalfd for SIGCHLD) or a tick has passed; a tick is needed
//! because the journal, the output and the memory grow without telling. Decisions are made by [`Quiet`], [`Tracees`] and
//! [`Family`]; this file gives them their facts in the right order.
//!
//! Belongs to a process with one thread: it waits for *any* child.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal as Sig};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::diagnose::diagnose;
use super::end;
use super::family::{Birth, Family};
use super::launch::{self, Start};
use super::outcome::{Ended, Leftovers, Resource, Tracer};
use super::private::Outputs;
use super::procfs;
use super::quiet::Quiet;
use super::scan::Scanner;
use super::shm;
use super::spec::{Budget, Deaths, Tracing};
use super::sys::{self, Report};
use super::trace::{Scene, Tracees};
use crate::inject::{Fault, Injected, Injector};
use core_process::Status;

/// The longest time between two looks at the journal, the output and the memory.
const TICK: Duration = Duration::from_millis(10);
/// The same without a tracer, where a look finds births and deaths as well.
const SCAN_TICK: Duration = Duration::from_millis(3);
/// Reports taken before the limits are looked at again.
const BATCH: usize = 64;

/// What a run is watched for.
pub(crate) struct Terms<'a> {
    pub(crate) budget: &'a Budget,
    pub(crate) settle: Duration,
    pub(crate) deaths: Deaths,
    pub(crate) faults: &'a [Fault],
    pub(crate) tracing: Tracing,
    pub(crate) outputs: Option<&'a Outputs>,
    pub(crate) keep_open: &'a [RawFd],
    pub(crate) position: &'a dyn Fn() -> u64,
}

/// What the watch has seen.
pub(crate) struct Watched {
    pub(crate) main_pid: i32,
    pub(crate) exit: Option<Status>,
    pub(crate) ended: Ended,
    pub(crate) family: Family,
    pub(crate) leftovers: Leftovers,
    /// Names in `/dev/shm` and who used them at the end of the main process.
    pub(crate) shm_users: HashMap<String, Vec<i32>>,
    pub(crate) injected: Vec<Injected>,
    pub(crate) elapsed: Duration,
    pub(crate) tracer: Tracer,
}

/// Runs a program under the terms. Afterwards no process of it exists.
///
/// # Errors
/// The program could not be started, or the kernel refused what the warden needs.
pub(crate) fn watch(start: &Start<'_>, terms: &Terms<'_>) -> io::Result<Watched> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let mut watch = Watch::begin(start, terms)?;
    let result = watch.follow();
    // Whatever happened, nothing of the run may stay.
    let cleared = watch.clear();
    end::relax();
    let ended = result?;
    cleared?;
    if let Some(error) = watch.start_error() {
        return Err(error);
    }
    Ok(watch.into_watched(ended))
}

pub(crate) struct Watch<'a> {
    terms: &'a Terms<'a>,
    main: i32,
    pub(crate) family: Family,
    pub(crate) facts: Facts,
    injector: Injector,
    leftovers: Leftovers,
    shm_users: HashMap<String, Vec<i32>>,
    signals: SignalFd,
    errors: OwnedFd,
    started: Instant,
    elapsed: Option<Duration>,
    is_clearing: bool,
    is_main_done: bool,
    tracer: Tracer,
}

/// Where births and deaths are learnt from.
pub(crate) enum Facts {
    Traced(Tracees),
    Scanned(Scanner),
}

impl<'a> Watch<'a> {
    fn begin(start: &Start<'_>, terms: &'a Terms<'a>) -> io::Result<Watch<'a>> {
        let mut mask = SigSet::empty();
        mask.add(Sig::SIGCHLD);
        mask.thread_block()?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;

        let started = Instant::now();
        let child = launch::launch(start)?;
        let main = child.pid;
        let mut family = Family::default();
        let at = (terms.position)();
        let begun = procfs::stat(main).map_or(0, |stat| stat.start);
        let warden = std::process::id() as i32;
        family.born(Birth {
            pid: main,
            ppid: warden,
            made_by: warden,
            start: begun,
            at,
        });

        let refused = match terms.tracing {
            Tracing::ProcOnly => Some("ptrace was not asked for".to_owned()),
            Tracing::Auto => sys::seize(main)
                .err()
                .map(|error| format!("ptrace is not permitted here: {error}")),
        };
        let (facts, tracer) = match refused {
            None => (Facts::Traced(Tracees::new(main, terms.deaths)), Tracer::Ptrace),
            Some(why) => {
                if let Some(member) = family.member(main) {
                    member.image = procfs::image(warden);
                }
                end::brace(main, terms.budget.threads());
                (Facts::Scanned(Scanner::new(main)), Tracer::ProcOnly(why))
            }
        };
        let errors = child.open()?;
        Ok(Watch {
            terms,
            main,
            family,
            facts,
            injector: Injector::new(terms.faults),
            leftovers: Leftovers::default(),
            shm_users: HashMap::new(),
            signals,
            errors,
            started,
            elapsed: None,
            is_clearing: false,
            is_main_done: false,
            tracer,
        })
    }

    /// Until the main process has ended and its descendants have had their time, or the run is to be ended.
    fn follow(&mut self) -> io::Result<Ended> {
        let tick = self.tick();
        let mut quiet = Quiet::new(self.terms.budget.deadline, tick);
        loop {
            let is_drained = self.drain()?;
            if let Facts::Traced(tracees) = &mut self.facts {
                tracees.look_at_the_dying(&mut self.family, (self.terms.position)());
            }
            if let Some(limit) = self.exceeded() {
                self.elapsed = Some(self.started.elapsed());
                return Ok(limit);
            }
            if is_drained && self.main_is_over() {
                self.elapsed = Some(self.started.elapsed());
                self.is_main_done = true;
                self.leftovers = end::look(&self.family, self.main, self.candidates());
                self.leftovers
                    .open
                    .retain(|end| !self.terms.keep_open.contains(&end.fd));
                let users: Vec<i32> = self.leftovers.orphans.iter().map(|orphan| orphan.pid).collect();
                self.shm_users = shm::users(&[&[self.main], &users[..]].concat());
                if let Facts::Scanned(scanner) = &mut self.facts {
                    self.leftovers.zombies.append(&mut scanner.inherited);
                }
                self.settle()?;
                return Ok(Ended::Exited);
            }
            let pids = self.family.alive().map(|member| member.record.pid);
            if quiet.is_over((self.terms.position)(), self.events(), pids)? {
                // A report may have come while the control ran.
                if self.drain()?
                    && quiet.is_over((self.terms.position)(), self.events(), std::iter::empty())?
                {
                    self.elapsed = Some(self.started.elapsed());
                    return Ok(Ended::Hang(diagnose(&self.family, quiet.quiet())));
                }
            }
            if is_drained {
                self.sleep(tick)?;
            }
        }
    }

    /// Lets the main process go and gives its descendants time to end by themselves.
    fn settle(&mut self) -> io::Result<()> {
        if let Facts::Traced(tracees) = &mut self.facts {
            tracees.hold_nobody(&mut self.family, (self.terms.position)());
        }
        let until = Instant::now() + self.terms.settle;
        loop {
            self.drain()?;
            let left = until.saturating_duration_since(Instant::now());
            if self.family.alive().next().is_none() || left.is_zero() || self.exceeded().is_some() {
                break;
            }
            self.sleep(left.min(self.tick()))?;
        }
        for orphan in &mut self.leftovers.orphans {
            if let Some(member) = self.family.member(orphan.pid) {
                orphan.told = member.told;
                orphan.ended = member.record.status.filter(|_| !member.alive);
            }
        }
        Ok(())
    }

    /// Kills and reaps until nothing of the run is left.
    fn clear(&mut self) -> io::Result<()> {
        self.is_clearing = true;
        match &mut self.facts {
            Facts::Traced(tracees) => tracees.hold_nobody(&mut self.family, (self.terms.position)()),
            // While it has not been waited for, its number and the group that it leads are its own: one call takes a
            // fork bomb whole.
            Facts::Scanned(_) if self.family.all().first().is_some_and(|main| !main.gone) => {
                end::condemn_group(self.main);
            }
            Facts::Scanned(_) => {}
        }
        let warden = std::process::id() as i32;
        let begun = Instant::now();
        if self.family.alive().next().is_none() {
            // Nobody is left to be killed, as far as is known: the last ones only have to be reaped.
            self.drain()?;
            if self.has_no_child()? {
                return Ok(());
            }
            self.sleep(TICK)?;
        }
        loop {
            self.drain()?;
            if self.has_no_child()? {
                // Then there is no descendant either: an orphan would be a child of the warden, its subreaper.
                return Ok(());
            }
            let left = procfs::descendants(warden);
            self.note_escaped(&left);
            end::condemn(&mut self.family, warden, &left);
            if begun.elapsed() > end::PATIENCE {
                let count = left.len();
                return Err(io::Error::other(format!(
                    "{count} processes do not end although they were killed"
                )));
            }
            self.sleep(TICK)?;
        }
    }

    /// Processes that the tracer was kept from seeing (`CLONE_UNTRACED`) are leftovers too.
    fn note_escaped(&mut self, left: &[procfs::Stat]) {
        if !matches!(self.facts, Facts::Traced(_)) || !self.is_main_done {
            return;
        }
        for stat in left.iter().filter(|stat| !stat.is_dead()) {
            let is_noted = self.leftovers.orphans.iter().any(|orphan| orphan.pid == stat.pid);
            if !is_noted && end::known(&self.family, stat).is_none() {
                self.leftovers.orphans.push(end::orphan(None, self.main, stat));
            }
        }
    }

    /// Processes that may be left: those of the family, or without a tracer all descendants.
    fn candidates(&self) -> Vec<procfs::Stat> {
        if let Facts::Scanned(_) = self.facts {
            return procfs::descendants(std::process::id() as i32);
        }
        let members = self.family.all().iter().filter(|member| !member.gone);
        members
            .filter_map(|member| procfs::stat(member.record.pid).filter(|stat| stat.start == member.start))
            .collect()
    }

    /// Takes the reports that are there, a batch at most. True: all of them.
    fn drain(&mut self) -> io::Result<bool> {
        while let Ok(Some(_)) = self.signals.read_signal() {}
        for _ in 0..BATCH {
            match sys::next_report() {
                Ok(Some((tid, report))) => self.accept(tid, report),
                Ok(None) => return Ok(self.scan()),
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(self.scan()),
                Err(error) => return Err(error),
            }
            // A fork bomb must not get its whole batch.
            if self.elapsed.is_none() && self.family.alive().count() > self.terms.budget.processes as usize {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn accept(&mut self, tid: i32, report: Report) {
        match &mut self.facts {
            Facts::Traced(tracees) => tracees.accept(
                tid,
                report,
                &mut Scene {
                    family: &mut self.family,
                    injector: &mut self.injector,
                    position: self.terms.position,
                },
            ),
            Facts::Scanned(scanner) => scanner.accept(tid, report, &mut self.family, (self.terms.position)()),
        }
    }

    fn scan(&mut self) -> bool {
        if let (Facts::Scanned(scanner), false) = (&mut self.facts, self.is_clearing) {
            scanner.scan(&mut self.family, (self.terms.position)());
        }
        true
    }

    fn main_is_over(&mut self) -> bool {
        let is_held = matches!(&self.facts, Facts::Traced(tracees) if tracees.is_main_held());
        is_held || self.family.all().first().is_some_and(|main| !main.alive)
    }

    fn exceeded(&mut self) -> Option<Ended> {
        let budget = self.terms.budget;
        let over = |what, observed, allowed| {
            (observed > allowed).then_some(Ended::Limit {
                what,
                observed,
                allowed,
            })
        };
        let alive = self.family.alive().count();
        if alive > budget.processes as usize || self.family.all().len() > budget.processes as usize {
            let existing = self.family.existing() as u64;
            if let Some(limit) = over(Resource::Processes, existing, u64::from(budget.processes)) {
                return Some(limit);
            }
        }
        if let Facts::Traced(tracees) = &self.facts {
            let limit = over(
                Resource::Threads,
                tracees.threads() as u64,
                u64::from(budget.threads()),
            );
            if limit.is_some() {
                return limit;
            }
        }
        if let Some(outputs) = self.terms.outputs {
            let limit = over(Resource::Output, outputs.bytes(), budget.output);
            if limit.is_some() {
                return limit;
            }
        }
        let total = over(
            Resource::Time,
            self.started.elapsed().as_millis() as u64,
            budget.total.as_millis() as u64,
        );
        total.or_else(|| over(Resource::Memory, self.memory(), budget.memory))
    }

    /// Bytes of all processes: the quick sum, and the exact one only when the quick one is too much.
    fn memory(&self) -> u64 {
        let pids = || self.family.alive().map(|member| member.record.pid);
        let quick: u64 = pids().map(procfs::resident).sum();
        if quick <= self.terms.budget.memory {
            quick
        } else {
            pids().map(procfs::proportional).sum()
        }
    }

    fn events(&self) -> u64 {
        match &self.facts {
            Facts::Traced(tracees) => tracees.events,
            Facts::Scanned(scanner) => scanner.events,
        }
    }

    fn tick(&self) -> Duration {
        match &self.facts {
            Facts::Traced(_) => TICK,
            Facts::Scanned(_) => SCAN_TICK,
        }
    }

    /// Until a child reports, for at most `most`.
    fn sleep(&self, most: Duration) -> io::Result<()> {
        let most = Timespec::try_from(most).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.signals, PollFlags::IN)], Some(&most)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// There is neither a child nor a tracee, dead or alive.
    fn has_no_child(&mut self) -> io::Result<bool> {
        match sys::next_report() {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(true),
            Err(error) => Err(error),
            Ok(None) => Ok(false),
            Ok(Some((tid, report))) => {
                self.accept(tid, report);
                Ok(false)
            }
        }
    }

    /// The exec never happened, and the child said why.
    fn start_error(&self) -> Option<io::Error> {
        launch::complaint(&self.errors)
    }

    fn into_watched(mut self, ended: Ended) -> Watched {
        // Under `/proc` alone a dying parent may have waited for a child that the cage had killed.
        let at = (self.terms.position)();
        for member in self.family.all_mut().iter_mut().filter(|member| member.alive) {
            member.alive = false;
            member.record.ended_at = Some(at);
        }
        Watched {
            main_pid: self.main,
            exit: self.family.all().first().and_then(|main| main.record.status),
            ended,
            family: self.family,
            leftovers: self.leftovers,
            shm_users: self.shm_users,
            injected: self.injector.into_injected(),
            elapsed: self.elapsed.unwrap_or_else(|| self.started.elapsed()),
            tracer: self.tracer,
        }
    }
}
