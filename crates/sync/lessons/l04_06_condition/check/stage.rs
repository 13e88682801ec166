//! `Stage`: processes that put and get, led through a schedule step by step.
//!
//! Invariant: after [`Stage::settle`] every process has come as far as it can: it is done, held in an operation of the ring, frozen, or
//! asleep. No clock decides: a process that wants to run and is not let by a busy machine moves, and is waited for.

use std::time::Duration;

use core_process::{Child, Process};
use grader::work::{Stance, freeze, note, processor_time_of, stance, thaw};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ring::{Halt, Ring};

/// One call of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Deed {
    Put(u64),
    Get(usize),
}

/// One process of a scenario, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) pid: u32,
    pub(super) deeds: Vec<Deed>,
    pub(super) end: End,
}

/// How a process's part ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    /// With what each get gave.
    Done(Vec<Vec<u64>>),
    /// It panicked, or left.
    Failed,
    /// It was killed, as planned.
    Killed,
    /// It slept, and nobody was left to wake it.
    Slept,
    /// It looked again and again, or ran, although nothing changed.
    Restless,
    /// Nobody waited for it any longer, since another one had failed already.
    CutOff,
}

/// What is told of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub(super) capacity: usize,
    pub(super) items: usize,
    pub(super) records: Vec<Record>,
}

/// A schedule cannot go on: somebody sleeps, tosses, or has failed.
pub(super) struct Stuck;

/// A process of the stage, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Part(usize);

struct Player {
    child: Child<Vec<Vec<u64>>>,
    deeds: Vec<Deed>,
    is_frozen: bool,
    is_killed: bool,
    is_restless: bool,
}

/// Starts a process of this number that does these deeds, and is held where it is told.
type Starter = Box<dyn Fn(usize, &[Deed], Option<Halt>) -> Child<Vec<Vec<u64>>>>;

/// Where the processes of one scenario are led.
pub(super) struct Stage {
    starter: Starter,
    ring: Ring,
    players: Vec<Player>,
}

/// The event from which on nothing counts.
pub(super) const OVER: &str = "over";

/// Between two looks at the processes.
const STEP: Duration = Duration::from_millis(1);
/// So many looks, at each of which everybody slept and between which nothing was done, show that all have come as far as they can.
const SETTLED: u32 = 5;
/// The same where it decides that somebody sleeps for ever, and a longer step: a poller's nap is not for ever.
const FOR_EVER: u32 = 40;
const LONG_STEP: Duration = Duration::from_millis(5);
/// A process that was found napping by the clock so often, without an operation of the ring, does not wait, it polls.
const NAPS: u32 = 400;
/// A process that has run for so long without an operation of the ring does not wait, it spins.
const SPINS: Duration = Duration::from_secs(1);

impl Outcome {
    /// The record of a process.
    pub(super) fn record(&self, pid: i32) -> Option<&Record> {
        self.records.iter().find(|record| record.pid as i32 == pid)
    }
}

impl Stage {
    /// A stage with a buffer of the answer.
    pub(super) fn new<B, N, P, G>(buffer: N, put: P, get: G, capacity: usize) -> Stage
    where
        B: Clone + Serialize + DeserializeOwned + 'static,
        N: Fn(Ring) -> B,
        P: Fn(&B, u64) + Copy + Send + 'static,
        G: Fn(&B, usize) -> Vec<u64> + Copy + Send + 'static,
    {
        let ring = Ring::new(capacity);
        let buffer = buffer(ring.clone());
        let play = move |buffer: B, ring: Ring, number: usize, deeds: Vec<Deed>, halt: Option<Halt>| {
            ring.play(number, halt);
            let mut got = Vec::new();
            for deed in deeds {
                match deed {
                    Deed::Put(item) => {
                        note("comes to put", item as i64);
                        put(&buffer, item);
                    }
                    Deed::Get(count) => {
                        note("comes to get", count as i64);
                        got.push(get(&buffer, count));
                    }
                }
                note("is done", 0);
            }
            got
        };
        let of_the_stage = ring.clone();
        let starter = move |number, deeds: &[Deed], halt| {
            let (buffer, ring) = (buffer.clone(), of_the_stage.clone());
            let recipe = Process::new(play, (buffer, ring, number, deeds.to_vec(), halt));
            recipe.start().expect("a process can be started")
        };
        Stage {
            starter: Box::new(starter),
            ring,
            players: Vec::new(),
        }
    }

    /// Starts a process that does these deeds one after another.
    pub(super) fn start(&mut self, deeds: &[Deed], halt: Option<Halt>) -> Part {
        let number = self.players.len();
        self.players.push(Player {
            child: (self.starter)(number, deeds, halt),
            deeds: deeds.to_vec(),
            is_frozen: false,
            is_killed: false,
            is_restless: false,
        });
        Part(number)
    }

    /// Starts a process and waits until it has come as far as it can.
    pub(super) fn lead(&mut self, deeds: &[Deed], halt: Option<Halt>) -> Result<Part, Stuck> {
        let part = self.start(deeds, halt);
        self.settle().map(|()| part)
    }

    /// Waits until everybody has come as far as they can.
    pub(super) fn settle(&mut self) -> Result<(), Stuck> {
        self.settle_for(SETTLED, STEP)
    }

    /// [`settle`](Self::settle), long enough to see one who naps between two looks.
    pub(super) fn watch(&mut self) -> Result<(), Stuck> {
        self.settle_for(FOR_EVER, LONG_STEP)
    }

    /// Waits until this process is done; if it sleeps, and everybody with it, the schedule ends here.
    pub(super) fn done(&mut self, part: Part) -> Result<(), Stuck> {
        self.settle()?;
        if self.is_done(part) {
            return Ok(());
        }
        self.watch()?;
        if self.is_done(part) { Ok(()) } else { Err(Stuck) }
    }

    /// [`done`](Self::done) for all.
    pub(super) fn all_done(&mut self) -> Result<(), Stuck> {
        (0..self.players.len()).try_for_each(|number| {
            if self.players[number].is_killed {
                Ok(())
            } else {
                self.done(Part(number))
            }
        })
    }

    /// Lets a held process go on.
    pub(super) fn release(&mut self, part: Part) -> Result<(), Stuck> {
        self.ring.let_go(part.0);
        self.settle()
    }

    /// Keeps a process off the processor.
    pub(super) fn freeze(&mut self, part: Part) {
        let player = &mut self.players[part.0];
        freeze(&player.child).expect("it is our child");
        player.is_frozen = true;
    }

    /// Gives a frozen process its processor again, and waits until all have come as far as they can.
    pub(super) fn thaw(&mut self, part: Part) -> Result<(), Stuck> {
        let player = &mut self.players[part.0];
        thaw(&player.child).expect("it is our child");
        player.is_frozen = false;
        self.settle()
    }

    /// Kills a process.
    pub(super) fn kill(&mut self, part: Part) {
        let player = &mut self.players[part.0];
        player.child.kill().expect("it is our child");
        player.child.wait().expect("it is our child");
        player.is_killed = true;
    }

    /// Ends whoever is left, and tells what came of each.
    pub(super) fn tell(self) -> Outcome {
        note(OVER, 0);
        let items = self.ring.items();
        let is_restless = self.players.iter().any(|player| player.is_restless);
        let tell = |player: Player| {
            let sleeps = !is_restless && !player.is_frozen && stance(player.child.pid()) == Stance::Sleeps;
            let end = match player.child.try_join() {
                _ if player.is_killed => End::Killed,
                Some(Ok(got)) => End::Done(got),
                Some(Err(_)) => End::Failed,
                None if player.is_restless => End::Restless,
                None if sleeps => End::Slept,
                None => End::CutOff,
            };
            (player, end)
        };
        let told: Vec<(Player, End)> = self.players.into_iter().map(tell).collect();
        // Most have ended and the others never will; but where one is killed, another might go on.
        for (player, _) in &told {
            freeze(&player.child).expect("it is our child");
        }
        let record = |(player, end): (Player, End)| {
            player.child.kill().expect("it is our child");
            player.child.wait().expect("it is our child");
            Record {
                pid: player.child.pid(),
                deeds: player.deeds,
                end,
            }
        };
        Outcome {
            capacity: self.ring.capacity(),
            items,
            records: told.into_iter().map(record).collect(),
        }
    }

    fn is_done(&self, part: Part) -> bool {
        matches!(self.players[part.0].child.try_join(), Some(Ok(_)))
    }

    fn settle_for(&mut self, needed: u32, step: Duration) -> Result<(), Stuck> {
        let used = |player: &Player| processor_time_of(player.child.pid());
        let mut used_before: Vec<Duration> = self.players.iter().map(used).collect();
        let mut naps = vec![0; self.players.len()];
        let (mut ops, mut asleep) = (self.ring.ops(), 0);
        loop {
            let mut all_end = true;
            let mut all_rest = true;
            for (number, player) in self.players.iter().enumerate() {
                if player.is_frozen || self.ring.is_held(number) || !player.child.is_alive() {
                    continue;
                }
                all_end = false;
                let stance = stance(player.child.pid());
                all_rest &= self.ring.plays(number) && stance == Stance::Sleeps;
                naps[number] += u32::from(stance == Stance::Dozes);
            }
            let ops_now = self.ring.ops();
            if all_end {
                return Ok(());
            }
            if ops_now != ops {
                ops = ops_now;
                asleep = 0;
                naps.fill(0);
                used_before = self.players.iter().map(used).collect();
            } else if all_rest {
                asleep += 1;
            }
            let spinning = (0..self.players.len())
                .find(|&number| used(&self.players[number]).saturating_sub(used_before[number]) >= SPINS);
            let napping = naps.iter().position(|naps| *naps >= NAPS);
            if let Some(number) = self.ring.tossing().or(spinning).or(napping) {
                self.players[number].is_restless = true;
                return Err(Stuck);
            }
            if asleep >= needed {
                return Ok(());
            }
            std::thread::sleep(step);
        }
    }
}
