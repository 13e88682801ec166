//! What is left when the main process has ended, and the end of it.
//!
//! A process is looked up by pid and start time and killed through a pidfd, so that a reused pid harms nobody.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal as Sig, kill_process_group, pidfd_open, pidfd_send_signal};

use super::diagnosis::End;
use super::family::{Family, Member};
use super::outcome::{Leftovers, Orphan, Zombie};
use super::private::Outputs;
use super::procfs::{self, Stat};
use super::sys;
use super::trace::status;
use super::waiting;

/// How long a killed process may take to end. Only one that the kernel holds in an uninterruptible sleep takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at what the main process leaves behind, among these. It must be held at its end, or just have ended.
pub(crate) fn look(family: &Family, main: i32, candidates: Vec<Stat>) -> Leftovers {
    let mut leftovers = Leftovers::default();
    let open = procfs::descriptors(main).into_iter().filter(|open| open.fd > 2);
    leftovers.open = open
        .map(|open| End {
            fd: open.fd,
            end: waiting::pipe_end_of(main, &open),
            target: open.target,
        })
        .collect();
    for stat in candidates.into_iter().filter(|stat| stat.pid != main) {
        let known = known(family, &stat);
        // One that has passed its exit event, or has a SIGKILL on its way, is as good as dead.
        let is_dead =
            stat.is_dead() || known.is_some_and(|member| !member.alive) || procfs::is_being_killed(stat.pid);
        if is_dead {
            leftovers.zombies.push(Zombie {
                pid: stat.pid,
                ppid: known.map_or(parent_of(&stat), |member| member.record.ppid),
                name: known.map_or(stat.name, |member| member.record.name.clone()),
                status: known
                    .and_then(|member| member.record.status)
                    .or_else(|| stat.exit.and_then(status)),
            });
        } else {
            leftovers.orphans.push(orphan(known, main, &stat));
        }
    }
    leftovers
}

/// A living process that the main process leaves behind.
pub(crate) fn orphan(known: Option<&Member>, main: i32, stat: &Stat) -> Orphan {
    let open = procfs::descriptors(stat.pid);
    Orphan {
        pid: stat.pid,
        made_by: known.map_or(parent_of(stat), |member| member.record.made_by),
        command: procfs::command(stat.pid).unwrap_or_default(),
        state: stat.state,
        own_session: stat.session != main,
        holds_output: open.iter().any(|open| Outputs::is_link_of_them(&open.target)),
        told: None,
        ended: None,
    }
}

/// The member of the family that this very process is.
pub(crate) fn known<'a>(family: &'a Family, stat: &Stat) -> Option<&'a Member> {
    let member = family.place(stat.pid).and_then(|place| family.all().get(place));
    member.filter(|member| member.start == stat.start)
}

/// 0 if the parent has ended: then the process is a child of the warden.
fn parent_of(stat: &Stat) -> i32 {
    if stat.ppid == std::process::id() as i32 {
        0
    } else {
        stat.ppid
    }
}

/// Prepares for a fork bomb that no tracer will stop. The kernel limits it, where it does (not for root); and the warden
/// runs before it, where that is permitted (to root): among thousands of equals it would not be run in time.
pub(crate) fn brace(main: i32, threads: u32) {
    let user = rustix::process::getuid();
    if !user.is_root() {
        let most = Some(procfs::threads_of_user(user.as_raw()) + u64::from(threads));
        // An error means that the child is dead already.
        let _ = rustix::process::prlimit(
            Pid::from_raw(main),
            rustix::process::Resource::Nproc,
            rustix::process::Rlimit {
                current: most,
                maximum: most,
            },
        );
    }
    sys::run_first();
}

/// Undoes [`brace`] for the warden.
pub(crate) fn relax() {
    sys::run_as_others();
}

/// Sends SIGKILL to every member of the process group that `leader` leads. It must not have been waited for.
pub(crate) fn condemn_group(leader: i32) {
    if let Some(leader) = Pid::from_raw(leader).filter(|_| leader > 1) {
        // An error means that the group is empty, or not made yet.
        let _ = kill_process_group(leader, Sig::KILL);
    }
}

/// Sends SIGKILL to all of these descendants of the warden that are alive.
pub(crate) fn condemn(family: &mut Family, warden: i32, left: &[Stat]) {
    for member in family
        .all_mut()
        .iter_mut()
        .filter(|member| member.alive && !member.condemned)
    {
        member.condemned = true;
    }
    // By groups first: that takes a whole group at once, so that no member can fork meanwhile. A group of a session that
    // is not the warden's has descendants alone in it, and the member found keeps its number from being used again.
    let own = procfs::stat(warden).map(|stat| stat.session);
    let groups: HashSet<i32> = left
        .iter()
        .filter(|stat| Some(stat.session) != own && stat.group > 1)
        .map(|stat| stat.group)
        .collect();
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Sig::KILL);
    }
    for stat in left.iter().filter(|stat| !stat.is_dead()) {
        // An error means that it has ended meanwhile.
        let _ = kill(stat);
    }
}

/// SIGKILL to this very process.
fn kill(stat: &Stat) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(stat.pid) else {
        return Ok(());
    };
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    if procfs::exists(stat.pid, stat.start) {
        pidfd_send_signal(&pidfd, Sig::KILL)?;
    }
    Ok(())
}
