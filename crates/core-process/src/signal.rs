//! Signals by number and by name.
//!
//! Invariant: a `Signal` has a number that this system delivers (1 to `SIGRTMAX`), and its name reads back as the
//! same signal.
//! This file sends nothing and changes no disposition.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A signal: what ended a child, or what is sent to one.
///
/// ```
/// use core_process::Signal;
///
/// assert_eq!(Signal::KILL.to_string(), "SIGKILL");
/// assert_eq!("SIGTERM".parse(), Ok(Signal::TERM));
/// assert_eq!(Signal::realtime(3).map(|signal| signal.to_string()).as_deref(), Some("SIGRTMIN+3"));
/// assert_eq!(Signal::new(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i32", into = "i32")]
pub struct Signal(i32);

/// A name or a number that is no signal of this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSignal(String);

/// Makes a constant of each signal and the table of their names.
macro_rules! signals {
    ($($short:ident = $number:path, $what:literal;)*) => {
        impl Signal {
            $(#[doc = concat!("`SIG", stringify!($short), "`: ", $what, ".")]
            pub const $short: Self = Self($number);)*
        }

        /// The signals that have a name of their own, without their `SIG`.
        const NAMES: &[(&str, Signal)] = &[$((stringify!($short), Signal::$short),)*];
    };
}

signals! {
    HUP = libc::SIGHUP, "the terminal is gone; a daemon's request to read its configuration again";
    INT = libc::SIGINT, "the interrupt key, Ctrl-C";
    QUIT = libc::SIGQUIT, "the quit key; ends with a core dump";
    ILL = libc::SIGILL, "an illegal instruction";
    TRAP = libc::SIGTRAP, "a breakpoint";
    ABRT = libc::SIGABRT, "the process called `abort`";
    BUS = libc::SIGBUS, "an access to memory that is mapped and not there";
    FPE = libc::SIGFPE, "an arithmetic fault, such as an integer division by zero in C";
    KILL = libc::SIGKILL, "ends the process; it can be neither caught nor ignored";
    USR1 = libc::SIGUSR1, "for the program's own use";
    SEGV = libc::SIGSEGV, "an access to memory that is not mapped, or not so";
    USR2 = libc::SIGUSR2, "for the program's own use";
    PIPE = libc::SIGPIPE, "a write to a pipe or socket that nobody reads; ignored in a Rust program";
    ALRM = libc::SIGALRM, "a timer of `alarm` ran out";
    TERM = libc::SIGTERM, "the request to end";
    STKFLT = libc::SIGSTKFLT, "unused";
    CHLD = libc::SIGCHLD, "a child has ended, stopped or continued";
    CONT = libc::SIGCONT, "lets a stopped process continue";
    STOP = libc::SIGSTOP, "stops the process; it can be neither caught nor ignored";
    TSTP = libc::SIGTSTP, "the stop key, Ctrl-Z";
    TTIN = libc::SIGTTIN, "a background process read from its terminal";
    TTOU = libc::SIGTTOU, "a background process wrote to its terminal";
    URG = libc::SIGURG, "urgent data on a socket";
    XCPU = libc::SIGXCPU, "the limit of processor time is used up";
    XFSZ = libc::SIGXFSZ, "the limit of a file's size is exceeded";
    VTALRM = libc::SIGVTALRM, "a timer of the process's own time ran out";
    PROF = libc::SIGPROF, "a profiling timer ran out";
    WINCH = libc::SIGWINCH, "the terminal's window changed its size";
    IO = libc::SIGIO, "a descriptor is ready";
    PWR = libc::SIGPWR, "the power fails";
    SYS = libc::SIGSYS, "a system call that is not allowed";
}

/// Older names, understood and not shown.
const OTHER_NAMES: [(&str, Signal); 3] = [("IOT", Signal::ABRT), ("POLL", Signal::IO), ("CLD", Signal::CHLD)];

impl Signal {
    /// The signal of that number, if this system has it.
    pub fn new(number: i32) -> Option<Self> {
        (1..=libc::SIGRTMAX()).contains(&number).then_some(Self(number))
    }

    /// The real-time signal `SIGRTMIN + offset`, for a program's own use: these queue, and the lowest comes first.
    /// `None` after the last.
    pub fn realtime(offset: u8) -> Option<Self> {
        Self::new(libc::SIGRTMIN() + i32::from(offset))
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, _)) = NAMES.iter().find(|(_, signal)| signal == self) {
            return write!(f, "SIG{name}");
        }
        match self.0 - libc::SIGRTMIN() {
            0 => f.write_str("SIGRTMIN"),
            offset @ 1.. => write!(f, "SIGRTMIN+{offset}"),
            // The C library keeps the first real-time signals to itself and gives them no name.
            _ => write!(f, "SIG{}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({self})")
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Reads `SIGTERM`, `TERM`, `SIGRTMIN+3`, `SIGRTMAX-1` or `15`.
    fn from_str(text: &str) -> Result<Self, UnknownSignal> {
        let name = text.strip_prefix("SIG").unwrap_or(text);
        let named = NAMES.iter().chain(&OTHER_NAMES).find(|(known, _)| *known == name);
        named
            .map(|(_, signal)| *signal)
            .or_else(|| Self::new(realtime_number(name).or_else(|| digits(name))?))
            .ok_or_else(|| UnknownSignal(text.to_owned()))
    }
}

/// The number of `RTMIN`, `RTMIN+n`, `RTMAX` or `RTMAX-n`.
fn realtime_number(name: &str) -> Option<i32> {
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let number = if let Some(offset) = name.strip_prefix("RTMIN") {
        if offset.is_empty() {
            first
        } else {
            first.checked_add(digits(offset.strip_prefix('+')?)?)?
        }
    } else {
        let offset = name.strip_prefix("RTMAX")?;
        if offset.is_empty() {
            last
        } else {
            last.checked_sub(digits(offset.strip_prefix('-')?)?)?
        }
    };
    (first..=last).contains(&number).then_some(number)
}

/// A number of digits alone: no sign, no space.
fn digits(text: &str) -> Option<i32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl TryFrom<i32> for Signal {
    type Error = UnknownSignal;

    fn try_from(number: i32) -> Result<Self, UnknownSignal> {
        Self::new(number).ok_or_else(|| UnknownSignal(number.to_string()))
    }
}

impl From<Signal> for i32 {
    fn from(signal: Signal) -> Self {
        signal.0
    }
}

impl fmt::Display for UnknownSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no signal of this system", self.0)
    }
}

impl std::error::Error for UnknownSignal {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};
    use std::collections::HashSet;

    #[test]
    fn every_signal_has_a_name_of_its_own_that_reads_back() {
        let mut names = HashSet::new();
        for number in 1..=libc::SIGRTMAX() {
            let signal = Signal::new(number).unwrap();
            let name = signal.to_string();
            assert_eq!(name.parse(), Ok(signal), "{name}");
            assert_eq!(name["SIG".len()..].parse(), Ok(signal));
            assert_eq!(number.to_string().parse(), Ok(signal));
            assert_eq!(decode(&encode(&signal).unwrap().bytes, vec![]), Ok(signal));
            assert!(names.insert(name));
        }
    }

    #[test]
    fn names_are_those_of_the_manual() {
        for (signal, name) in [
            (Signal::new(9), "SIGKILL"),
            (Signal::new(6), "SIGABRT"),
            (Signal::new(31), "SIGSYS"),
            (Signal::realtime(0), "SIGRTMIN"),
            (Signal::realtime(1), "SIGRTMIN+1"),
        ] {
            assert_eq!(signal.unwrap().to_string(), name);
        }
        assert_eq!("SIGRTMAX".parse(), Ok(Signal(libc::SIGRTMAX())));
        assert_eq!("SIGRTMAX-2".parse(), Ok(Signal(libc::SIGRTMAX() - 2)));
        assert_eq!("SIGIOT".parse(), Ok(Signal::ABRT));
        assert_eq!(format!("{:?}", Signal::TERM), "Signal(SIGTERM)");
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for text in [
            "",
            "SIG",
            "0",
            "-9",
            "+9",
            " 9",
            "65",
            "SIGKILL ",
            "sigkill",
            "SIGRTMIN+",
            "SIGRTMIN+31",
            "SIGRTMIN-1",
            "SIGRTMAX-31",
            "SIGRTMIN+2147483647",
            "99999999999",
            "SIGSIGKILL",
        ] {
            assert_eq!(text.parse::<Signal>(), Err(UnknownSignal(text.to_owned())));
        }
        for number in [0, -1, 65, i32::MAX] {
            assert_eq!(Signal::new(number), None);
            assert!(decode::<Signal>(&encode(&number).unwrap().bytes, vec![]).is_err());
        }
        assert_eq!(Signal::realtime(200), None);
    }
}
