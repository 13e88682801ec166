//! The table of a run's processes: who was born, by whom, who lives, who ended.
//!
//! Filled by the tracer or by scans of `/proc`, and ignorant of both. A pid stands for its latest owner.

use std::collections::HashMap;

use super::outcome::ProcessRecord;
use super::procfs;
use core_process::{Signal, Status};

/// A process of the run.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) record: ProcessRecord,
    /// Its birth in clock ticks since boot: with the pid, its identity.
    pub(crate) start: u64,
    pub(crate) alive: bool,
    /// It ended, and somebody waited for it: its pid may belong to another.
    pub(crate) gone: bool,
    /// The cage has sent it SIGKILL.
    pub(crate) condemned: bool,
    /// The signal of the group stop that it is in.
    pub(crate) stopped: Option<i32>,
    /// The first signal after the end of the main process.
    pub(crate) told: Option<Signal>,
    /// System calls begun, as far as they were counted.
    pub(crate) calls: u64,
    /// See [`procfs::image`].
    pub(crate) image: Option<Vec<u8>>,
}

/// All processes of a run, in the order of birth.
#[derive(Default)]
pub(crate) struct Family {
    members: Vec<Member>,
    latest: HashMap<i32, usize>,
}

/// A birth, as it was noticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) pid: i32,
    pub(crate) ppid: i32,
    pub(crate) made_by: i32,
    pub(crate) start: u64,
    pub(crate) at: u64,
}

impl Family {
    pub(crate) fn born(&mut self, birth: Birth) -> &mut Member {
        let index = self.members.len();
        self.latest.insert(birth.pid, index);
        self.members.push(Member {
            record: ProcessRecord {
                pid: birth.pid,
                ppid: birth.ppid,
                made_by: birth.made_by,
                forked_at: birth.at,
                execs: 0,
                ended_at: None,
                status: None,
                name: procfs::name(birth.pid).unwrap_or_default(),
                signals: Vec::new(),
            },
            start: birth.start,
            alive: true,
            gone: false,
            condemned: false,
            stopped: None,
            told: None,
            calls: 0,
            image: None,
        });
        &mut self.members[index]
    }

    /// The latest owner of a pid.
    pub(crate) fn member(&mut self, pid: i32) -> Option<&mut Member> {
        let index = *self.latest.get(&pid)?;
        self.members.get_mut(index)
    }

    /// Its place in the order of birth: 0 is the main process.
    pub(crate) fn place(&self, pid: i32) -> Option<usize> {
        self.latest.get(&pid).copied()
    }

    /// Whether this very process is in the table.
    pub(crate) fn knows(&self, pid: i32, start: u64) -> bool {
        self.latest
            .get(&pid)
            .is_some_and(|index| self.members[*index].start == start)
    }

    pub(crate) fn all(&self) -> &[Member] {
        &self.members
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Member] {
        &mut self.members
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.alive)
    }

    /// Notes an end. The first position counts unless a later thread of the process proves that it went on.
    pub(crate) fn ended(&mut self, pid: i32, status: Option<Status>, at: u64) {
        let Some(member) = self.member(pid) else { return };
        member.alive = false;
        member.stopped = None;
        member.record.status = status.or(member.record.status);
        member.record.ended_at.get_or_insert(at);
    }

    /// Processes that exist now, those that nobody has waited for included.
    pub(crate) fn existing(&mut self) -> usize {
        for member in self
            .members
            .iter_mut()
            .filter(|member| !member.alive && !member.gone)
        {
            member.gone = !procfs::exists(member.record.pid, member.start);
        }
        self.members.iter().filter(|member| !member.gone).count()
    }

    pub(crate) fn into_records(self) -> Vec<ProcessRecord> {
        self.members.into_iter().map(|member| member.record).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Birth, Family};
    use core_process::Status;

    fn birth(pid: i32, at: u64) -> Birth {
        Birth {
            pid,
            ppid: 1,
            made_by: 1,
            start: at,
            at,
        }
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let mut family = Family::default();
        family.born(birth(1_000_000_000, 5));
        family.ended(1_000_000_000, Some(Status::Exited(0)), 6);
        family.born(birth(1_000_000_000, 9));
        assert!(family.knows(1_000_000_000, 9) && !family.knows(1_000_000_000, 5));
        assert_eq!(family.alive().count(), 1);
        let records = family.into_records();
        assert_eq!((records[0].ended_at, records[1].ended_at), (Some(6), None));
    }

    #[test]
    fn a_pid_that_no_process_has_does_not_exist() {
        let mut family = Family::default();
        family.born(birth(1_000_000_000, 5));
        assert_eq!(family.existing(), 1);
        family.ended(1_000_000_000, None, 6);
        assert_eq!(family.existing(), 0);
    }
}
