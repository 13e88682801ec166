//! Checks of lesson 4.6: a bounded buffer, whose users are led into each of the places where a wake-up can be lost.
//!
//! The buffer's items lie in a [`Ring`] of ours, so every look, put and take of the answer is seen, and a process can be held right after
//! it, with the lock that it has or has not. A process that sleeps is kept off the processor where a scheduler might do that, too. So each
//! schedule happens for certain; and once all processes sleep, nobody will ever wake them.

#[path = "check/ring.rs"]
mod ring;
#[path = "check/schedules.rs"]
mod schedules;
#[path = "check/stage.rs"]
mod stage;
#[path = "check/story.rs"]
mod story;

use std::collections::BTreeMap;

use grader::{Draw, Event, Evidence, Findings, Scenario, Verdict};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use ring::Ring;
pub use stage::Outcome;

use schedules::Input;
use stage::{Deed, End, Record, Stage, Stuck};
use story::{story, until_over, waits_at, wish};

/// The situations that an answer is put into.
pub fn scenarios<B, N, P, G>(buffer: N, put: P, get: G) -> Vec<Scenario>
where
    B: Clone + Serialize + DeserializeOwned + 'static,
    N: Fn(Ring) -> B + Copy + 'static,
    P: Fn(&B, u64) + Copy + Send + 'static,
    G: Fn(&B, usize) -> Vec<u64> + Copy + Send + 'static,
{
    type Script = fn(&mut Stage, &Input) -> Result<(), Stuck>;
    let scenario = |(name, draw, script): (&'static str, fn(&mut Draw) -> Input, Script)| {
        let act = move |input: Input| {
            let mut stage = Stage::new(buffer, put, get, input.capacity);
            // Where a schedule ends early, somebody sleeps or has failed, and what is told says so.
            let _ = script(&mut stage, &input);
            stage.tell()
        };
        Scenario::new(name, draw, act, judge)
    };
    schedules::ALL.into_iter().map(scenario).collect()
}

fn judge(_: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let lines = || story(seen, outcome);
    let first = |name: &str| until_over(seen).find(|event| event.name == name);

    let together = first("together");
    found
        .check("alone", Verdict::Race, together.is_none(), || {
            let (me, other) = together.map_or((0, 0), |event| (event.pid, event.value));
            format!("pid {me} used the ring while pid {other} was changing it")
        })
        .show_lines(lines)
        .at(together.and_then(|event| event.location.as_ref()));

    let empty = first("nothing there");
    found
        .check("there", Verdict::Race, empty.is_none(), || {
            format!(
                "pid {} took an item from the ring when there was none in it",
                empty.map_or(0, |event| event.pid)
            )
        })
        .show_lines(lines)
        .at(empty.and_then(|event| event.location.as_ref()));

    let full = first("no room");
    // Who saw room and was overtaken is another case than who did not look, or did not care.
    let has_seen_room = full.is_some_and(|event| {
        let before = until_over(seen).take_while(|earlier| earlier.seq < event.seq);
        let look = before
            .filter(|earlier| earlier.pid == event.pid && earlier.name == "look")
            .last();
        look.is_some_and(|look| look.value < outcome.capacity as i64)
    });
    let verdict = if has_seen_room {
        Verdict::Race
    } else {
        Verdict::Limit
    };
    found
        .check("room", verdict, full.is_none(), || {
            let (pid, items) = full.map_or((0, 0), |event| (event.pid, event.value));
            format!(
                "pid {pid} put an item into a full ring: {items} are in it, and it is to hold {} at most",
                outcome.capacity
            )
        })
        .show_lines(lines)
        .at(full.and_then(|event| event.location.as_ref()));

    let torn = torn_batch(seen, outcome);
    found
        .check("batch", Verdict::Wrong, torn.is_none(), || {
            let (record, took, wanted) = torn.expect("it is not none");
            format!(
                "pid {} wants {wanted} at once, and took {took} when no more were there",
                record.pid
            )
        })
        .show_lines(lines);

    let mut sleepers = outcome.records.iter().filter(|record| record.end == End::Slept);
    // One that could go on says more than one that could not.
    let could_go_on = |record: &&Record| can_go_on(record, seen, outcome);
    let asleep = sleepers.clone().find(could_go_on).or_else(|| sleepers.next());
    found
        .check("served", Verdict::Hang, asleep.is_none(), || {
            let record = asleep.expect("it is not none");
            format!(
                "pid {} {} and sleeps for ever; the ring holds {} of {}",
                record.pid,
                wish(record, seen),
                outcome.items,
                outcome.capacity
            )
        })
        .show_lines(lines)
        .at(asleep.and_then(|record| waits_at(seen, record.pid)));

    let restless = outcome.records.iter().find(|record| record.end == End::Restless);
    found
        .check("sleeps", Verdict::Limit, restless.is_none(), || {
            let record = restless.expect("it is not none");
            format!(
                "pid {} {} and does not sleep: it looks, or runs, again and again, though nothing changes",
                record.pid,
                wish(record, seen)
            )
        })
        .show_lines(lines)
        .at(restless.and_then(|record| {
            let look = |event: &&Event| event.name == "look" && event.pid == record.pid as i32;
            until_over(seen).filter(look).last()?.location.as_ref()
        }));

    let failed = outcome.records.iter().find(|record| record.end == End::Failed);
    let wrong = || match failed {
        Some(record) => Some(format!("pid {} ended before it was done", record.pid)),
        None => wrong_items(outcome),
    };
    let is_whole = outcome
        .records
        .iter()
        .all(|record| matches!(record.end, End::Done(_) | End::Failed | End::Killed));
    // Where somebody was cut off, items are missing for a reason that is told already.
    let wrong = if is_whole { wrong() } else { None };
    found
        .check("once", Verdict::Wrong, wrong.is_none(), || {
            wrong.clone().unwrap_or_default()
        })
        .show_lines(lines);
}

/// Whether what a process waits for is there.
fn can_go_on(record: &Record, seen: &Evidence<Outcome>, outcome: &Outcome) -> bool {
    match story::next_deed(record, seen) {
        Some(Deed::Put(_)) => outcome.items < outcome.capacity,
        Some(Deed::Get(count)) => outcome.items >= count,
        None => false,
    }
}

/// A get that took some of its items, then slept or let others come between: whose, how many, of how many.
fn torn_batch<'a>(seen: &Evidence<Outcome>, outcome: &'a Outcome) -> Option<(&'a Record, usize, usize)> {
    let mut open: BTreeMap<i32, (usize, usize)> = BTreeMap::new();
    for event in until_over(seen) {
        match event.name.as_str() {
            "comes to get" => {
                open.insert(event.pid, (0, event.value as usize));
            }
            "is done" => {
                open.remove(&event.pid);
            }
            "take" => {
                if let Some((took, _)) = open.get_mut(&event.pid) {
                    *took += 1;
                }
            }
            "look" if event.value == 0 => {
                // It has taken some, found nothing more, and is going to wait for the rest.
                if let Some(&(took, wanted)) = open.get(&event.pid)
                    && (1..wanted).contains(&took)
                {
                    return Some((outcome.record(event.pid)?, took, wanted));
                }
            }
            _ => {}
        }
    }
    None
}

/// What is wrong with the items that the gets gave, when everybody was done.
fn wrong_items(outcome: &Outcome) -> Option<String> {
    let mut given = Vec::new();
    for record in &outcome.records {
        let End::Done(got) = &record.end else { continue };
        let counts = record.deeds.iter().filter_map(|deed| match deed {
            Deed::Get(count) => Some(*count),
            Deed::Put(_) => None,
        });
        for (count, items) in counts.zip(got) {
            if items.len() != count {
                return Some(format!(
                    "pid {}: get({count}) gave {} items",
                    record.pid,
                    items.len()
                ));
            }
            given.extend(items);
        }
    }
    let mut put: Vec<u64> = Vec::new();
    for record in &outcome.records {
        put.extend(record.deeds.iter().filter_map(|deed| match deed {
            Deed::Put(item) => Some(*item),
            Deed::Get(_) => None,
        }));
    }
    given.sort_unstable();
    let twice = given.windows(2).find(|pair| pair[0] == pair[1]);
    if let Some([item, _]) = twice {
        return Some(format!("item {item} was given to two gets"));
    }
    let unknown = given.iter().find(|item| !put.contains(item));
    unknown.map(|item| format!("a get gave {item}, which nobody has put"))
}
