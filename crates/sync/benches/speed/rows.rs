//! The rows of the table: which games are held against each other, and what was promised.

use crate::games::Game;
use crate::guest::Place;

/// Games of one kind at one place. The first is ours, the second the limit.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) games: Vec<Game>,
    /// Moves in one turn: about a millisecond, so that most turns are disturbed by nobody.
    pub(crate) moves: u32,
    pub(crate) targets: Vec<Target>,
}

/// What a figure must be, and what it is aimed at.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The time of a move, as a multiple of the limit's.
    TimesLimit(f64, f64),
    /// The rate, as a multiple of the limit's.
    RateOfLimit(f64),
    /// Microseconds of a move.
    Microseconds(f64),
}

impl Row {
    /// Whether one waits while the other has its turn.
    pub(crate) fn is_of_turns(&self) -> bool {
        self.games[0].is_for_two() && self.games[0] != Game::LockOfTwo
    }

    /// `event, one CPU`.
    pub(crate) fn title(&self) -> String {
        match self.place {
            Place::One => format!("{}, one CPU", self.name),
            Place::Two => format!("{}, two CPUs", self.name),
            Place::Alone => self.name.to_owned(),
        }
    }
}

/// All rows, or those whose names are in the comma-separated list.
pub(crate) fn rows(chosen: Option<&str>) -> Vec<Row> {
    let asleep = [Target::TimesLimit(1.5, 1.2)];
    let hot = [Target::Microseconds(1.0)];
    let mut rows = vec![
        Row {
            name: "lock",
            place: Place::Alone,
            games: vec![Game::Lock, Game::RobustMutex, Game::StdMutex],
            moves: 20_000,
            targets: vec![Target::TimesLimit(1.5, 1.1)],
        },
        Row {
            name: "lock of two",
            place: Place::Two,
            games: vec![Game::LockOfTwo, Game::RobustMutexOfTwo],
            moves: 20_000,
            targets: vec![Target::RateOfLimit(0.8)],
        },
    ];
    for (name, ours) in [
        ("event", Game::Event),
        ("semaphore", Game::Semaphore),
        ("condition", Game::Condition),
        ("barrier", Game::Barrier),
    ] {
        let (futex, bounded, spinning) = match ours {
            Game::Barrier => (
                Game::FutexBarrier,
                Game::BoundedFutexBarrier,
                Game::SpinningBarrier,
            ),
            _ => (Game::Futex, Game::BoundedFutex, Game::Spinning),
        };
        rows.push(Row {
            name,
            place: Place::One,
            games: vec![ours, futex, bounded],
            moves: 200,
            targets: asleep.to_vec(),
        });
        rows.push(Row {
            name,
            place: Place::Two,
            games: vec![ours, spinning],
            moves: 2_000,
            targets: hot.to_vec(),
        });
    }
    if let Some(chosen) = chosen {
        rows.retain(|row| chosen.split(',').any(|name| row.name == name));
    }
    rows
}
