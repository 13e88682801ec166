//! Checks of lesson 3.6: sensors in processes of their own measure, clerks in processes of their own file what they get.
//!
//! The grader's tasks hold a sensor or a clerk where a mistake would show: a sensor before a reading, a clerk with one.

#[path = "check/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use grader::work::{Counter, Gate, Rendezvous, note};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

use story::{Deed, deeds, story};

/// What the learner writes: lets every sensor measure and every clerk file, each in a process of its own, with at most `bound`
/// readings on their way; says for each clerk what it has filed, in its order.
pub type Answer = fn(sensors: Vec<Sensor>, clerks: Vec<Clerk>, bound: usize) -> Vec<Vec<u64>>;

/// A sensor: an argument of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sensor {
    /// Its number, from 0.
    pub number: u32,
    readings: Vec<u64>,
    part: Measuring,
}

/// A clerk: an argument of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clerk {
    /// Its number, from 0.
    pub number: u32,
    part: Filing,
}

/// Where a sensor is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Measuring {
    /// Nowhere.
    Free,
    /// At its first reading, until so many sensors are at theirs.
    WithAll(u32),
    /// Before this reading, until nobody else has anything to do.
    RestsBefore(usize),
    /// Before this reading, which it should not come to while the clerk has its first one.
    TooFar(usize),
}

/// Where a clerk is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Filing {
    /// Nowhere.
    Free,
    /// At its first reading, until so many clerks have theirs.
    WithAll(u32),
    /// The first one that files, at its first reading, until the others have filed so many.
    FirstIsLast(u64),
    /// At its first reading, until the sensors have measured too much or can measure no more.
    Slow,
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    sensors: Vec<Sensor>,
    clerks: Vec<Clerk>,
    bound: usize,
}

type Seen = Evidence<Vec<Vec<u64>>>;

const ALL_MEASURE: Rendezvous = Rendezvous::named("all sensors measure");
const ALL_FILE: Rendezvous = Rendezvous::named("all clerks file");
const REST: Gate = Gate::named("a sensor rests");
const TOO_FAR: Gate = Gate::named("too many measured");
const CALM: Gate = Gate::named("calm");
const OTHERS: Gate = Gate::named("the others have filed the rest");
const FIRST: Counter = Counter::named("clerks that file");
const FILED: Counter = Counter::named("filed by others");

/// Longer than a clerk would be patient who takes silence for the end.
const LONG_REST: Duration = Duration::from_millis(300);

// ---- what a sensor's process does

/// The readings of a sensor, one after the other. Call it in the sensor's process, and put each before you ask for the next.
///
/// A reading can be any number.
pub fn measure(sensor: &Sensor) -> impl Iterator<Item = u64> + '_ {
    (0..).zip(&sensor.readings).map(|(place, reading)| {
        hold_sensor(sensor.part, place);
        note("measured", i64::from(sensor.number));
        note("is", *reading as i64);
        *reading
    })
}

fn hold_sensor(part: Measuring, place: usize) {
    match part {
        Measuring::WithAll(parties) if place == 0 => {
            ALL_MEASURE.meet(parties);
        }
        Measuring::RestsBefore(rest) if place == rest => {
            // Nobody opens it: both end when nobody else can do anything, and what waits for a time does not wait longer.
            REST.wait();
            std::thread::sleep(LONG_REST);
            REST.wait();
        }
        Measuring::TooFar(far) if place == far => {
            TOO_FAR.open();
            CALM.wait();
        }
        _ => {}
    }
}

// ---- what a clerk's process does

/// Files a reading. Call it in the clerk's process, for each reading before it gets the next one.
pub fn file(clerk: &Clerk, reading: u64) {
    static IS_FIRST: AtomicBool = AtomicBool::new(true);
    note("filed", i64::from(clerk.number));
    note("is", reading as i64);
    if !IS_FIRST.swap(false, Relaxed) {
        others(clerk.part);
        return;
    }
    match clerk.part {
        Filing::Free => {}
        Filing::WithAll(parties) => {
            ALL_FILE.meet(parties);
        }
        Filing::Slow => {
            TOO_FAR.wait();
        }
        Filing::FirstIsLast(_) if FIRST.fetch_add(1) == 0 => {
            OTHERS.wait();
            // From here on it is as good as another one.
            FILED.fetch_add(u64::MAX / 2);
        }
        Filing::FirstIsLast(_) => others(clerk.part),
    }
}

fn others(part: Filing) {
    if let Filing::FirstIsLast(rest) = part
        && FILED.fetch_add(1) + 1 == rest
    {
        OTHERS.open();
    }
}

// ---- the scenarios

/// The situations that an answer is put into.
pub fn scenarios(record: Answer) -> Vec<Scenario> {
    let act = move |input: Input| record(input.sensors, input.clerks, input.bound);
    vec![
        Scenario::new("a sensor rests", draw_rest, act, judge),
        Scenario::new("all at the same time", draw_all, act, judge),
        Scenario::new("a clerk has a long reading", draw_long, act, judge),
        Scenario::new("a slow clerk", draw_slow, act, judge),
        Scenario::new("any number can be a reading", draw_numbers, act, judge),
        Scenario::new("sensors and clerks of any number", draw_sizes, act, judge),
    ]
}

/// Sensors that measure so many; all readings are different.
fn sensors(draw: &mut Draw, counts: &[usize]) -> Vec<Sensor> {
    let mut next = draw.number(1000..=9000);
    let mut numbers = || {
        next += draw.number(1..=900);
        next
    };
    let mut readings: Vec<u64> = (0..counts.iter().sum()).map(|_| numbers()).collect();
    draw.shuffle(&mut readings);
    (0..)
        .zip(counts)
        .map(|(number, count)| Sensor {
            number,
            readings: readings.split_off(readings.len() - count),
            part: Measuring::Free,
        })
        .collect()
}

fn clerks(count: usize, part: Filing) -> Vec<Clerk> {
    (0..count as u32).map(|number| Clerk { number, part }).collect()
}

/// All readings fit into the queue, so that nobody waits for room; the first sensor is the last one that measures.
fn draw_rest(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=3);
    let counts = draw.list(count, |draw| draw.number(1..=6) as usize);
    let mut sensors = sensors(draw, &counts);
    sensors[0].part = Measuring::RestsBefore(draw.number(0..=counts[0] as u64 - 1) as usize);
    Input {
        sensors,
        clerks: clerks(draw.size_in(1..=3), Filing::Free),
        bound: counts.iter().sum(),
    }
}

fn draw_all(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=3);
    let parties = draw.size_in(2..=4);
    let counts = draw.list(count, |draw| draw.number(2..=8) as usize);
    let mut sensors = sensors(draw, &counts);
    for sensor in &mut sensors {
        sensor.part = Measuring::WithAll(count as u32);
    }
    Input {
        sensors,
        clerks: clerks(parties, Filing::WithAll(parties as u32)),
        bound: draw.size_in(1..=4),
    }
}

/// Where each clerk has its share of the readings, the one that is held has at least two.
fn draw_long(draw: &mut Draw) -> Input {
    let many = draw.size_in(2..=4);
    let count = draw.size_in(1..=3);
    let counts = draw.list(count, |draw| 2 * many + draw.number(0..=6) as usize);
    let total: usize = counts.iter().sum();
    Input {
        sensors: sensors(draw, &counts),
        clerks: clerks(many, Filing::FirstIsLast(total as u64 - 1)),
        bound: draw.size_in(1..=4),
    }
}

/// One reading with the clerk, `bound` in the queue, one with the sensor, which waits for room: another one is too many.
fn draw_slow(draw: &mut Draw) -> Input {
    let bound = draw.size_in(1..=4);
    let mut sensors = sensors(draw, &[bound + 6]);
    sensors[0].part = Measuring::TooFar(bound + 2);
    Input {
        sensors,
        clerks: clerks(1, Filing::Slow),
        bound,
    }
}

fn draw_numbers(draw: &mut Draw) -> Input {
    let specials = [
        0,
        1,
        u64::MAX,
        u64::MAX - 1,
        i64::MAX as u64,
        1 << 63,
        u64::from(u32::MAX),
    ];
    let mut sensors = sensors(draw, &[4, 12]);
    let readings = &mut sensors[1].readings;
    readings[2..2 + specials.len()].copy_from_slice(&specials);
    draw.shuffle(&mut readings[1..10]);
    Input {
        sensors,
        clerks: clerks(draw.size_in(2..=4), Filing::Free),
        bound: draw.size_in(1..=4),
    }
}

fn draw_sizes(draw: &mut Draw) -> Input {
    let count = draw.size(4);
    let counts = draw.list(count, |draw| draw.size(40));
    Input {
        sensors: sensors(draw, &counts),
        clerks: clerks(draw.size_in(1..=4), Filing::Free),
        bound: draw.size_in(1..=10),
    }
}

// ---- what was seen

fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    let measured = deeds(seen, "measured");
    let filed = deeds(seen, "filed");
    let story = || story(input, seen, None);

    judge_processes(input, seen, &measured, &filed, found);
    judge_order(input, seen, &filed, found);

    let far = input.sensors.iter().find_map(|sensor| match sensor.part {
        Measuring::TooFar(far) => Some(far),
        _ => None,
    });
    if far.is_some() {
        let too_far = seen.gate("too many measured").met > 0;
        found
            .check("bound", Verdict::Limit, !too_far, || {
                format!(
                    "at most {} may wait; the sensor came to its reading {} when the clerk had got one: {} were on their way",
                    input.bound,
                    input.bound + 3,
                    input.bound + 1
                )
            })
            .show_lines(story);
    }

    let meetings = seen.meetings("all sensors measure");
    found
        .overlap("together", meetings, || {
            format!(
                "{} sensors were to measure at the same time, and {} of them were alone with their first reading",
                input.sensors.len(),
                meetings.missed
            )
        })
        .show_lines(story);
    let meetings = seen.meetings("all clerks file");
    found
        .overlap("together", meetings, || {
            format!(
                "{} clerks were to file at the same time, and {} of them waited with their first reading for others, who did not come",
                input.clerks.len(),
                meetings.missed
            )
        })
        .show_lines(story);
    found
        .overlap("together", seen.gate("the others have filed the rest"), || {
            let total: usize = input.sensors.iter().map(|sensor| sensor.readings.len()).sum();
            let held = filed.first();
            format!(
                "clerk {} (pid {}) had a reading that took long; meanwhile {} of {total} readings did not come to another clerk, and there was one \
                 without work",
                held.map_or(0, |deed| deed.who),
                held.map_or(0, |deed| deed.event.pid),
                total - before_the_long_one_ended(seen, &filed)
            )
        })
        .show_lines(story);

    judge_once(input, seen, &measured, &filed, found);
}

/// How many had been filed when the clerk with the long reading went on.
fn before_the_long_one_ended(seen: &Seen, filed: &[Deed<'_>]) -> usize {
    let end = seen
        .journal
        .about("the others have filed the rest")
        .find(|event| event.name == "gate" && event.phase == grader::Phase::End)
        .map_or(u64::MAX, |event| event.seq);
    filed.iter().filter(|deed| deed.event.seq < end).count()
}

fn judge_processes(
    input: &Input,
    seen: &Seen,
    measured: &[Deed<'_>],
    filed: &[Deed<'_>],
    found: &mut Findings,
) {
    // Whose process it is: the first one's that is seen in it.
    let mut owners: BTreeMap<i32, String> = BTreeMap::new();
    owners.insert(seen.main_pid, "the main process".to_owned());
    let mut stranger = None;
    let mut all: Vec<(&Deed<'_>, &str)> = measured.iter().map(|deed| (deed, "sensor")).collect();
    all.extend(filed.iter().map(|deed| (deed, "clerk")));
    all.sort_by_key(|(deed, _)| deed.event.seq);
    for (deed, kind) in all {
        let me = format!("{kind} {}", deed.who);
        let owner = owners.entry(deed.event.pid).or_insert_with(|| me.clone());
        if *owner != me && stranger.is_none() {
            stranger = Some((me, deed.event.pid, owner.clone()));
        }
    }
    let place = stranger.as_ref().and_then(|(_, pid, _)| seen.started_at(*pid));
    found
        .check("processes", Verdict::NotAProcess, stranger.is_none(), || {
            let (me, pid, owner) = stranger.clone().unwrap_or_default();
            format!("{me} worked in pid {pid}, which is that of {owner}")
        })
        .show_lines(|| story(input, seen, None))
        .at(place);
}

fn judge_order(input: &Input, seen: &Seen, filed: &[Deed<'_>], found: &mut Findings) {
    let place_of = |reading: u64| {
        input.sensors.iter().find_map(|sensor| {
            let place = sensor.readings.iter().position(|each| *each == reading)?;
            Some((sensor.number, place))
        })
    };
    let mut latest: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let mut overtaken = None;
    for deed in filed {
        let Some((sensor, place)) = place_of(deed.reading) else {
            continue;
        };
        let last = latest.entry((deed.who, sensor)).or_insert(place);
        if place < *last && overtaken.is_none() {
            overtaken = Some((deed.who, deed.event.pid, sensor, place, *last));
        }
        *last = (*last).max(place);
    }
    found
        .check("order", Verdict::Race, overtaken.is_none(), || {
            let (clerk, pid, sensor, place, last) = overtaken.unwrap_or_default();
            format!(
                "clerk {clerk} (pid {pid}) got the reading {} of sensor {sensor} after its reading {}",
                place + 1,
                last + 1
            )
        })
        .show_lines(|| {
            let (_, _, _, place, _) = overtaken.unwrap_or_default();
            let sensor = overtaken.map_or(0, |(_, _, sensor, _, _)| sensor);
            let reading = input.sensors[sensor as usize].readings[place];
            story(input, seen, Some(reading))
        });
}

fn judge_once(input: &Input, seen: &Seen, measured: &[Deed<'_>], filed: &[Deed<'_>], found: &mut Findings) {
    let times = |deeds: &[Deed<'_>], reading| deeds.iter().filter(|deed| deed.reading == reading).count();
    let due = || {
        input.sensors.iter().flat_map(|sensor| {
            (1..)
                .zip(&sensor.readings)
                .map(move |(place, reading)| (sensor.number, place, *reading))
        })
    };
    let wrong: Vec<(u32, usize, u64)> = due()
        .filter(|(_, _, reading)| times(measured, *reading) != 1 || times(filed, *reading) != 1)
        .collect();
    let first = wrong.first().copied().unwrap_or_default();
    found
        .check("once", Verdict::Wrong, wrong.is_empty(), || {
            let (sensor, place, reading) = first;
            let how = match (times(measured, reading), times(filed, reading)) {
                (0, _) => "was never measured".to_owned(),
                (1, 0) => "was measured and never filed".to_owned(),
                (measured, filed) => format!("was measured {measured} times and filed {filed} times"),
            };
            let more = match wrong.len() {
                1 => String::new(),
                many => format!(", and it is not the only one: {many} of {}", due().count()),
            };
            format!("the reading {place} of sensor {sensor}, {reading}, {how}{more}")
        })
        .show_lines(|| story(input, seen, Some(first.2)));

    let Some(lists) = &seen.value else { return };
    let right: Vec<Vec<u64>> = input
        .clerks
        .iter()
        .map(|clerk| {
            let own = filed.iter().filter(|deed| deed.who == clerk.number);
            own.map(|deed| deed.reading).collect()
        })
        .collect();
    let differs = (0..right.len().max(lists.len())).find(|at| right.get(*at) != lists.get(*at));
    found.check("lists", Verdict::Wrong, differs.is_none(), || {
        let at = differs.unwrap_or(0);
        let shown = |list: Option<&Vec<u64>>| match list {
            Some(list) if list.len() > 6 => format!("{:?} and {} more", &list[..6], list.len() - 6),
            Some(list) => format!("{list:?}"),
            None => "nothing".to_owned(),
        };
        format!(
            "clerk {at} filed {}; the answer says {}",
            shown(right.get(at)),
            shown(lists.get(at))
        )
    });
}
