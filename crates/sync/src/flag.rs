//! The word of an event: set or not, how often it was set, whether somebody sleeps.
//!
//! Invariant: everything is in one word, so there is no half of a set: who is killed inside a set has set the flag or has not.
//! Pure: words in, words out; sleeping and waking is `event.rs`.
//!
//! | bits | name | what |
//! | --- | --- | --- |
//! | 0 | `SET` | the flag |
//! | 1 | `SLEEPERS` | somebody may sleep: whoever sets has to wake |
//! | 2 to 31 | generation | how often the flag was raised |
//!
//! A waiter remembers the generation, so it sees a set that was cleared again before it looked (row S14). It would be deceived if it
//! did not run while the flag is raised exactly 2^30 times.

/// The states of the word, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) u32);

const SET: u32 = 1;
const SLEEPERS: u32 = 2;
const GENERATION: u32 = 4;

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        self.0 & SET != 0
    }

    pub(crate) fn has_sleepers(self) -> bool {
        self.0 & SLEEPERS != 0
    }

    /// Whether somebody who saw `earlier`, with the flag down, may go on: it is up, or has been meanwhile.
    pub(crate) fn lets_pass(self, earlier: Self) -> bool {
        self.is_set() || self.0 / GENERATION != earlier.0 / GENERATION
    }

    /// The flag raised, by somebody who wakes all sleepers; unchanged if it is up.
    pub(crate) fn raised(self) -> Self {
        if self.is_set() {
            self
        } else {
            Self((self.0.wrapping_add(GENERATION) | SET) & !SLEEPERS)
        }
    }

    /// The flag taken down.
    pub(crate) fn lowered(self) -> Self {
        Self(self.0 & !SET)
    }

    /// Somebody is about to sleep.
    pub(crate) fn with_sleepers(self) -> Self {
        Self(self.0 | SLEEPERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_seen_by_who_waited_before_and_a_clear_hides_it_from_nobody() {
        let down = Flag(0);
        assert!(!down.lets_pass(down));
        let up = down.with_sleepers().raised();
        assert!(up.is_set() && !up.has_sleepers() && up.lets_pass(down));
        assert_eq!(up.raised(), up);
        let pulse = up.lowered();
        assert!(!pulse.is_set() && pulse.lets_pass(down) && !pulse.lets_pass(pulse));
        assert_eq!(pulse.lowered(), pulse);
    }

    #[test]
    fn the_generation_wraps_into_itself_alone() {
        let last = Flag(u32::MAX - 3);
        assert_eq!(last.raised(), Flag(SET));
        assert!(last.raised().lowered().lets_pass(last));
    }
}
