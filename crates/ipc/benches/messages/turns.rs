//! All games in turn, and the ratios within each turn.
//!
//! The clock of a shared machine moves by tens of per cent from second to second, and somebody else may need a CPU at any moment. So a
//! turn is short, the games of a row follow each other at once and in the reverse order every other time, and a ratio is taken
//! within a turn. What is reported is the median, and the lower quartile: the figure of the quiet turns.

use std::time::{Duration, Instant};

use crate::cpython::Interpreter;
use crate::party::Party;
use crate::rows::Row;

/// Most rounds of a measurement.
pub(crate) const ROUNDS: usize = 150;

/// No round begins after so long, on a machine that has other things to do.
const LONGEST: Duration = Duration::from_secs(90);

/// CPython takes part in one turn of so many.
const PYTHON_EVERY: usize = 10;

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

/// Plays every game of every row, `rounds` times if there is time.
pub(crate) fn take(
    rows: &[Row],
    party: &Party,
    mut python: Option<&mut Interpreter>,
    rounds: usize,
) -> Vec<Times> {
    let mut all: Vec<Vec<Times>> = rows.iter().map(times_of).collect();
    let began = Instant::now();
    for round in (0..rounds).take_while(|round| *round == 0 || began.elapsed() < LONGEST) {
        let rows = rows
            .iter()
            .zip(&mut all)
            .filter(|(row, _)| round % row.every == 0);
        for (row, times) in rows {
            let turn = round / row.every;
            let mut order: Vec<usize> = (0..row.games.len()).collect();
            if turn % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let time = party.play(row.games[at], row.place, row.moves);
                times[at].by_round.push((round, time));
            }
            let plays = turn % PYTHON_EVERY == 0 && row.moves_of_python > 0;
            if let Some(python) = python.as_mut().filter(|_| plays) {
                let time = python.measure(&format!("{} {:?} {}", row.name, row.place, row.moves_of_python));
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
