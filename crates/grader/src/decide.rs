//! Which verdict a run gets. Pure: facts in, one decision out.
//!
//! Precedence: LIMIT, HANG, CRASH, the first failed check in declared order, then what was left behind, in the order zombie,
//! orphan, descriptor, shared memory, file. What stands earlier explains what stands later: a process that hangs has not
//! returned a value, and one that crashed could not tidy up.

use crate::answer;
use crate::cage::{Ended, Resource, Status};
use crate::evidence::{Evidence, started_at};
use crate::findings::Findings;
use crate::journal::{Event, Source};
use crate::scenario::Subject;
use crate::timeline::lines;
use crate::{Place, Verdict, act, hang, leaks};

/// What is said about one run.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) headline: String,
    pub(crate) interleaving: Vec<String>,
    pub(crate) place: Option<Place>,
    pub(crate) processes: Vec<String>,
}

impl Decision {
    fn of(verdict: Verdict, headline: String) -> Decision {
        Decision {
            verdict,
            headline,
            interleaving: Vec::new(),
            place: None,
            processes: Vec::new(),
        }
    }
}

/// Whether the answer's function, or its `main`, is what returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Function,
    Program,
}

impl Form {
    pub(crate) fn of(subject: &Subject) -> Form {
        match subject {
            Subject::Function(_) => Form::Function,
            Subject::Program { .. } => Form::Program,
        }
    }
}

/// Whether the answer said that it was done.
pub(crate) fn is_done<R>(evidence: &Evidence<R>) -> bool {
    evidence
        .journal
        .by_pid(evidence.main_pid)
        .any(|event| is_grader(event, act::DONE))
}

/// What ended the run before its checks could be made: LIMIT, HANG, CRASH.
pub(crate) fn cut_short<R>(form: Form, ended: &Ended, evidence: &Evidence<R>) -> Option<Decision> {
    match ended {
        Ended::Limit {
            what,
            observed,
            allowed,
        } => Some(Decision::of(Verdict::Limit, over(*what, *observed, *allowed))),
        Ended::Hang(diagnosis) => {
            let quiet = diagnosis.quiet.as_secs_f64();
            let left = diagnosis.processes.len();
            let mut decision = Decision::of(
                Verdict::Hang,
                format!(
                    "no event for {:.1} s (confirmed at {quiet:.1} s); {left} process{} left, ended by the grader",
                    quiet / 3.0,
                    if left == 1 { "" } else { "es" }
                ),
            );
            decision.processes = hang::describe(diagnosis, &evidence.journal, evidence.main_pid);
            decision.place = hang::culprit(diagnosis, &evidence.journal).cloned();
            Some(decision)
        }
        Ended::Exited if evidence.journal.dropped() > 0 => Some(Decision::of(
            Verdict::Limit,
            format!(
                "more events than the journal holds: {} did not fit",
                evidence.journal.dropped()
            ),
        )),
        Ended::Exited => crash(form, evidence),
    }
}

fn over(what: Resource, observed: u64, allowed: u64) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    match what {
        Resource::Memory => format!("{} of memory, {} are allowed", mib(observed), mib(allowed)),
        Resource::Output => format!("{} of output, {} are allowed", mib(observed), mib(allowed)),
        Resource::Processes => format!("{observed} processes at the same time, {allowed} are allowed"),
        Resource::Threads => format!("{observed} threads at the same time, {allowed} are allowed"),
        Resource::Time => format!(
            "still busy after {:.1} s; the whole run may take {:.1} s",
            observed as f64 / 1e3,
            allowed as f64 / 1e3
        ),
    }
}

/// The main process died by a signal or a panic that nobody injected, before it was done.
fn crash<R>(form: Form, evidence: &Evidence<R>) -> Option<Decision> {
    let main = evidence.main_pid;
    if is_done(evidence) && form == Form::Function || evidence.injected.iter().any(|fault| fault.pid == main)
    {
        return None;
    }
    let panic = evidence.journal.panic_of(main);
    match evidence.exit {
        Some(Status::Signaled(signal)) if panic.is_none() => Some(Decision::of(
            Verdict::Crash,
            format!("pid {main} (main) was killed by {signal}"),
        )),
        Some(Status::Signaled(_) | Status::Exited(101)) => {
            let panic = panic?;
            let cause = panics_of_children(evidence).next();
            let mut decision = Decision::of(Verdict::Crash, format!("pid {main} (main) {}", panicked(panic)));
            decision.interleaving = cause
                .iter()
                .map(|event| format!("before that, pid {} {}", event.pid, panicked(event)))
                .collect();
            let own = |event: &&Event| event.location.as_ref().is_some_and(answer::owns);
            decision.place = cause
                .filter(own)
                .or(Some(panic).filter(own))
                .and_then(|event| event.location.clone());
            Some(decision)
        }
        _ => None,
    }
}

/// A check failed, and a child of the answer panicked in the answer's own code: that is the reason, so it is said.
pub(crate) fn crash_of_a_child<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let panic =
        panics_of_children(evidence).find(|event| event.location.as_ref().is_some_and(answer::owns))?;
    let mut decision = Decision::of(Verdict::Crash, format!("pid {} {}", panic.pid, panicked(panic)));
    decision.place.clone_from(&panic.location);
    Some(decision)
}

fn panics_of_children<R>(evidence: &Evidence<R>) -> impl Iterator<Item = &Event> {
    let main = evidence.main_pid;
    evidence
        .journal
        .named(crate::journal::PANIC)
        .filter(move |event| event.source == Source::Grader && event.pid != main)
}

fn panicked(event: &Event) -> String {
    let place = event
        .location
        .as_ref()
        .map_or_else(String::new, |place| format!(" at {}", answer::shown(place)));
    format!("panicked{place}: {}", event.subject)
}

/// The first failed check.
pub(crate) fn failed_check(found: &Findings) -> Option<Decision> {
    let failure = found.first_failure()?;
    let mut decision = Decision::of(failure.verdict, failure.observed.clone());
    decision.interleaving.clone_from(&failure.lines);
    decision.place.clone_from(&failure.place);
    Some(decision)
}

/// The function never returned, and nothing else says why.
pub(crate) fn never_returned<R>(evidence: &Evidence<R>) -> Decision {
    let how = evidence
        .exit
        .map_or_else(|| "ended".to_owned(), |status| status.to_string());
    Decision::of(
        Verdict::Wrong,
        format!(
            "pid {} (main) {how} before the function had returned",
            evidence.main_pid
        ),
    )
}

/// What was left behind.
pub(crate) fn left_behind<R>(evidence: &Evidence<R>) -> Option<Decision> {
    zombies(evidence)
        .or_else(|| orphans(evidence))
        .or_else(|| descriptors(evidence, leaks::DESCRIPTOR, Verdict::LeakFd))
        .or_else(|| shared_memory(evidence))
        .or_else(|| files(evidence))
}

fn zombies<R>(evidence: &Evidence<R>) -> Option<Decision> {
    let mut pids: Vec<i32> = evidence
        .journal
        .events()
        .iter()
        .filter(|e| is_grader(e, leaks::ZOMBIE))
        .map(|e| e.object as i32)
        .collect();
    let helper = |pid: i32| evidence.helpers.iter().any(|helper| helper.pid == pid);
    pids.extend(
        evidence
            .leftovers
            .zombies
            .iter()
            .map(|zombie| zombie.pid)
            .filter(|pid| !helper(*pid)),
    );
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
    let noted = evidence
        .journal
        .events()
        .iter()
        .filter(|event| is_grader(event, leaks::ORPHAN));
    let mut pids: Vec<i32> = noted.map(|event| event.object as i32).collect();
    let helper = |pid: i32| evidence.helpers.iter().any(|helper| helper.pid == pid);
    pids.extend(
        evidence
            .leftovers
            .abandoned()
            .map(|orphan| orphan.pid)
            .filter(|pid| !helper(*pid)),
    );
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

fn is_grader(event: &Event, name: &str) -> bool {
    event.source == Source::Grader && event.name == name
}

/// The last lines of the workload, when a check shows none of its own.
pub(crate) fn last_notes<R>(evidence: &Evidence<R>) -> Vec<String> {
    const LAST: usize = 12;
    let notes: Vec<&Event> = evidence
        .journal
        .events()
        .iter()
        .filter(|event| event.source == Source::Work)
        .collect();
    let skipped = notes.len().saturating_sub(LAST);
    let mut text = if skipped > 0 {
        vec![format!("({skipped} earlier events)")]
    } else {
        Vec::new()
    };
    text.extend(lines(notes[skipped..].iter().copied()));
    text
}
