//! What is found in a run of lesson 4.3.

use grader::{Event, Evidence, Findings, Verdict};

use super::parts::NOT_ITS_OWN;
use super::script::{HAS, INSIDE, LET, Move, READ, REFUSED, RELEASES, Script, TIMES, WROTE};
use super::{Input, Outcome};

pub(super) fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let moves = || input.processes.iter().flatten().flat_map(|script| &script.0);

    let additions = moves().filter(|step| matches!(step, Move::Add | Move::AddSlowly { .. }));
    let additions = additions.count() as u64;
    let total = outcome.total;
    found
        .check("sum", Verdict::LostUpdate, total == additions, || {
            format!(
                "{additions} were added under the lock, and the counter is {total}: {} lost",
                additions.saturating_sub(total)
            )
        })
        .show_lines(|| lines(first_lost(seen)));

    for lock in [1, 2] {
        let gauge = seen.gauge_number(INSIDE, lock);
        found
            .check("alone", Verdict::Race, gauge.peak <= 1, || {
                let same = gauge.at_peak.windows(2).all(|pair| pair[0] == pair[1]);
                let who = match (&gauge.at_peak[..], same) {
                    ([pid, ..], true) => format!("{} threads of pid {pid}", gauge.peak),
                    (pids, _) => {
                        let pids: Vec<String> = pids.iter().map(|pid| format!("pid {pid}")).collect();
                        pids.join(" and ")
                    }
                };
                format!("{who} were inside at the same time")
            })
            .show_lines(|| lines(story(seen, lock, gauge.peak_seq)));
    }

    let named = |name: &'static str| seen.journal.named(name).next();
    let mut never = |id, name: &'static str, what: &str| {
        let event = named(name);
        found
            .check(id, Verdict::Wrong, event.is_none(), || {
                event.map_or_else(String::new, |event| format!("{} {what}", who(event)))
            })
            .show_lines(|| {
                let told = event.map(|event| story(seen, event.value as u64, event.seq));
                lines(told.into_iter().flatten().chain(event))
            });
    };
    never(
        "owner",
        LET,
        "released a lock that it did not hold, and was told Ok",
    );
    never(
        "own",
        REFUSED,
        "holds the lock, released it, and was told NotOwner",
    );
    never("below", NOT_ITS_OWN, "gave the plain lock back without having it");

    let is_killed = |scripts: &[Script]| {
        scripts
            .iter()
            .flat_map(|script| &script.0)
            .any(|step| matches!(step, Move::Die))
    };
    let failures = input.processes.iter().zip(&outcome.failures);
    let failure = failures
        .filter(|(scripts, _)| !is_killed(scripts))
        .find_map(|(_, failure)| failure.as_ref());
    found.check("returns", Verdict::Crash, failure.is_none(), || {
        failure.cloned().unwrap_or_default()
    });
}

/// The reads and writes of the counter up to the first write that undoes another one.
fn first_lost(seen: &Evidence<Outcome>) -> impl Iterator<Item = &Event> {
    let all: Vec<&Event> = seen
        .journal
        .events()
        .iter()
        .filter(|event| event.name == READ || event.name == WROTE)
        .collect();
    let writes = || all.iter().enumerate().filter(|(_, event)| event.name == WROTE);
    let lost = writes().find(|(at, event)| {
        writes()
            .take_while(|(before, _)| before < at)
            .any(|(_, earlier)| earlier.value >= event.value)
    });
    let end = lost.map_or(all.len(), |(at, _)| at + 1);
    let first = end.saturating_sub(6);
    all.into_iter().take(end).skip(first)
}

/// The last that was done with a lock, up to an event.
fn story(seen: &Evidence<Outcome>, lock: u64, until: u64) -> impl Iterator<Item = &Event> {
    let is_told = |event: &&Event| {
        let stays = (event.name == "enter" || event.name == "leave") && event.object == lock;
        let moves = event.name == HAS || event.name == RELEASES;
        event.seq <= until
            && (stays || moves && event.value / TIMES == lock as i64 && event.value % TIMES > 0)
    };
    let told: Vec<&Event> = seen.journal.events().iter().filter(is_told).collect();
    let first = told.len().saturating_sub(8);
    told.into_iter().skip(first)
}

/// `pid 12` for a main thread, `thread 14 of pid 12` for another one.
fn who(event: &Event) -> String {
    if event.tid == event.pid {
        format!("pid {}", event.pid)
    } else {
        format!("thread {} of pid {}", event.tid, event.pid)
    }
}

fn lines<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<String> {
    let line = |event: &Event| match event.name.as_str() {
        "enter" => format!("{} is inside", who(event)),
        "leave" => format!("{} is outside again", who(event)),
        HAS | RELEASES => {
            let (lock, times) = (event.value / TIMES, event.value % TIMES);
            let times = match times {
                1 => "once".to_owned(),
                2 => "twice".to_owned(),
                times => format!("{times} times"),
            };
            format!("{} {} lock {lock} {times}", who(event), event.name)
        }
        READ | WROTE => format!("{} {} {}", who(event), event.name, event.value),
        name => format!("{} {name}", who(event)),
    };
    events.into_iter().map(line).collect()
}
