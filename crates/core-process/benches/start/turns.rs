//! All subjects in turn, and the ratios within each turn.
//!
//! The clock of a shared machine moves by tens of per cent from second to second. So each round starts one child by each
//! subject, the members of a group side by side and in the reverse order every other round, and a ratio is taken within a
//! round. What is reported is the median of the ratios and the bounds between which it lies with 95 % confidence.

use std::time::{Duration, Instant};

use crate::cpython::Interpreter;
use crate::subjects::Subject;

/// Rounds of a measurement.
pub(crate) const ROUNDS: usize = 1000;

/// CPython takes part in one round of so many: it takes a hundred times as long.
const PYTHON_EVERY: usize = 20;

/// The times of one subject, one for each round that it took part in.
pub(crate) struct Times {
    pub(crate) method: &'static str,
    pub(crate) subject: &'static str,
    by_round: Vec<(usize, Duration)>,
}

/// A median and where it lies with 95 % confidence.
#[derive(Clone, Copy)]
pub(crate) struct Median {
    pub(crate) low: f64,
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

/// Starts and joins by everybody, `rounds` times.
pub(crate) fn take(
    groups: &mut [(&'static str, Vec<Subject>)],
    mut python: Option<&mut Interpreter>,
    rounds: usize,
) -> Vec<Times> {
    let mut all: Vec<Times> = Vec::new();
    for (method, members) in groups.iter_mut() {
        let mut times: Vec<Times> = members
            .iter()
            .map(|member| member.name)
            .chain(python.as_ref().map(|_| CPYTHON))
            .map(|subject| Times {
                method,
                subject,
                by_round: Vec::with_capacity(rounds),
            })
            .collect();
        for round in 0..rounds {
            let mut order: Vec<usize> = (0..members.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let began = Instant::now();
                (members[at].start_and_join)();
                times[at].by_round.push((round, began.elapsed()));
            }
            if let Some(python) = python.as_mut().filter(|_| round % PYTHON_EVERY == 0) {
                times[members.len()]
                    .by_round
                    .push((round, Duration::from_nanos(python.measure(method) as u64)));
            }
        }
        all.extend(times);
    }
    all
}

/// The name under which CPython is listed.
pub(crate) const CPYTHON: &str = "CPython";

impl Times {
    /// Of one start and join, in microseconds.
    pub(crate) fn microseconds(&self) -> Median {
        median(
            self.by_round
                .iter()
                .map(|(_, time)| time.as_secs_f64() * 1e6)
                .collect(),
        )
    }

    /// How many times as long as `other` it takes: the median over the rounds that both took part in.
    pub(crate) fn ratio_to(&self, other: &Self) -> Median {
        let ratios = self.by_round.iter().filter_map(|(round, time)| {
            let at = other
                .by_round
                .binary_search_by_key(round, |(round, _)| *round)
                .ok()?;
            Some(time.as_secs_f64() / other.by_round[at].1.as_secs_f64())
        });
        median(ratios.collect())
    }
}

/// The bounds are those order statistics between which the median lies with 95 % confidence (binomial, normal approximation).
fn median(mut values: Vec<f64>) -> Median {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else {
        return Median {
            low: f64::NAN,
            middle: f64::NAN,
            high: f64::NAN,
        };
    };
    let count = values.len() as f64;
    let at = |place: f64| values[(place.max(0.0) as usize).min(last)];
    let spread = 0.98 * count.sqrt();
    Median {
        low: at(count / 2.0 - spread),
        middle: at(count / 2.0),
        high: at(count / 2.0 + spread),
    }
}
