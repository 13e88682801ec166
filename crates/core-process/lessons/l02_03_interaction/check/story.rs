//! What a verdict of lesson 2.3 tells: events of the run as lines for people.

use core_process::probe::Phase;
use grader::{Event, Evidence};

use super::{ANSWERED_NAME, ENDS, REPORT, REPORTED_NAME, status_of};

/// The last things before a gate was given up: who rang, who was reported, what the main process waited for.
pub fn story(seen: &Evidence<()>, until: Option<&Event>) -> Vec<String> {
    const LAST: usize = 10;
    let until = until.map_or(0, |until| until.seq);
    let told: Vec<String> = seen
        .journal
        .events()
        .iter()
        .filter(|event| event.seq <= until)
        .filter_map(|event| told(seen, event))
        .collect();
    let from = told.len().saturating_sub(LAST);
    told.into_iter().skip(from).collect()
}

fn told(seen: &Evidence<()>, event: &Event) -> Option<String> {
    let pid = event.pid;
    let who = if pid == seen.main_pid { " (main)" } else { "" };
    let gave_up = event.phase == Phase::End && event.value == 0;
    match (event.name.as_str(), event.subject.as_str(), event.phase) {
        (REPORT, ..) => Some(line(event)),
        (ENDS, ..) => Some(format!("pid {pid} (job {}) ends", event.value)),
        ("wait" | "join", _, Phase::Begin) => {
            Some(format!("pid {pid}{who} begins to wait for pid {}", event.object))
        }
        ("wait_any", _, Phase::Begin) => Some(format!(
            "pid {pid}{who} begins to wait for whichever of {} is ready first",
            event.value
        )),
        ("answer", _, Phase::Begin) => Some(format!("pid {pid}{who} takes a ring")),
        ("gate", ANSWERED_NAME, Phase::Begin) => {
            Some(format!("pid {pid} (job {}) rings", event.object / 1000))
        }
        ("gate", ANSWERED_NAME, _) if gave_up => {
            Some(format!("pid {pid} (job {}) is not answered", event.object / 1000))
        }
        ("gate", REPORTED_NAME, _) if gave_up => Some(format!(
            "pid {pid} waited for the report of job {} before it ends",
            event.object
        )),
        _ => None,
    }
}

/// Why nothing could happen while the main process was looked at.
pub fn rest_lines(seen: &Evidence<()>, count: usize) -> Vec<String> {
    let watch = seen.journal.named("rest").max_by_key(|event| event.value);
    let of = |event: &Event| format!("pid {} looked at it, every 5 ms", event.pid);
    let mut lines = vec![format!(
        "jobs that ran and waited for the end of the look: {count}"
    )];
    lines.extend(watch.map(of));
    lines
}

/// A report as a line.
pub fn line(report: &Event) -> String {
    format!(
        "pid {} reports: job {} {}",
        report.pid,
        report.object,
        status_of(report.value)
    )
}
