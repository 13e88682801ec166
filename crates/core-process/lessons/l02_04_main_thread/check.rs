//! Checks of lesson 2.4: in a child, the main thread measures, savers are waited for, a ticker is cut.

use core_process::{Process, StartMethod};
use grader::work::{Counter, Gate, note};
use grader::{Draw, Event, Evidence, Findings, Phase, Place, Scenario, Verdict};

/// What was measured; made by [`measure`] alone.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    number: u64,
    value: u64,
}

impl Reading {
    /// The number that was measured.
    pub fn value(self) -> u64 {
        self.value
    }
}

/// Opened by the ticker once it ticks.
const TICKING: Gate = Gate::named("ticking");
/// Each opened when its record begins to be saved.
const SAVING: Gate = Gate::named("saving");
/// Each opened by the measurement of its number.
const MEASURED: Gate = Gate::named("measured");

/// The number of the record that takes long, counted from 1; 0 if there is none.
const LONG: Counter = Counter::named("long record");
/// The number of readings of a session with such a record.
const COUNT: Counter = Counter::named("readings");
/// Opened when the last record of such a session is saved.
const LAST_SAVED: Gate = Gate::named("the last is saved");
/// Never opened: whoever comes to it goes on when the main thread sleeps.
const STILL: Gate = Gate::named("the main thread sleeps");

/// Takes the reading of this number. The device answers to the main thread of its process alone.
#[track_caller]
pub fn measure(number: u64) -> Reading {
    if !TICKING.is_open() {
        TICKING.wait();
    }
    if number > 0 {
        SAVING.number(number - 1).wait();
    }
    note("measure", number as i64);
    MEASURED.number(number).open();
    Reading {
        number,
        value: value_of(number),
    }
}

/// Saves a reading, which takes its time.
#[track_caller]
pub fn save(reading: Reading) {
    note("save", reading.number as i64);
    SAVING.number(reading.number).open();
    // It takes until the next reading was measured. After the last one there is no next: then it takes until the main thread
    // sleeps, which it does where it waits for us. A process that ends instead never lies still, and this line is its last.
    // Where another record takes long it is that one which outlasts the last.
    let number = reading.number + 1;
    let is_last = number == COUNT.value();
    if number == LONG.value() {
        LAST_SAVED.wait();
        STILL.wait();
    } else if !is_last {
        MEASURED.number(number).wait();
    }
    note("saved", reading.number as i64);
    if is_last {
        LAST_SAVED.open();
    }
}

/// Shows that the process is alive, for as long as it is: never returns.
#[track_caller]
pub fn tick() {
    note("tick", 1);
    TICKING.open();
    loop {
        std::thread::park();
    }
}

fn value_of(number: u64) -> u64 {
    (number + 3) * (number + 7) % 101
}

/// What a run is given.
pub struct Input {
    readings: u64,
    method: StartMethod,
    /// The record that is still being saved when the last one is saved; `None`: the last one takes longest.
    long: Option<u64>,
}

/// The situations that an answer is put into. The answer is the target of a child.
pub fn scenarios<A>(session: A) -> Vec<Scenario>
where
    A: Fn(u64) -> u64 + Copy + Send + 'static,
{
    let act = move |input: Input| {
        if let Some(long) = input.long {
            LONG.fetch_add(long + 1);
            COUNT.fetch_add(input.readings);
        }
        let target = move |readings: u64| {
            let sum = session(readings);
            note("returned", sum as i64);
            if readings > 0 {
                // Whoever is to save the last record shall have begun before the process ends.
                SAVING.number(readings - 1).wait();
            }
            sum
        };
        let child = Process::new(target, input.readings)
            .name("session")
            .method(input.method)
            .start()
            .expect("a process can be started");
        child.join().map_err(|error| error.to_string())
    };
    vec![
        Scenario::new("a session", draw, act, judge),
        Scenario::new("one record takes long", draw_long, act, judge),
    ]
}

const METHODS: [StartMethod; 3] = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

fn draw(draw: &mut Draw) -> Input {
    Input {
        readings: draw.size(5) as u64,
        method: *draw.pick(&METHODS),
        long: None,
    }
}

fn draw_long(draw: &mut Draw) -> Input {
    let readings = draw.size_in(2..=5) as u64;
    Input {
        readings,
        method: *draw.pick(&METHODS),
        // The last but one: whoever has one saver for all is at work on this one, and the main thread has no more to do.
        long: Some(readings - 2),
    }
}

/// What is shown under a verdict.
const SHOWN: [&str; 5] = ["tick", "measure", "save", "saved", "returned"];

type Seen = Evidence<Result<u64, String>>;

fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    let all: Vec<i64> = (0..input.readings as i64).collect();
    judge_measurements(&all, seen, found);
    judge_overlap(&all, seen, found);
    judge_records(&all, seen, found);

    let expected = (0..input.readings).map(value_of).sum::<u64>();
    if let Some(outcome) = &seen.value {
        found.check(
            "sum",
            Verdict::Wrong,
            *outcome == Ok(expected),
            || match outcome {
                Ok(sum) => format!(
                    "{} readings make {expected}, the child returned {sum}",
                    input.readings
                ),
                Err(error) => format!("the child was to return {expected}, but it failed: {error}"),
            },
        );
    }
}

fn judge_measurements(all: &[i64], seen: &Seen, found: &mut Findings) {
    let measured: Vec<&Event> = seen.journal.named("measure").collect();
    let elsewhere = measured.iter().find(|event| event.tid != event.pid);
    found
        .check(
            "main",
            Verdict::Wrong,
            elsewhere.is_none() && sorted(&measured) == all,
            || match elsewhere {
                Some(event) => format!(
                    "reading {} was taken by thread {} of pid {}, whose main thread is {}",
                    event.value, event.tid, event.pid, event.pid
                ),
                None => format!(
                    "the readings {all:?} were to be taken once each; those taken: {:?}",
                    sorted(&measured)
                ),
            },
        )
        .show(measured.iter().copied())
        .at(elsewhere.and_then(|event| event.location.as_ref()));
}

fn judge_overlap(all: &[i64], seen: &Seen, found: &mut Findings) {
    let shown = || {
        let of_work = |event: &&Event| SHOWN.contains(&event.name.as_str());
        seen.journal.events().iter().filter(of_work)
    };
    found
        .overlap("ticker", seen.gate("ticking"), || {
            "the first reading was due, and no thread ticked, nor would any before it was taken".into()
        })
        .show(shown());

    let waits = |subject| {
        let ended = |event: &&Event| event.name == "gate" && event.phase == Phase::End;
        seen.journal.about(subject).filter(ended)
    };
    // The last record has no next reading: its wait ends when all is still, as it should.
    let of_a_next = |event: &&Event| event.object < all.len() as u64;
    let before_a_next = |event: &&Event| event.object + 1 < all.len() as u64;
    let unsaved = waits("saving")
        .filter(before_a_next)
        .find(|event| event.value == 0);
    let alone = waits("measured").filter(of_a_next).find(|event| event.value == 0);
    let undecided = waits("saving")
        .chain(waits("measured").filter(of_a_next))
        .any(|event| event.value < 0);
    if undecided && unsaved.is_none() && alone.is_none() {
        found.skip("beside", "this machine was too busy to show it");
        return;
    }
    found
        .check(
            "beside",
            Verdict::Serial,
            unsaved.is_none() && alone.is_none(),
            || match (alone, unsaved) {
                (Some(event), _) => stood_still(event),
                (None, Some(event)) => format!(
                    "reading {} was to be taken while record {} is being saved, and nobody began to save it",
                    event.object + 1,
                    event.object
                ),
                (None, None) => String::new(),
            },
        )
        .show(shown())
        .at(alone.and_then(|event| saved_at(seen, event.object.saturating_sub(1))));
}

/// Says in which thread a record was saved that the next reading did not come beside.
fn stood_still(event: &Event) -> String {
    let (record, next) = (event.object.saturating_sub(1), event.object);
    let who = if event.tid == event.pid {
        format!(
            "the main thread of pid {} saved record {record} itself",
            event.pid
        )
    } else {
        format!(
            "thread {} of pid {} saved record {record}, and the main thread waited for it",
            event.tid, event.pid
        )
    };
    format!("{who}: reading {next} did not begin before that was over")
}

fn judge_records(all: &[i64], seen: &Seen, found: &mut Findings) {
    let saved: Vec<&Event> = seen.journal.named("saved").collect();
    let numbers = sorted(&saved);
    let lost = all.iter().find(|number| !numbers.contains(number));
    let verdict = if lost.is_some() {
        Verdict::Race
    } else {
        Verdict::Wrong
    };
    found
        .check("saved", verdict, numbers == all, || match lost {
            None => format!("the records {all:?} were to be saved once each; those saved: {numbers:?}"),
            Some(number) => {
                let begun = seen.journal.named("save").find(|event| event.value == *number);
                match begun {
                    Some(event) => format!(
                        "record {number} is lost: thread {} was saving it when pid {} ended",
                        event.tid, event.pid
                    ),
                    None => {
                        format!("record {number} is lost: the process ended before a thread began to save it")
                    }
                }
            }
        })
        .show_lines(|| {
            let of_work = |event: &&Event| SHOWN.contains(&event.name.as_str());
            let mut lines = grader::lines(seen.journal.events().iter().filter(of_work));
            for child in seen.descendants() {
                let status = child
                    .status
                    .map_or_else(|| "ended".to_owned(), |status| status.to_string());
                lines.push(format!("pid {} {status}", child.pid));
            }
            lines
        })
        .at(lost.and_then(|number| saved_at(seen, *number as u64)));
}

/// The line of the answer that had the record saved, where it is known.
fn saved_at(seen: &Seen, number: u64) -> Option<&Place> {
    let save = seen
        .journal
        .named("save")
        .find(|event| event.value as u64 == number);
    save?.location.as_ref()
}

fn sorted(events: &[&Event]) -> Vec<i64> {
    let mut numbers: Vec<i64> = events.iter().map(|event| event.value).collect();
    numbers.sort_unstable();
    numbers
}
