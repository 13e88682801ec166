//! The lines under a verdict: who began which round, came to the barrier, swapped, was late, failed.

use core_process::probe::Phase;
use grader::{Event, Evidence};

use super::Outcome;

/// So many lines are shown, around the first mistake.
const SHOWN: usize = 20;

/// What happened, in order.
pub(super) fn story(seen: &Evidence<Outcome>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut mistake = None;
    for event in seen.journal.events() {
        if let Some(what) = what(event) {
            if mistake.is_none() && is_mistake(event) {
                mistake = Some(lines.len());
            }
            lines.push(format!("pid {} {what}", event.pid));
        }
    }
    let end = mistake.map_or(lines.len(), |at| (at + 3).min(lines.len()));
    let start = end.saturating_sub(SHOWN);
    let mut shown: Vec<String> = Vec::new();
    if start > 0 {
        shown.push(format!("({start} earlier lines)"));
    }
    shown.extend(lines.drain(start..end));
    shown
}

fn is_mistake(event: &Event) -> bool {
    let missed = event.name == "meet" && event.phase == Phase::End && event.value == 0;
    missed || matches!(event.name.as_str(), "too early" | "swapped under it" | "twice")
}

fn what(event: &Event) -> Option<String> {
    let what = match (event.name.as_str(), event.phase) {
        ("begins", _) => format!("begins round {}", event.value),
        ("is late", _) if event.value < 0 => {
            "is late with the swap: all others go as far as they can".to_owned()
        }
        ("is late", _) => format!(
            "is late with cell {}: all others go as far as they can",
            event.value
        ),
        ("fails", _) => format!("fails in round {}", event.value),
        ("barrier", Phase::Begin) => "comes to the barrier".to_owned(),
        ("barrier", Phase::End) => "leaves the barrier".to_owned(),
        ("abort", _) => "aborts the barrier".to_owned(),
        ("reset", _) => "resets the barrier".to_owned(),
        ("swap", _) => format!("swaps the pictures after round {}", event.value),
        ("too early", _) => format!("is going to swap, and cell {} is not computed", event.value),
        ("swapped under it", _) => format!("computes cell {} in the old round", event.value),
        ("twice", _) => format!("has computed cell {} twice in this round", event.value),
        ("meet", Phase::Begin) => "waits in its first cell for the others to be in theirs".to_owned(),
        ("meet", Phase::End) if event.value == 0 => "waits no longer: they cannot come".to_owned(),
        ("meet", Phase::End) => "has met the others".to_owned(),
        ("panic", _) => format!("panics: {}", event.subject),
        _ => return None,
    };
    Some(what)
}
