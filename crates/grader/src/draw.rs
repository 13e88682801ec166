//! Inputs drawn from a seed.
//!
//! Invariant: the same seed draws the same values, in the cage and in the judge, today and at the learner's replay. Of any
//! eight seeds in a row, the sizes 0, 1, a prime and the largest are each met by every size that a scenario draws.

use std::ops::RangeInclusive;

use fastrand::Rng;

/// A source of input for one run.
///
/// ```
/// use grader::Draw;
///
/// let sizes: Vec<usize> = (0..8).map(|seed| Draw::from_seed(seed).size(20)).collect();
/// assert!(sizes.contains(&0) && sizes.contains(&1) && sizes.contains(&20));
/// assert_eq!(Draw::from_seed(5).size(20), sizes[5]);
/// ```
#[derive(Clone, Debug)]
pub struct Draw {
    seed: u64,
    rng: Rng,
    sizes: u64,
}

impl Draw {
    /// The draw of this seed, from its beginning.
    pub fn from_seed(seed: u64) -> Draw {
        // Seeds in a row would give similar first numbers; an odd multiplier spreads them.
        Draw {
            seed,
            rng: Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed),
            sizes: 0,
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A size from 0 to `max`. Of eight seeds in a row, four give 0, 1, a prime, and `max`.
    pub fn size(&mut self, max: usize) -> usize {
        self.size_in(0..=max)
    }

    /// A size of a range. Of eight seeds in a row, four give the smallest, the next one, a prime if there is one, and the
    /// largest. An empty range gives its start.
    pub fn size_in(&mut self, range: RangeInclusive<usize>) -> usize {
        let (min, max) = (*range.start(), (*range.end()).max(*range.start()));
        // The second size of a scenario is not at its edge on the seeds where the first one is at the same edge.
        let turn = (self.seed + 3 * self.sizes) % 8;
        self.sizes += 1;
        let random = self.rng.usize(min..=max);
        match turn {
            0 => min,
            1 => (min + 1).min(max),
            2 => (min..=random)
                .rev()
                .chain(random..=max)
                .find(|&n| is_prime(n))
                .unwrap_or(random),
            3 => max,
            _ => random,
        }
    }

    /// A number of a range.
    pub fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.rng.u64(range)
    }

    /// A signed number of a range.
    pub fn signed(&mut self, range: RangeInclusive<i64>) -> i64 {
        self.rng.i64(range)
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        assert!(!choices.is_empty(), "pick: there is nothing to pick from");
        &choices[self.rng.usize(0..choices.len())]
    }

    /// True in one of `n` draws, on average.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(0..n.max(1)) == 0
    }

    /// `len` values.
    pub fn list<T>(&mut self, len: usize, mut value: impl FnMut(&mut Draw) -> T) -> Vec<T> {
        (0..len).map(|_| value(self)).collect()
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.rng.shuffle(items);
    }
}

fn is_prime(n: usize) -> bool {
    n >= 2 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_seeds_in_a_row_meet_every_edge_for_every_size() {
        for start in [0, 1, 5, 1000] {
            for ordinal in 0..4 {
                let sizes: Vec<usize> = (start..start + 8)
                    .map(|seed| {
                        let mut draw = Draw::from_seed(seed);
                        for _ in 0..ordinal {
                            draw.size(100);
                        }
                        draw.size(100)
                    })
                    .collect();
                let edges = [0, 1, 100];
                assert!(
                    edges.iter().all(|edge| sizes.contains(edge)),
                    "from {start}, size {ordinal}: {sizes:?}"
                );
                assert!(
                    sizes.iter().any(|&n| is_prime(n)),
                    "from {start}, size {ordinal}: {sizes:?}"
                );
            }
        }
    }

    #[test]
    fn a_seed_repeats_all_that_it_drew() {
        let all = |seed| {
            let mut draw = Draw::from_seed(seed);
            let n = draw.size_in(1..=9);
            let mut list = draw.list(n, |draw| draw.number(0..=1_000_000));
            draw.shuffle(&mut list);
            (
                list,
                draw.signed(-5..=5),
                *draw.pick(&["a", "b", "c"]),
                draw.one_in(2),
            )
        };
        assert_eq!(all(77), all(77));
        assert_ne!(all(4).0, all(12).0);
    }

    #[test]
    fn sizes_stay_in_their_range() {
        for seed in 0..64 {
            assert!((3..=5).contains(&Draw::from_seed(seed).size_in(3..=5)));
            assert_eq!(Draw::from_seed(seed).size(0), 0);
        }
    }
}
