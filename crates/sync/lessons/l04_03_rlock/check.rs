//! Checks of lesson 4.3: a re-entrant lock between processes and their threads, built by the answer.

#[path = "check/judges.rs"]
mod judges;
#[path = "check/parts.rs"]
mod parts;
#[path = "check/script.rs"]
mod script;

use core_process::Process;
use core_process::shm::Segment;
use grader::{Draw, Scenario};
use serde::{Deserialize, Serialize};

use judges::judge;
pub use parts::Parts;
use parts::{GIVEN_BACK, Stage, TAKEN};
use script::{Move, Script, play};

/// The caller does not hold the lock that it wants to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOwner;

/// What one run is given: for each process, the scripts of its threads.
#[derive(Clone, Debug)]
pub struct Input {
    stage: Stage,
    processes: Vec<Vec<Script>>,
}

/// What came of it: the counter at the end, and for each process how it failed, if it did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    total: u64,
    failures: Vec<Option<String>>,
}

/// The situations that an answer is put into.
pub fn scenarios<A, R>(acquire: A, release: R) -> Vec<Scenario>
where
    A: Fn(&Parts) + Copy + Send + Sync + 'static,
    R: Fn(&Parts) -> Result<(), NotOwner> + Copy + Send + Sync + 'static,
{
    let act = move |input: Input| run(&input, acquire, release);
    vec![
        Scenario::new("two at once", draw_at_once, act, judge),
        Scenario::new("two processes, one nests", draw_processes, act, judge),
        Scenario::new("two threads of a process", draw_threads, act, judge),
        Scenario::new(
            "two threads, neither of them the main one",
            draw_other_threads,
            act,
            judge,
        ),
        Scenario::new("one comes while another is leaving", draw_leaving, act, judge),
        Scenario::new("two locks", draw_two_locks, act, judge),
        Scenario::new("releases by others", draw_others, act, judge),
        Scenario::new("the owner is killed", draw_death, act, judge),
        Scenario::new("every day", draw_every_day, act, judge).shake(),
    ]
}

fn run<A, R>(input: &Input, acquire: A, release: R) -> Outcome
where
    A: Fn(&Parts) + Copy + Send + Sync + 'static,
    R: Fn(&Parts) -> Result<(), NotOwner> + Copy + Send + Sync + 'static,
{
    let locks = [1, 2].map(|number| Parts::new(number, input.stage).expect("there is memory"));
    let counter = Segment::create("counter", 8).expect("there is memory");
    let target = move |locks: Vec<Parts>, counter: Segment, scripts: Vec<Script>| {
        std::thread::scope(|scope| {
            let (locks, counter) = (&locks, &counter);
            let mut scripts = scripts.into_iter();
            let first = scripts.next();
            for script in scripts {
                scope.spawn(move || play(&script, locks, counter, acquire, release));
            }
            if let Some(script) = first {
                play(&script, locks, counter, acquire, release);
            }
        });
    };
    let start = |scripts: &Vec<Script>| {
        let locks: Vec<Parts> = locks
            .iter()
            .map(|lock| lock.for_process().expect("a descriptor is free"))
            .collect();
        let counter = counter.try_clone().expect("a descriptor is free");
        let recipe = Process::new(target, (locks, counter, scripts.clone()));
        recipe.start().expect("a process can be started")
    };
    let children: Vec<_> = input.processes.iter().map(start).collect();
    let failures = children
        .iter()
        .map(|child| child.join().err().map(|error| error.to_string()))
        .collect();
    Outcome {
        total: counter.atomic_u64(0).load(std::sync::atomic::Ordering::Relaxed),
        failures,
    }
}

/// Both come to a free lock at the same time and add one each.
fn draw_at_once(_: &mut Draw) -> Input {
    let script = Script(vec![
        Move::Acquire { lock: 0, times: 1 },
        Move::AddSlowly { place: 0 },
        Move::Release { lock: 0, times: 1 },
    ]);
    Input {
        stage: Stage::SecondLook,
        processes: vec![vec![script.clone()], vec![script]],
    }
}

/// One holds the lock `depth` times, after it had it once before; the other one comes when that is so.
fn holder_and_comer(depth: usize) -> (Script, Script) {
    let holder = Script(vec![
        Move::Acquire { lock: 0, times: 1 },
        Move::Release { lock: 0, times: 1 },
        Move::Acquire {
            lock: 0,
            times: depth,
        },
        Move::Open { gate: 0 },
        Move::Inside { lock: 0, place: 0 },
        Move::Release {
            lock: 0,
            times: depth - 1,
        },
        Move::Inside { lock: 0, place: 1 },
        Move::Release { lock: 0, times: 1 },
    ]);
    let comer = Script(vec![
        Move::Wait { gate: 0 },
        Move::Acquire { lock: 0, times: 1 },
        Move::Inside { lock: 0, place: 0 },
        Move::Inside { lock: 0, place: 1 },
        Move::Release { lock: 0, times: 1 },
    ]);
    (holder, comer)
}

fn draw_processes(draw: &mut Draw) -> Input {
    let (holder, comer) = holder_and_comer(draw.size_in(2..=1000));
    Input {
        stage: Stage::Plain,
        processes: vec![vec![holder], vec![comer]],
    }
}

fn draw_threads(draw: &mut Draw) -> Input {
    let (holder, comer) = holder_and_comer(draw.size_in(2..=20));
    let mut threads = vec![holder, comer];
    // The main thread is as good as any other.
    draw.shuffle(&mut threads);
    Input {
        stage: Stage::Plain,
        processes: vec![threads],
    }
}

/// Both threads are started by the main one, which does nothing itself.
fn draw_other_threads(draw: &mut Draw) -> Input {
    let mut input = draw_threads(draw);
    input.processes[0].insert(0, Script(Vec::new()));
    input
}

/// The first has given the plain lock back and is not yet out of its release when the next one takes it, and takes it again.
fn draw_leaving(draw: &mut Draw) -> Input {
    let times = draw.size_in(1..=5);
    let first = Script(vec![
        Move::Acquire { lock: 0, times },
        Move::Release { lock: 0, times },
        Move::Open { gate: 0 },
    ]);
    let next = Script(vec![
        Move::Wait { gate: GIVEN_BACK },
        Move::Acquire { lock: 0, times: 1 },
        Move::Open { gate: TAKEN },
        Move::Wait { gate: 0 },
        Move::Acquire { lock: 0, times },
        Move::Add,
        Move::Release { lock: 0, times },
        Move::Release { lock: 0, times: 1 },
    ]);
    Input {
        stage: Stage::AfterGivingBack,
        processes: vec![vec![first], vec![next]],
    }
}

/// Who holds one lock wants another one, which somebody else holds.
fn draw_two_locks(draw: &mut Draw) -> Input {
    let times = draw.size_in(1..=5);
    let holder = Script(vec![
        Move::Acquire { lock: 1, times },
        Move::Open { gate: 0 },
        Move::Inside { lock: 1, place: 0 },
        Move::Release { lock: 1, times },
    ]);
    let comer = Script(vec![
        Move::Acquire { lock: 0, times: 1 },
        Move::Wait { gate: 0 },
        Move::Acquire { lock: 1, times: 1 },
        Move::Inside { lock: 1, place: 0 },
        Move::Release { lock: 1, times: 1 },
        Move::Release { lock: 0, times: 1 },
    ]);
    Input {
        stage: Stage::Plain,
        processes: vec![vec![holder], vec![comer]],
    }
}

/// Another thread and another process release what they do not hold, and what nobody holds.
fn draw_others(draw: &mut Draw) -> Input {
    let depth = draw.size_in(2..=20);
    let holder = Script(vec![
        Move::ReleaseOfOther { lock: 0 },
        Move::Acquire {
            lock: 0,
            times: depth,
        },
        Move::Open { gate: 0 },
        Move::Wait { gate: 1 },
        Move::Wait { gate: 2 },
        Move::Release {
            lock: 0,
            times: depth - 1,
        },
        Move::Inside { lock: 0, place: 0 },
        Move::Release { lock: 0, times: 1 },
    ]);
    let other = |gate| {
        Script(vec![
            Move::Wait { gate: 0 },
            Move::ReleaseOfOther { lock: 0 },
            Move::Open { gate },
            Move::Acquire { lock: 0, times: 1 },
            Move::Inside { lock: 0, place: 0 },
            Move::Release { lock: 0, times: 1 },
        ])
    };
    Input {
        stage: Stage::Plain,
        processes: vec![vec![holder, other(1)], vec![other(2)]],
    }
}

/// The owner dies with the lock; the next one has it, and the one after that.
fn draw_death(draw: &mut Draw) -> Input {
    let times = draw.size_in(1..=5);
    let victim = Script(vec![
        Move::Acquire { lock: 0, times },
        Move::Open { gate: 0 },
        Move::Die,
    ]);
    let heir = Script(vec![
        Move::Wait { gate: 0 },
        Move::Acquire { lock: 0, times },
        Move::Add,
        Move::Release { lock: 0, times },
        Move::Open { gate: 1 },
    ]);
    let last = Script(vec![
        Move::Wait { gate: 1 },
        Move::Acquire { lock: 0, times: 1 },
        Move::Add,
        Move::Release { lock: 0, times: 1 },
    ]);
    Input {
        stage: Stage::Plain,
        processes: vec![vec![victim], vec![heir, last]],
    }
}

fn draw_every_day(draw: &mut Draw) -> Input {
    let processes = draw.size_in(1..=4);
    let threads = draw.size_in(1..=2);
    let rounds = draw.size(12);
    let mut script = || {
        let mut moves = Vec::new();
        for _ in 0..rounds {
            let times = draw.number(1..=3) as usize;
            moves.extend([
                Move::Acquire { lock: 0, times },
                Move::Add,
                Move::Release { lock: 0, times },
            ]);
        }
        Script(moves)
    };
    let processes = (0..processes).map(|_| (0..threads).map(|_| script()).collect());
    Input {
        stage: Stage::Plain,
        processes: processes.collect(),
    }
}
