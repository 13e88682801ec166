//! Which verdict a run gets. Pure: facts in, one decision out.
//!
//! Precedence: LIMIT, HANG, CRASH, the first failed check in declared order, then what was left behind, in the order zombie,
//! orphan, descriptor, shared memory, file. What stands earlier explains what stands later: a process that hangs has not
//! returned a value, and one that crashed could not tidy up.

use std::time::Duration;

use crate::answer;
use core_process::Status;

use crate::cage::{Ended, Resource};
use crate::evidence::Evidence;
use crate::findings::Findings;
use crate::journal::{Event, Journal, Source};
use crate::scenario::Subject;
use crate::timeline::lines;
use crate::{Place, Verdict, act, hang, left_behind};

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
    pub(crate) fn of(verdict: Verdict, headline: String) -> Decision {
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

/// Decides: `None` is a pass. With it, the findings, if the lesson's judge was asked.
///
/// # Errors
/// The judge's own: a mistake of the lesson.
pub(crate) fn decide(
    form: Form,
    ended: &Ended,
    evidence: Evidence<Vec<u8>>,
    mut found: Findings,
    judge: impl FnOnce(Evidence<Vec<u8>>, &mut Findings) -> Result<(), String>,
) -> Result<(Option<Decision>, Option<Findings>), String> {
    if let Some(decision) = cut_short(form, ended, &evidence) {
        return Ok((Some(decision), None));
    }
    if form == Form::Function && !is_done(&evidence) {
        let decision = left_behind::find(&evidence).unwrap_or_else(|| never_returned(&evidence));
        return Ok((Some(decision), None));
    }
    // What stands after the checks is looked at before them: the judge takes the evidence with it.
    let child = crash_of_a_child(&evidence);
    let left = left_behind::find(&evidence);
    let last = last_notes(&evidence);
    judge(evidence, &mut found)?;
    if let Some(undeclared) = found.undeclared().first() {
        return Err(undeclared.clone());
    }
    let failed = failed_check(&found).map(|failed| match child {
        Some(child) => Decision {
            interleaving: vec![failed.headline],
            ..child
        },
        None if failed.interleaving.is_empty() => Decision {
            interleaving: last,
            ..failed
        },
        None => failed,
    });
    Ok((failed.or(left), Some(found)))
}

/// Whether the answer said that it was done.
fn is_done<R>(evidence: &Evidence<R>) -> bool {
    evidence
        .journal
        .by_pid(evidence.main_pid)
        .any(|event| is_grader(event, act::DONE))
}

/// Processor time of the main process while the answer ran, as it said at its end.
pub(crate) fn cpu(journal: &Journal, main_pid: i32) -> Option<Duration> {
    let done = journal
        .by_pid(main_pid)
        .find(|event| is_grader(event, act::DONE))?;
    u64::try_from(done.value).ok().map(Duration::from_micros)
}

/// What ended the run before its checks could be made: LIMIT, HANG, CRASH.
pub(crate) fn cut_short<R>(form: Form, ended: &Ended, evidence: &Evidence<R>) -> Option<Decision> {
    match ended {
        // Busy to the end of its time without being done is no use of anything too much: it does not come to an end.
        Ended::Limit {
            what: Resource::Time,
            observed,
            allowed,
        } => {
            let seconds = |ms: u64| ms as f64 / 1e3;
            let headline = format!(
                "still not done after {:.1} s, and the whole run may take {:.1} s; ended by the grader",
                seconds(*observed),
                seconds(*allowed)
            );
            Some(Decision::of(Verdict::Hang, headline))
        }
        Ended::Limit {
            what,
            observed,
            allowed,
        } => Some(Decision::of(Verdict::Limit, over(*what, *observed, *allowed))),
        Ended::Hang(diagnosis) => {
            let quiet = diagnosis.quiet.as_secs_f64();
            let left = hang::of_the_answer(diagnosis).count();
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
            if let Some(panic) = evidence.journal.panic_of(evidence.main_pid) {
                // A panic ends a program normally, and a normal end waits for the children: that is where it hangs.
                decision.interleaving.push(format!(
                    "pid {} (main) {}, and at its end it waits for its children",
                    panic.pid,
                    panicked(panic)
                ));
                let own = panic.location.as_ref().filter(|place| answer::owns(place));
                decision.place = own.cloned().or(decision.place);
            }
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
        Resource::Time => format!("{observed} ms, {allowed} ms are allowed"),
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
fn crash_of_a_child<R>(evidence: &Evidence<R>) -> Option<Decision> {
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
fn failed_check(found: &Findings) -> Option<Decision> {
    let failure = found.first_failure()?;
    let mut decision = Decision::of(failure.verdict, failure.observed.clone());
    decision.interleaving.clone_from(&failure.lines);
    decision.place.clone_from(&failure.place);
    Some(decision)
}

/// The function never returned, and nothing else says why.
fn never_returned<R>(evidence: &Evidence<R>) -> Decision {
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

pub(crate) fn is_grader(event: &Event, name: &str) -> bool {
    event.source == Source::Grader && event.name == name
}

/// The last lines of the workload, when a check shows none of its own.
fn last_notes<R>(evidence: &Evidence<R>) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cage::{Diagnosis, Leftovers};
    use crate::journal::{PANIC, Phase};
    use crate::{Lesson, leaks};

    const MAIN: i32 = 40;

    fn event(pid: i32, name: &str, object: u64) -> Event {
        Event {
            seq: 0,
            pid,
            tid: pid,
            source: Source::Grader,
            phase: Phase::Point,
            name: name.into(),
            subject: "text".into(),
            object,
            value: 0,
            location: Some(Place {
                file: "learn/l.rs".into(),
                line: 5,
            }),
        }
    }

    fn evidence(exit: Status, events: Vec<Event>) -> Evidence<Vec<u8>> {
        Evidence {
            value: Some(Vec::new()),
            journal: Journal::of(events),
            processes: Vec::new(),
            helpers: Vec::new(),
            main_pid: MAIN,
            exit: Some(exit),
            cpu: None,
            stdout: String::new(),
            stderr: String::new(),
            leftovers: Leftovers::default(),
            injected: Vec::new(),
            exact: true,
        }
    }

    fn findings() -> Findings {
        let toml = "id = \"1.1\"\nslug = \"s\"\ntitle = \"t\"\ntitle_ru = \"t\"\npython = \"p\"\nminutes = 1\n\
                    entry = [\"f\"]\nhints = [\"1\", \"2\", \"3\"]\n[[checks]]\nid = \"one\"\nclaim = \"c\"\n";
        Findings::of(&Lesson::parse(toml, "lesson.toml").unwrap())
    }

    fn fails(_: Evidence<Vec<u8>>, found: &mut Findings) -> Result<(), String> {
        found.check("one", Verdict::Serial, false, || "alone".into());
        Ok(())
    }

    fn holds(_: Evidence<Vec<u8>>, found: &mut Findings) -> Result<(), String> {
        found.check("one", Verdict::Serial, true, String::new);
        Ok(())
    }

    fn verdict(
        ended: &Ended,
        evidence: Evidence<Vec<u8>>,
        judge: fn(Evidence<Vec<u8>>, &mut Findings) -> Result<(), String>,
    ) -> Verdict {
        let (decision, _) = decide(Form::Function, ended, evidence, findings(), judge).unwrap();
        decision.map_or(Verdict::Pass, |decision| decision.verdict)
    }

    #[test]
    fn what_stands_earlier_in_the_order_wins() {
        let signaled = || Status::Signaled(core_process::Signal::SEGV);
        let done = || event(MAIN, act::DONE, 0);
        let zombie = || event(MAIN, leaks::ZOMBIE, 77);
        let descriptor = || event(MAIN, leaks::DESCRIPTOR, 9);
        let orphan = || event(MAIN, leaks::ORPHAN, 78);
        let child_panic = || event(41, PANIC, 0);
        let limit = Ended::Limit {
            what: Resource::Processes,
            observed: 9,
            allowed: 3,
        };
        let hang = Ended::Hang(Diagnosis {
            quiet: Duration::from_secs(3),
            processes: Vec::new(),
            cycle: Vec::new(),
        });
        let time = Ended::Limit {
            what: Resource::Time,
            observed: 31_000,
            allowed: 30_000,
        };
        assert_eq!(
            verdict(&time, evidence(signaled(), Vec::new()), fails),
            Verdict::Hang
        );
        let everything = || vec![child_panic(), zombie(), orphan(), descriptor()];
        assert_eq!(
            verdict(&limit, evidence(signaled(), everything()), fails),
            Verdict::Limit
        );
        assert_eq!(
            verdict(&hang, evidence(signaled(), everything()), fails),
            Verdict::Hang
        );
        assert_eq!(
            verdict(&Ended::Exited, evidence(signaled(), everything()), fails),
            Verdict::Crash
        );
        let exited = |events| evidence(Status::Exited(0), events);
        let with_panic = vec![done(), child_panic(), zombie(), orphan(), descriptor()];
        assert_eq!(
            verdict(&Ended::Exited, exited(with_panic.clone()), fails),
            Verdict::Crash
        );
        assert_eq!(
            verdict(&Ended::Exited, exited(with_panic), holds),
            Verdict::LeakZombie
        );
        let left = || vec![done(), descriptor(), orphan()];
        assert_eq!(verdict(&Ended::Exited, exited(left()), fails), Verdict::Serial);
        assert_eq!(
            verdict(&Ended::Exited, exited(left()), holds),
            Verdict::LeakOrphan
        );
        assert_eq!(
            verdict(&Ended::Exited, exited(vec![done(), descriptor()]), holds),
            Verdict::LeakFd
        );
        assert_eq!(
            verdict(&Ended::Exited, exited(vec![done()]), holds),
            Verdict::Pass
        );
        assert_eq!(verdict(&Ended::Exited, exited(Vec::new()), holds), Verdict::Wrong);
    }

    #[test]
    fn a_check_that_is_not_declared_is_an_error_and_no_verdict() {
        let judge = |_: Evidence<Vec<u8>>, found: &mut Findings| {
            found.check("two", Verdict::Wrong, false, String::new);
            Ok(())
        };
        let evidence = evidence(Status::Exited(0), vec![event(MAIN, act::DONE, 0)]);
        let error = decide(Form::Function, &Ended::Exited, evidence, findings(), judge).unwrap_err();
        assert!(error.contains("\"two\""), "{error}");
    }
}
