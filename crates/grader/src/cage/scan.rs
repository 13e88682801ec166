//! Births and deaths from `/proc` alone, where ptrace is forbidden.
//!
//! A scan finds the warden's descendants (the warden is their subreaper, so none can leave). What was born and died
//! between two scans is not seen, and positions are those of the scan. An exec is recognised by the addresses that it
//! draws anew.

use std::collections::HashSet;

use super::family::{Birth, Family};
use super::outcome::Zombie;
use super::procfs::{self, Stat};
use super::sys::Report;
use super::trace::{ending, status};

/// The scanner of one run.
pub(crate) struct Scanner {
    warden: i32,
    main: i32,
    is_main_over: bool,
    /// Children of the main process that the warden found dead after its end.
    pub(crate) inherited: Vec<Zombie>,
    /// Births, execs and ends so far: that they grow is progress.
    pub(crate) events: u64,
}

impl Scanner {
    pub(crate) fn new(main: i32) -> Scanner {
        Scanner {
            warden: std::process::id() as i32,
            main,
            is_main_over: false,
            inherited: Vec::new(),
            events: 0,
        }
    }

    /// A child of the warden has ended: the main process or an orphan.
    pub(crate) fn accept(&mut self, pid: i32, report: Report, family: &mut Family, position: u64) {
        let Some(status) = ending(report) else { return };
        self.events += 1;
        if family.place(pid).is_none() {
            family.born(Birth {
                pid,
                ppid: 0,
                made_by: 0,
                start: 0,
                at: position,
            });
        }
        family.ended(pid, Some(status), position);
        let Some(member) = family.member(pid) else { return };
        member.gone = true;
        if pid == self.main {
            self.is_main_over = true;
        } else if self.is_main_over {
            let (ppid, name) = (member.record.ppid, member.record.name.clone());
            self.inherited.push(Zombie {
                pid,
                ppid,
                name,
                status: Some(status),
            });
        }
    }

    /// Looks for births, execs and ends.
    pub(crate) fn scan(&mut self, family: &mut Family, position: u64) {
        let found = procfs::descendants(self.warden);
        for stat in &found {
            if !family.knows(stat.pid, stat.start) {
                self.events += 1;
                let Stat { pid, start, .. } = *stat;
                // A child of the warden that it has not made has lost its parent.
                let ppid = if stat.ppid == self.warden { 0 } else { stat.ppid };
                let image = family.member(ppid).and_then(|parent| parent.image.clone());
                family
                    .born(Birth {
                        pid,
                        ppid,
                        made_by: ppid,
                        start,
                        at: position,
                    })
                    .image = image;
            }
            self.look(stat, family, position);
        }
        let found: HashSet<(i32, u64)> = found.iter().map(|stat| (stat.pid, stat.start)).collect();
        for member in family.all_mut().iter_mut().filter(|member| member.alive) {
            if !found.contains(&(member.record.pid, member.start)) {
                self.events += 1;
                member.alive = false;
                member.gone = true;
                member.record.ended_at = Some(position);
            }
        }
    }

    fn look(&mut self, stat: &Stat, family: &mut Family, position: u64) {
        let Some(member) = family.member(stat.pid) else {
            return;
        };
        if stat.is_dead() {
            if member.alive {
                self.events += 1;
                family.ended(stat.pid, stat.exit.and_then(status), position);
            }
            return;
        }
        member.stopped = (stat.state == 'T').then_some(libc::SIGSTOP);
        member.record.name.clone_from(&stat.name);
        if let Some(image) = procfs::image(stat.pid)
            && member.image.as_ref() != Some(&image)
        {
            self.events += 1;
            member.record.execs += 1;
            member.image = Some(image);
        }
    }
}
