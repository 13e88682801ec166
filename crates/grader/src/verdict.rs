//! The verdicts: what the grader may say about an answer.
//!
//! Invariant: a verdict has one name, one exit code and one explanation, all of them here; nothing else spells them.
//! It does not know how a verdict is reached (`judge` does) nor how it is drawn (`render` does).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the grader says about a run of an answer, in the words of the course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Every check held on every seed, and nothing was left behind.
    Pass,
    /// The answer does not compile.
    Build,
    /// A result differs from the expected one.
    Wrong,
    /// No progress before the deadline, confirmed at three times the deadline.
    Hang,
    /// Died by a signal or panicked where that was not asked.
    Crash,
    /// A read-modify-write without exclusion lost somebody's change.
    LostUpdate,
    /// An order that must hold did not hold.
    Race,
    /// Work that must overlap did not.
    Serial,
    /// Correct, but excludes more than was asked.
    Oversync,
    /// The work ran in the wrong process.
    NotAProcess,
    /// A dead child that nobody waited for.
    LeakZombie,
    /// A living descendant after the answer said that it was done.
    LeakOrphan,
    /// An open descriptor after the answer said that it was done.
    LeakFd,
    /// Shared memory left behind.
    LeakShm,
    /// A file left behind.
    LeakFile,
    /// More processes, memory, messages or output than the budget.
    Limit,
}

impl Verdict {
    /// Every verdict, in the order of the course's table.
    pub const ALL: [Verdict; 16] = [
        Verdict::Pass,
        Verdict::Build,
        Verdict::Wrong,
        Verdict::Hang,
        Verdict::Crash,
        Verdict::LostUpdate,
        Verdict::Race,
        Verdict::Serial,
        Verdict::Oversync,
        Verdict::NotAProcess,
        Verdict::LeakZombie,
        Verdict::LeakOrphan,
        Verdict::LeakFd,
        Verdict::LeakShm,
        Verdict::LeakFile,
        Verdict::Limit,
    ];

    /// The name as it is printed, and as it stands in `lesson.toml` and in `//! expect:` lines.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Build => "BUILD",
            Verdict::Wrong => "WRONG",
            Verdict::Hang => "HANG",
            Verdict::Crash => "CRASH",
            Verdict::LostUpdate => "LOST_UPDATE",
            Verdict::Race => "RACE",
            Verdict::Serial => "SERIAL",
            Verdict::Oversync => "OVERSYNC",
            Verdict::NotAProcess => "NOT_A_PROCESS",
            Verdict::LeakZombie => "LEAK_ZOMBIE",
            Verdict::LeakOrphan => "LEAK_ORPHAN",
            Verdict::LeakFd => "LEAK_FD",
            Verdict::LeakShm => "LEAK_SHM",
            Verdict::LeakFile => "LEAK_FILE",
            Verdict::Limit => "LIMIT",
        }
    }

    /// The exit status of a command that ends with this verdict: 0 for PASS alone.
    ///
    /// 1 (the tool itself failed) and 2 (usage) are never a verdict.
    pub const fn exit_code(self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Build => 10,
            Verdict::Wrong => 11,
            Verdict::Hang => 12,
            Verdict::Crash => 13,
            Verdict::LostUpdate => 14,
            Verdict::Race => 15,
            Verdict::Serial => 16,
            Verdict::Oversync => 17,
            Verdict::NotAProcess => 18,
            Verdict::LeakZombie => 20,
            Verdict::LeakOrphan => 21,
            Verdict::LeakFd => 22,
            Verdict::LeakShm => 23,
            Verdict::LeakFile => 24,
            Verdict::Limit => 25,
        }
    }

    /// True for [`Verdict::Pass`].
    pub const fn is_pass(self) -> bool {
        matches!(self, Verdict::Pass)
    }

    /// What the verdict means and how to go about it, in one paragraph (`cargo xtask explain`).
    pub const fn explanation(self) -> &'static str {
        match self {
            Verdict::Pass => {
                "Every check held on every seed that was run, and when the answer said that it was done, nothing was \
                 left behind: no process, no descriptor, no shared memory, no file."
            }
            Verdict::Build => {
                "The file does not compile, so nothing was run. The message is the compiler's own, shortened to what \
                 concerns your file. The signature of the function in the stub must stay as it is: the checks call it."
            }
            Verdict::Wrong => {
                "A result differs from the one that a plain, single-process computation gives, or from what the lesson \
                 asks for. What was expected and what was observed are printed side by side; the seed repeats the very \
                 same input."
            }
            Verdict::Hang => {
                "No process of the answer made progress before the deadline, and none did in twice that time more, so \
                 the run was ended. The deadline counts run time alone and grows on a slow machine. The report names, for \
                 each process that was left, what it waits for and which line of your file asked for it: look for two \
                 processes that wait for each other, or for one that waits for something nobody will do any more."
            }
            Verdict::Crash => {
                "A process of the answer died by a signal or panicked, and the lesson had not asked for it. The signal or \
                 the panic's message and line are printed. A panic in a child reaches the parent as an error of `join`: \
                 `unwrap` on that error makes the parent panic too, and then both are named."
            }
            Verdict::LostUpdate => {
                "Two processes read the same value, both computed a new one from it, and the second write erased the \
                 first. It is certain here and not one time in a thousand, because the grader's workload holds a process \
                 between its read and its write until another one has read. Everything from the read to the write must \
                 stand under one lock, or be one atomic operation."
            }
            Verdict::Race => {
                "An order that must hold did not hold: something happened before, or at the same time as, what it had to \
                 wait for. Order is taken from the journal (what each process had seen of the others), never from \
                 clocks, so a sleep cannot repair it; waiting for the event itself can."
            }
            Verdict::Serial => {
                "Work that must overlap ran one after the other. The grader's tasks wait inside for their peers, which \
                 succeeds only if they really run at the same time, on one core just as on many. The usual cause is \
                 waiting for a process directly after starting it: start them all, then wait."
            }
            Verdict::Oversync => {
                "The result is right, but the answer excludes more, or runs more at once, than was asked: one lock over \
                 things that are independent, a lock held during the work, or a bound that is not kept. The report says \
                 how many were inside at the same time and how many could have been."
            }
            Verdict::NotAProcess => {
                "The work ran, but in the wrong process: in the parent itself, in a thread, or in one child instead of \
                 several. Who ran where is taken from the kernel and not from what the answer prints."
            }
            Verdict::LeakZombie => {
                "When the answer said that it was done, a child of it was dead but nobody had waited for it. Its entry in \
                 the process table, with its exit status, stays until the parent waits or ends. Join each child that you \
                 start."
            }
            Verdict::LeakOrphan => {
                "When the answer said that it was done, a process that it had started was still running. It would go on \
                 after your program has ended, and nobody would know. Join it, or stop it and then join it."
            }
            Verdict::LeakFd => {
                "When the answer said that it was done, descriptors were open that were not open before it began. A \
                 program that runs for long reaches its limit that way. A descriptor closes when its owner is dropped: \
                 look for a handle that is forgotten, leaked, or kept in a static."
            }
            Verdict::LeakShm => {
                "Shared memory was left behind: a segment with a name in /dev/shm that nobody unlinked, or a memfd that \
                 was still open or mapped when the answer said that it was done. Named segments outlive every process; \
                 they take memory until the machine restarts."
            }
            Verdict::LeakFile => {
                "A file that the answer made was still there when it said that it was done. Temporary files, sockets \
                 and locks on disk must go away on every path out of the function, an error's included."
            }
            Verdict::Limit => {
                "The answer used more than the lesson's budget of processes, memory, descriptors or output, and was \
                 ended. The report says which limit, and by how much. A number of processes that grows without end is \
                 most often a child that runs the code which starts children: the main guard is missing."
            }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    /// Reads a name as it is printed; small letters and `-` for `_` are accepted.
    fn from_str(text: &str) -> Result<Verdict, UnknownVerdict> {
        let wanted = text.trim().to_ascii_uppercase().replace('-', "_");
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.name() == wanted)
            .ok_or_else(|| UnknownVerdict {
                name: text.trim().to_owned(),
            })
    }
}

/// A name that is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVerdict {
    /// The name that was given.
    pub name: String,
}

impl fmt::Display for UnknownVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no verdict `{}`; the verdicts are", self.name)?;
        for (place, verdict) in Verdict::ALL.into_iter().enumerate() {
            write!(f, "{} {verdict}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownVerdict {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_is_what_serde_writes() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.name().parse(), Ok(verdict));
            assert_eq!(
                serde_json::to_string(&verdict).unwrap(),
                format!("\"{}\"", verdict.name())
            );
        }
        assert_eq!("lost-update".parse(), Ok(Verdict::LostUpdate));
    }

    #[test]
    fn exit_codes_differ_and_only_a_pass_is_zero() {
        let mut codes: Vec<u8> = Verdict::ALL.into_iter().map(Verdict::exit_code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Verdict::ALL.len());
        assert!(
            Verdict::ALL
                .into_iter()
                .all(|v| v.is_pass() == (v.exit_code() == 0))
        );
        assert!(
            !codes.contains(&1) && !codes.contains(&2),
            "1 and 2 are the tool's own failures"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = "DEADLOCK".parse::<Verdict>().unwrap_err().to_string();
        assert!(error.contains("DEADLOCK") && error.contains("HANG"), "{error}");
    }
}
