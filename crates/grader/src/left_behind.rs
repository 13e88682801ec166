//! What an answer left behind, from the journal's own scan and from what the cage found at the end.
//!
//! Invariant: what the library keeps for itself is nobody's leak; each process, descriptor and name is counted once, however
//! many saw it. Pure: facts in, at most one decision out, in the order zombie, orphan, descriptor, shared memory, file.

use crate::answer;
use crate::decide::{Decision, is_grader};
use crate::evidence::{Evidence, started_at};
use crate::journal::Event;
use crate::{Verdict, leaks};

/// What was left behind.
pub(crate) fn find<R>(evidence: &Evidence<R>) -> Option<Decision> {
    zombies(evidence)
        .or_else(|| orphans(evidence))
        .or_else(|| descriptors(evidence, leaks::DESCRIPTOR, Verdict::LeakFd))
        .or_else(|| shared_memory(evidence))
        .or_else(|| files(evidence))
}

fn zombies<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let mut pids = noted(evidence, leaks::ZOMBIE);
    // One that was seen alive when the answer was done is an orphan, though it may have ended since.
    let alive = noted(evidence, leaks::ORPHAN);
    let found = evidence.leftovers.zombies.iter().map(|zombie| zombie.pid);
    pids.extend(found.filter(|pid| !is_helper(evidence, *pid) && !alive.contains(pid)));
    pids.sort_unstable();
    pids.dedup();
    let first = *pids.first()?;
    let status = evidence.process(first).and_then(|process| process.status);
    let ended = status.map_or_else(|| "has ended".to_owned(), |status| format!("({status})"));
    let headline = format!(
        "{} left: pid {first} {ended}, and nobody waited for it",
        count(pids.len(), "dead child", "dead children")
    );
    let mut decision = Decision::of(Verdict::LeakZombie, headline);
    blame_start(evidence, &pids, &mut decision);
    Some(decision)
}

fn orphans<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let mut pids = noted(evidence, leaks::ORPHAN);
    let found = evidence.leftovers.abandoned().map(|orphan| orphan.pid);
    pids.extend(found.filter(|pid| !is_helper(evidence, *pid)));
    pids.sort_unstable();
    pids.dedup();
    let first = *pids.first()?;
    let details = evidence
        .leftovers
        .orphans
        .iter()
        .find(|orphan| orphan.pid == first);
    let session = details.is_some_and(|orphan| orphan.own_session);
    let output = details.is_some_and(|orphan| orphan.holds_output);
    let mut headline = format!(
        "{} still running when the answer was done: pid {first}",
        count(pids.len(), "process", "processes")
    );
    if session {
        headline.push_str(", in a session of its own");
    }
    if output {
        headline.push_str(", holding the output open");
    }
    let mut decision = Decision::of(Verdict::LeakOrphan, headline);
    blame_start(evidence, &pids, &mut decision);
    Some(decision)
}

/// The pids that the scan inside the answer's process wrote down under `name`.
fn noted<R>(evidence: &Evidence<R>, name: &str) -> Vec<i32> {
    let events = evidence.journal.events().iter();
    events
        .filter(|event| is_grader(event, name))
        .map(|event| event.object as i32)
        .collect()
}

fn is_helper<R>(evidence: &Evidence<R>, pid: i32) -> bool {
    evidence.helpers.iter().any(|helper| helper.pid == pid)
}

/// Says of each process who made it, and where.
fn blame_start<R>(evidence: &Evidence<R>, pids: &[i32], decision: &mut Decision) {
    for pid in pids {
        let maker = evidence.process(*pid).map(|process| process.made_by);
        let place = started_at(&evidence.journal, *pid).filter(|place| answer::owns(place));
        let mut line = format!("pid {pid}");
        if let Some(maker) = maker {
            line.push_str(&format!(" was made by pid {maker}"));
        }
        if let Some(place) = place {
            line.push_str(&format!(" at {}", answer::shown(place)));
            decision.place.get_or_insert_with(|| place.clone());
        }
        decision.interleaving.push(line);
    }
}

fn descriptors<R>(evidence: &Evidence<R>, name: &str, verdict: Verdict) -> Option<Decision> {
    let left: Vec<&Event> = evidence
        .journal
        .events()
        .iter()
        .filter(|event| is_grader(event, name))
        .collect();
    let first = left.first()?;
    let headline = format!(
        "{} left open: descriptor {} ({})",
        count(left.len(), "descriptor", "descriptors"),
        first.object,
        first.subject
    );
    let mut decision = Decision::of(verdict, headline);
    decision.interleaving = left
        .iter()
        .map(|event| format!("descriptor {}   {}", event.object, event.subject))
        .collect();
    Some(decision)
}

fn shared_memory<R>(evidence: &Evidence<R>) -> Option<Decision> {
    if let Some(decision) = descriptors(evidence, leaks::SHARED_MEMORY, Verdict::LeakShm) {
        return Some(decision);
    }
    if let Some(decision) = mapped(evidence) {
        return Some(decision);
    }
    let ours: Vec<_> = evidence
        .leftovers
        .shm
        .iter()
        .filter(|segment| segment.certain)
        .collect();
    let first = ours.first()?;
    let headline = format!(
        "{} left: /dev/shm/{} of {} bytes",
        count(ours.len(), "segment", "segments"),
        first.name,
        first.bytes
    );
    let mut decision = Decision::of(Verdict::LeakShm, headline);
    decision.interleaving = ours
        .iter()
        .map(|segment| format!("/dev/shm/{}   {} bytes", segment.name, segment.bytes))
        .collect();
    Some(decision)
}

fn mapped<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let events = evidence.journal.events().iter();
    let left: Vec<&Event> = events.filter(|event| is_grader(event, leaks::MAPPING)).collect();
    let first = left.first()?;
    let headline = format!(
        "{} of shared memory left mapped: {}",
        count(left.len(), "piece", "pieces"),
        first.subject
    );
    let mut decision = Decision::of(Verdict::LeakShm, headline);
    decision.interleaving = left.iter().map(|event| event.subject.clone()).collect();
    Some(decision)
}

fn files<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let left = &evidence.leftovers.files;
    let first = left.first()?;
    let mut decision = Decision::of(
        Verdict::LeakFile,
        format!("{} left: {}", count(left.len(), "file", "files"), first.display()),
    );
    decision.interleaving = left
        .iter()
        .take(8)
        .map(|file| file.display().to_string())
        .collect();
    Some(decision)
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
