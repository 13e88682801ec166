//! All games in turn, and the ratios within each turn.
//!
//! The clock of a shared machine moves by tens of per cent from second to second, and somebody else may need a CPU at any moment. So a
//! turn is short, the games of a row follow each other at once and in the reverse order every other round, and a ratio is taken
//! within a round. What is reported is the median, and the lower quartile: the figure of the quiet rounds.

use crate::cpython::Interpreter;
use crate::guest::Guest;
use crate::rows::Row;

/// Rounds of a measurement.
pub(crate) const ROUNDS: usize = 300;

/// CPython takes part in one round of so many: it takes ten to a hundred times as long.
const PYTHON_EVERY: usize = 15;

/// The name under which CPython is listed.
pub(crate) const CPYTHON: &str = "CPython";

/// The times of one subject, one for each round that it took part in.
pub(crate) struct Times {
    pub(crate) row: String,
    pub(crate) subject: &'static str,
    /// Nanoseconds of a move.
    pub(crate) by_round: Vec<(usize, f64)>,
}

/// What is reported of many values.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    /// A quarter is lower.
    pub(crate) quiet: f64,
    /// Half is lower.
    pub(crate) median: f64,
}

/// Plays every game of every row, `rounds` times.
pub(crate) fn take(
    rows: &[Row],
    guest: &Guest,
    mut python: Option<&mut Interpreter>,
    rounds: usize,
) -> Vec<Times> {
    let mut all: Vec<Vec<Times>> = rows.iter().map(times_of).collect();
    for round in 0..rounds {
        for (row, times) in rows.iter().zip(&mut all) {
            let mut order: Vec<usize> = (0..row.games.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let time = guest.play(row.games[at], row.place, row.moves);
                times[at].by_round.push((round, time));
            }
            if let Some(python) = python.as_mut().filter(|_| round % PYTHON_EVERY == 0) {
                let time = python.measure(&format!("{} {:?} {}", row.name, row.place, row.moves / 4));
                times[row.games.len()].by_round.push((round, time));
            }
        }
    }
    all.into_iter()
        .flatten()
        .filter(|times| !times.by_round.is_empty())
        .collect()
}

fn times_of(row: &Row) -> Vec<Times> {
    let names = row.games.iter().map(|game| game.name()).chain([CPYTHON]);
    names
        .map(|subject| Times {
            row: row.title(),
            subject,
            by_round: Vec::new(),
        })
        .collect()
}

impl Times {
    /// Of a move, in nanoseconds.
    pub(crate) fn nanoseconds(&self) -> Summary {
        summary(self.by_round.iter().map(|(_, time)| *time).collect())
    }

    /// How many times as long as `other` it takes, over the rounds that both took part in.
    pub(crate) fn ratio_to(&self, other: &Self) -> Summary {
        let ratios = self.by_round.iter().filter_map(|(round, time)| {
            let at = other
                .by_round
                .binary_search_by_key(round, |(round, _)| *round)
                .ok()?;
            Some(time / other.by_round[at].1)
        });
        summary(ratios.collect())
    }
}

fn summary(mut values: Vec<f64>) -> Summary {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or(f64::NAN);
    Summary {
        quiet: at(1),
        median: at(2),
    }
}
