//! Reads from `/proc` what each process of a hanging run does, just before it is ended.

use std::time::Duration;

use super::deadlock::{self, Node};
use super::diagnosis::{Diagnosis, End, Object, Stuck, StuckThread, Waits};
use super::family::{Family, Member};
use super::procfs;
use super::waiting::{self, Around, Surroundings};

/// Looks at every living process.
pub(crate) fn diagnose(family: &Family, quiet: Duration) -> Diagnosis {
    let around = family.alive().filter_map(|member| {
        let pid = member.record.pid;
        let mut threads = procfs::threads(pid);
        threads.sort_unstable();
        Some(Around {
            pid,
            ppid: procfs::stat(pid)?.ppid,
            threads,
            open: procfs::descriptors(pid),
            maps: procfs::maps(pid),
        })
    });
    let surroundings = Surroundings {
        processes: around.collect(),
        locks: procfs::locks(),
    };
    let mut processes: Vec<Stuck> = family
        .alive()
        .filter_map(|member| stuck(member, &surroundings))
        .collect();
    join_waiters(&mut processes);
    let nodes: Vec<Node> = processes.iter().map(node).collect();
    Diagnosis {
        quiet,
        cycle: deadlock::ring(&nodes),
        processes,
    }
}

fn stuck(member: &Member, surroundings: &Surroundings) -> Option<Stuck> {
    let pid = member.record.pid;
    let me = surroundings.processes.iter().find(|process| process.pid == pid)?;
    let stat = procfs::stat(pid)?;
    let threads: Vec<StuckThread> = me
        .threads
        .iter()
        .filter_map(|tid| thread(member, me, *tid, surroundings))
        .collect();
    let mut waits_for: Vec<i32> = threads
        .iter()
        .flat_map(|thread| objects(&thread.waits))
        .flat_map(|object| surroundings.helpers(me, object))
        .filter(|pid| surroundings.processes.iter().any(|process| process.pid == *pid))
        .collect();
    waits_for.sort_unstable();
    waits_for.dedup();
    Some(Stuck {
        pid,
        ppid: stat.ppid,
        name: stat.name,
        state: if member.stopped.is_some() { 'T' } else { stat.state },
        stopped: member.stopped.and_then(core_process::Signal::new),
        cpu: Duration::from_secs_f64(stat.cpu as f64 / rustix::param::clock_ticks_per_second() as f64),
        threads,
        ends: ends(me),
        waits_for,
    })
}

fn thread(member: &Member, me: &Around, tid: i32, surroundings: &Surroundings) -> Option<StuckThread> {
    let stat = procfs::task_stat(me.pid, tid)?;
    let call = waiting::call(me.pid, tid);
    let waits = match (&call, stat.state) {
        _ if member.stopped.is_some() => Waits::Stopped,
        (_, 'R') => Waits::Not,
        (Some(call), _) => surroundings.waits(me, tid, call),
        (None, _) => Waits::Unknown,
    };
    let state = if member.stopped.is_some() { 'T' } else { stat.state };
    Some(StuckThread {
        tid,
        name: stat.name,
        state,
        wchan: procfs::wchan(me.pid, tid),
        call,
        waits,
    })
}

fn objects(waits: &Waits) -> &[Object] {
    match waits {
        Waits::For { objects, .. } => objects,
        _ => &[],
    }
}

/// Tells each waiter for a shared word who else waits for it.
fn join_waiters(processes: &mut [Stuck]) {
    let mut waiters: Vec<(i32, String)> = Vec::new();
    for thread in processes.iter().flat_map(|process| &process.threads) {
        for object in objects(&thread.waits) {
            if let Object::Futex {
                shared: Some(place), ..
            } = object
            {
                waiters.push((thread.tid, place.clone()));
            }
        }
    }
    for thread in processes.iter_mut().flat_map(|process| &mut process.threads) {
        let Waits::For { objects, .. } = &mut thread.waits else {
            continue;
        };
        for object in objects {
            if let Object::Futex {
                shared: Some(place),
                also,
                ..
            } = object
            {
                let others = waiters
                    .iter()
                    .filter(|(tid, other)| *tid != thread.tid && other == place);
                also.extend(others.map(|(tid, _)| *tid));
            }
        }
    }
}

fn node(process: &Stuck) -> Node {
    // A wait with a time limit counts as blocked: a library that looks again from time to time is in one.
    let may_go_on = process.threads.iter().any(|thread| match &thread.waits {
        Waits::Not | Waits::Time | Waits::Unknown => true,
        Waits::Stopped => false,
        Waits::For { objects, .. } => objects.iter().any(|object| !is_inside(object)),
    });
    Node {
        pid: process.pid,
        may_go_on,
        waits_for: process.waits_for.clone(),
    }
}

/// All that could end the wait for the object is in the run, and known.
fn is_inside(object: &Object) -> bool {
    match object {
        Object::Socket { peers, .. } => !peers.is_empty(),
        Object::Descriptor { .. } => false,
        _ => true,
    }
}

fn ends(me: &Around) -> Vec<End> {
    let is_end = |target: &str| {
        [
            "pipe:",
            "socket:",
            "anon_inode:",
            "pidfd:",
            "/memfd:",
            "/dev/shm/",
        ]
        .iter()
        .any(|prefix| target.starts_with(prefix))
    };
    let open = me.open.iter().filter(|open| is_end(&open.target));
    open.map(|open| End {
        fd: open.fd,
        target: open.target.clone(),
        end: waiting::pipe_end_of(me.pid, open),
    })
    .collect()
}
