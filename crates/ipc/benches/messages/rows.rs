//! The rows of the table: which games are held against each other, and what was promised.

use crate::games::Game;
use crate::games::values::FILL;
use crate::party::Place;
use crate::table::{HUGE, MEGABYTE};

/// Games of one kind at one place. The first is ours, the second the limit.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) games: Vec<Game>,
    /// Moves in one turn: some milliseconds, so that most turns are disturbed by nobody.
    pub(crate) moves: u32,
    /// Moves of CPython, which takes ten to a hundred times as long; 0: it does not take part.
    pub(crate) moves_of_python: u32,
    /// It is played in one round of so many.
    pub(crate) every: usize,
    pub(crate) unit: Unit,
    pub(crate) targets: Vec<Target>,
}

/// In what its figures are told.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Microseconds of a move.
    Microseconds,
    /// Nanoseconds of a move.
    Nanoseconds,
    /// Millions of moves in a second.
    Millions,
    /// Gigabytes in a second, of moves of so many bytes.
    Gigabytes(usize),
}

/// What a figure must be, and what it is aimed at.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The time of a move, as a multiple of the limit's.
    TimesLimit(f64, f64),
    /// At least so much in the row's unit.
    AtLeast(f64, f64),
    /// At most so much in the row's unit.
    AtMost(f64, f64),
}

impl Row {
    /// `round trip, one CPU`.
    pub(crate) fn title(&self) -> String {
        match self.place {
            Place::One => format!("{}, one CPU", self.name),
            Place::Two if self.is_round_trip() => format!("{}, two CPUs", self.name),
            Place::Two | Place::Alone => self.name.to_owned(),
        }
    }

    fn is_round_trip(&self) -> bool {
        matches!(self.unit, Unit::Microseconds)
    }
}

fn of_two(name: &'static str, games: Vec<Game>, unit: Unit, targets: Vec<Target>) -> Row {
    Row {
        name,
        place: Place::Two,
        games,
        moves: 10_000,
        moves_of_python: 1_000,
        every: 1,
        unit,
        targets,
    }
}

/// All rows, or those whose names are in the comma-separated list. A row of `Value`, of `Array` or of another object is one more here;
/// its games are one file more in `games/`.
pub(crate) fn rows(chosen: Option<&str>) -> Vec<Row> {
    let one_way = [Target::AtLeast(10.0, 30.0)];
    let mut rows = vec![
        of_two(
            "8 B 1p1c",
            vec![
                Game::Queue,
                Game::Ring,
                Game::IpcChannel,
                Game::Crossbeam,
                Game::Pipe,
            ],
            Unit::Millions,
            one_way.to_vec(),
        ),
        of_two(
            "8 B 1p1c simple",
            vec![Game::SimpleQueue, Game::Ring],
            Unit::Millions,
            one_way.to_vec(),
        ),
        Row {
            moves: 20_000,
            every: 2,
            ..of_two(
                "8 B 2p2c",
                vec![Game::QueueOfMany, Game::RingOfMany, Game::IpcChannelOfMany],
                Unit::Millions,
                vec![Target::AtLeast(5.0, 20.0)],
            )
        },
        of_two(
            "1 KB 1p1c",
            vec![
                Game::KilobyteQueue,
                Game::KilobyteRing,
                Game::KilobyteIpcChannel,
                Game::KilobyteCrossbeam,
            ],
            Unit::Millions,
            vec![Target::AtLeast(5.0, 12.0)],
        ),
        Row {
            place: Place::One,
            moves: 200,
            moves_of_python: 200,
            ..of_two(
                "round trip",
                vec![
                    Game::TripByQueues,
                    Game::TripByFutex,
                    Game::TripByIpcChannel,
                    Game::TripByCrossbeam,
                    Game::TripByConnection,
                ],
                Unit::Microseconds,
                vec![Target::TimesLimit(1.5, 1.2)],
            )
        },
        Row {
            moves: 2_000,
            moves_of_python: 100,
            ..of_two(
                "round trip",
                vec![Game::TripByQueues, Game::TripBySpinning, Game::TripByCrossbeam],
                Unit::Microseconds,
                vec![Target::AtMost(1.0, 0.2)],
            )
        },
        Row {
            moves: 50,
            moves_of_python: 0,
            every: 2,
            ..of_two(
                "round trip asleep",
                vec![Game::TripByConnection, Game::TripByFutex, Game::TripByIpcChannel],
                Unit::Microseconds,
                Vec::new(),
            )
        },
        Row {
            place: Place::Alone,
            moves: 20_000,
            moves_of_python: 0,
            ..of_two(
                "a million waiting",
                vec![Game::Crowded, Game::Quiet],
                Unit::Nanoseconds,
                vec![Target::TimesLimit(1.25, 1.05)],
            )
        },
    ];
    rows.extend(large());
    rows.extend(values());
    if let Some(chosen) = chosen {
        rows.retain(|row| chosen.split(',').any(|name| row.name == name));
    }
    rows
}

fn large() -> [Row; 3] {
    [
        Row {
            moves: 60,
            moves_of_python: 30,
            every: 2,
            ..of_two(
                "1 MB copied",
                vec![
                    Game::MegabyteCopied,
                    Game::MegabyteRing,
                    Game::MegabyteIpcChannel,
                    Game::MegabyteMemcpy,
                    Game::MegabyteValue,
                ],
                Unit::Gigabytes(MEGABYTE),
                vec![Target::AtLeast(10.0, 36.0)],
            )
        },
        Row {
            moves: 60,
            moves_of_python: 0,
            every: 2,
            ..of_two(
                "1 MB in place",
                vec![
                    Game::MegabyteInPlace,
                    Game::MegabyteRingInPlace,
                    Game::MegabyteAloneInPlace,
                ],
                Unit::Gigabytes(MEGABYTE),
                vec![Target::AtLeast(30.0, 43.0)],
            )
        },
        Row {
            moves: 2,
            moves_of_python: 2,
            every: 15,
            ..of_two(
                "64 MB copied",
                vec![
                    Game::HugeCopied,
                    Game::HugeRing,
                    Game::HugeIpcChannel,
                    Game::HugeMemcpy,
                ],
                Unit::Gigabytes(HUGE),
                vec![Target::AtLeast(6.0, 10.0)],
            )
        },
    ]
}

fn values() -> [Row; 5] {
    let alone = |name, games, unit, targets| Row {
        place: Place::Alone,
        moves: 50_000,
        ..of_two(name, games, unit, targets)
    };
    let together = |name, games, targets| Row {
        moves: 100_000,
        moves_of_python: 4_000,
        ..of_two(name, games, Unit::Millions, targets)
    };
    [
        alone(
            "Value += 1",
            vec![Game::ValueAlone, Game::LockAlone],
            Unit::Nanoseconds,
            vec![Target::AtMost(15.0, 12.0)],
        ),
        together(
            "Value += 1 of two",
            vec![Game::ValueOfTwo, Game::LockOfTwo],
            vec![Target::AtLeast(25.0, 25.0)],
        ),
        Row {
            moves_of_python: 0,
            ..alone(
                "atomic += 1",
                vec![Game::AtomicAlone, Game::WordAlone],
                Unit::Nanoseconds,
                vec![Target::TimesLimit(1.1, 1.02)],
            )
        },
        Row {
            moves_of_python: 0,
            ..together(
                "atomic += 1 of two",
                vec![Game::AtomicOfTwo, Game::WordOfTwo],
                vec![Target::TimesLimit(1.2, 1.05)],
            )
        },
        Row {
            moves: 5,
            moves_of_python: 5,
            ..alone(
                "Array 8 MB",
                vec![Game::ArrayFill, Game::MemoryFill],
                Unit::Gigabytes(FILL),
                vec![Target::TimesLimit(1.1, 1.02)],
            )
        },
    ]
}
