//! The terminal: colours, lines, progress.
//!
//! Invariant: colours reach a terminal only (`anstream` strips them elsewhere and obeys `NO_COLOR`), progress goes to
//! standard error and to a terminal only, and a reader that goes away (`| head`) ends the command without a panic.
//! It does not know what is said.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Something that holds.
pub(crate) const OK: Style = AnsiColor::Green.on_default().bold();
/// Something that does not.
pub(crate) const FAIL: Style = AnsiColor::Red.on_default().bold();
/// Something to look at.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// A title.
pub(crate) const HEAD: Style = Style::new().bold();
/// Something beside the point.
pub(crate) const DIM: Style = Style::new().dimmed();

/// The status of a command whose reader went away, as the shell shows a death by SIGPIPE.
const READER_GONE: i32 = 141;

/// Writes one line to standard output.
pub(crate) fn line_out(line: fmt::Arguments<'_>) {
    if writeln!(anstream::stdout(), "{line}").is_err() {
        std::process::exit(READER_GONE);
    }
}

/// Writes one line to standard error; nobody is there to be told when that fails.
pub(crate) fn line_err(line: fmt::Arguments<'_>) {
    let _unheard = writeln!(anstream::stderr(), "{line}");
}

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::screen::line_out(format_args!($($text)*)) };
}

/// A line on standard error.
macro_rules! complain {
    ($($text:tt)*) => { $crate::screen::line_err(format_args!($($text)*)) };
}

pub(crate) use {complain, say};

/// Clears a terminal before the next picture; does nothing elsewhere.
pub(crate) fn clear() {
    if std::io::stdout().is_terminal() {
        let _unheard = write!(anstream::stdout(), "\x1b[2J\x1b[H");
    }
}

/// Long work, shown on standard error while it goes on. It vanishes when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Work of unknown length.
    pub(crate) fn spinner(what: impl Into<String>) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.into());
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(bar)
    }

    /// Work of `steps` steps.
    pub(crate) fn steps(steps: usize) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(bar)
    }

    /// Says what is going on now.
    pub(crate) fn now(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }

    /// Lets `print` write its lines, the bar out of the way meanwhile.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
