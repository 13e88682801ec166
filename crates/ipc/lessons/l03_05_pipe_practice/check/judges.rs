//! What went wrong with the letters of lesson 3.5, from the journal and the kernel's record.

use std::collections::BTreeMap;

use core_process::Status;
use grader::work::Rest;
use grader::{Event, Evidence, Findings, Verdict};

use super::scripts::Input;
use super::station::{Station, WATCH, parts};

type Seen = Evidence<Vec<Option<u64>>>;

fn pid_of(seen: &Seen, station: u32) -> i32 {
    let mut lives = seen.journal.named("lives");
    let life = lives.find(|event| event.value == i64::from(station));
    life.map_or(0, |event| event.pid)
}

fn who(seen: &Seen, station: u32) -> String {
    format!("station {station} (pid {})", pid_of(seen, station))
}

/// Everything that happened to the letters of a pair, in order.
fn story(seen: &Seen, from: u32, to: u32) -> Vec<String> {
    const MOST: usize = 16;
    let mut lines: Vec<String> = Vec::new();
    for event in seen.journal.events() {
        let (sender, receiver, number) = parts(event.value);
        if (sender, receiver) != (from, to) {
            continue;
        }
        let does = match event.name.as_str() {
            "sends" => "sends",
            "cannot send" => "cannot send",
            "gets" => "gets",
            _ => continue,
        };
        lines.push(format!(
            "pid {} {does} letter {} from station {from} to station {to}",
            event.pid,
            number + 1
        ));
    }
    lines.truncate(MOST);
    // Who was killed may be the reason, also when it is neither of them.
    let killed = seen
        .journal
        .named("lives")
        .map(|event| event.value as u32)
        .filter(|station| {
            let process = seen.process(pid_of(seen, *station));
            matches!(
                process.and_then(|process| process.status),
                Some(Status::Signaled(_))
            )
        });
    let mut stations: Vec<u32> = killed.chain([from, to]).collect();
    stations.sort_unstable();
    stations.dedup();
    for station in stations {
        let status = seen
            .process(pid_of(seen, station))
            .and_then(|process| process.status);
        if let Some(status) = status {
            lines.push(format!("{}: {status}", who(seen, station)));
        }
    }
    lines
}

pub(super) fn judge(input: &Input, seen: &Seen, found: &mut Findings) {
    let here = seen
        .journal
        .named("lives")
        .find(|event| event.pid == seen.main_pid);
    found
        .check("process", Verdict::NotAProcess, here.is_none(), || {
            format!(
                "station {} lived in the main process (pid {}), and not in one of its own",
                here.map_or(0, |event| event.value),
                seen.main_pid
            )
        })
        .show_lines(|| {
            let line = |event: &Event| format!("station {} lived in pid {}", event.value, event.pid);
            seen.journal.named("lives").map(line).collect()
        });
    judge_order(seen, found);
    judge_delivery(input, seen, found);
    judge_report(input, seen, found);
}

fn judge_order(seen: &Seen, found: &mut Findings) {
    let mut last: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut wrong = None;
    for event in seen.journal.named("gets") {
        let (from, to, number) = parts(event.value);
        if let Some(before) = last.insert((from, to), number)
            && before > number
            && wrong.is_none()
        {
            wrong = Some((event, before));
        }
    }
    found
        .check("order", Verdict::Race, wrong.is_none(), || {
            let (event, before) = wrong.expect("it is not none");
            let (from, to, number) = parts(event.value);
            format!(
                "{} got letter {} of {} after letter {}: they overtook each other on their way",
                who(seen, to),
                number + 1,
                who(seen, from),
                before + 1
            )
        })
        .show_lines(|| {
            let (event, _) = wrong.expect("it is not none");
            let (from, to, _) = parts(event.value);
            story(seen, from, to)
        });
}

fn judge_delivery(input: &Input, seen: &Seen, found: &mut Findings) {
    let stray = seen
        .journal
        .events()
        .iter()
        .find(|event| event.name == "gets another's");
    found.check("delivered", Verdict::Wrong, stray.is_none(), || {
        let (pid, value) = stray.map_or((0, 0), |event| (event.pid, event.value));
        let (from, to, number) = parts(value);
        format!(
            "pid {pid} got letter {} of station {from}, which is for station {to}",
            number + 1
        )
    });
    let mut count: BTreeMap<i64, i32> = BTreeMap::new();
    for event in seen.journal.named("sends") {
        *count.entry(event.value).or_default() += 1;
    }
    for event in seen.journal.named("gets") {
        *count.entry(event.value).or_default() -= 1;
    }
    let dies = |station: u32| {
        let station = input.stations.get(station as usize);
        station.is_some_and(Station::dies)
    };
    let lost: Vec<i64> = count
        .iter()
        .filter(|(code, left)| **left > 0 && !dies(parts(**code).1))
        .map(|(code, _)| *code)
        .collect();
    found
        .check("delivered", Verdict::Wrong, lost.is_empty(), || {
            let (from, to, _) = parts(lost[0]);
            let fate = if dies(from) {
                ", which had sent them before it was killed,"
            } else {
                ""
            };
            let of_pair = lost
                .iter()
                .filter(|code| (parts(**code).0, parts(**code).1) == (from, to));
            format!(
                "{} letters were never delivered: {} of {}{fate} to {}",
                lost.len(),
                of_pair.count(),
                who(seen, from),
                who(seen, to)
            )
        })
        .show_lines(|| {
            let (from, to, _) = parts(lost[0]);
            story(seen, from, to)
        });
    let refused: Option<&Event> = seen.journal.named("cannot send").next();
    found
        .check("delivered", Verdict::Wrong, refused.is_none(), || {
            let (from, to, number) = refused.map_or((0, 0, 0), |event| parts(event.value));
            format!(
                "{} could not send its letter {} to station {to}: nobody took letters from it any more",
                who(seen, from),
                number + 1
            )
        })
        .show_lines(|| {
            let (from, to, _) = refused.map_or((0, 0, 0), |event| parts(event.value));
            story(seen, from, to)
        });
    let twice = count
        .iter()
        .find(|(_, left)| **left < 0)
        .map(|(code, _)| parts(*code));
    found
        .check("delivered", Verdict::Wrong, twice.is_none(), || {
            let (from, to, number) = twice.unwrap_or((0, 0, 0));
            format!(
                "letter {} of {} to {} was delivered twice",
                number + 1,
                who(seen, from),
                who(seen, to)
            )
        })
        .show_lines(|| twice.map_or_else(Vec::new, |(from, to, _)| story(seen, from, to)));
}

fn judge_report(input: &Input, seen: &Seen, found: &mut Findings) {
    let Some(said) = &seen.value else { return };
    let got = |station: &Station| {
        let pid = pid_of(seen, station.number);
        let got = seen
            .journal
            .named("gets")
            .filter(|event| event.pid == pid)
            .count();
        (!station.dies()).then_some(got as u64)
    };
    let right: Vec<Option<u64>> = input.stations.iter().map(got).collect();
    found
        .check("report", Verdict::Wrong, *said == right, || {
            format!(
                "the stations got {} letters; the answer says {}",
                list(&right),
                list(said)
            )
        })
        .show_lines(|| {
            let line = |station: &Station| {
                let status = seen
                    .process(pid_of(seen, station.number))
                    .and_then(|process| process.status);
                let how = status.map_or("was not seen to end".to_owned(), |status| status.to_string());
                format!("{}: {how}", who(seen, station.number))
            };
            input.stations.iter().map(line).collect()
        });
}

fn list(counts: &[Option<u64>]) -> String {
    let text: Vec<String> = counts
        .iter()
        .map(|count| count.map_or("none".to_owned(), |count| count.to_string()))
        .collect();
    format!("[{}]", text.join(", "))
}

pub(super) fn judge_silence(input: &Input, seen: &Seen, found: &mut Findings) {
    let rest = seen.rest(seen.main_pid);
    let watch = seen
        .journal
        .named(WATCH)
        .next()
        .map_or(u64::MAX, |event| event.seq);
    let end = seen
        .journal
        .events()
        .iter()
        .find(|event| event.name == "rest")
        .map_or(u64::MAX, |event| event.seq);
    let looks: Vec<&Event> = seen
        .journal
        .by_pid(seen.main_pid)
        .filter(|event| event.name == "wait_any" && event.phase == grader::Phase::Begin)
        .filter(|event| (watch..end).contains(&event.seq))
        .collect();
    match rest {
        Some(Rest::Asleep) | Some(Rest::Awake(_)) => {
            found
                .check("sleeps", Verdict::Limit, rest == Some(Rest::Asleep), || {
                    let how = match looks.len() {
                        // A wait with a deadline is not told of.
                        0 | 1 => {
                            let steps = if let Some(Rest::Awake(steps)) = rest { steps } else { 0 };
                            format!("was found awake {steps} times")
                        }
                        looks => format!("called `wait_any` {looks} times"),
                    };
                    format!(
                        "pid {} (main) {how} while no letter came: {} of the {} stations had closed or died, and the last one was silent",
                        seen.main_pid,
                        input.stations.len() - 1,
                        input.stations.len()
                    )
                })
                .show_lines(|| ends(input, seen))
                .at(looks.first().and_then(|event| event.location.as_ref()));
        }
        _ => found.skip("sleeps", "this machine was too busy to show it"),
    }
    judge(input, seen, found);
}

/// Who had closed and who had died when the main process was watched.
fn ends(input: &Input, seen: &Seen) -> Vec<String> {
    let line = |station: &Station| {
        let does = if station.dies() {
            "was killed: its end is ready to be read, for ever"
        } else if station.number as usize + 1 == input.stations.len() {
            "is there, and sends nothing"
        } else {
            "has closed: its end is ready to be read, for ever"
        };
        format!("{} {does}", who(seen, station.number))
    };
    input.stations.iter().map(line).collect()
}
