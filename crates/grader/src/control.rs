//! The grader's own control: how long this machine takes to start a process right now.
//!
//! Invariant: a control only makes deadlines longer. No answer is blamed because of one.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A start that takes this long or less is that of a machine at rest.
const AT_REST: Duration = Duration::from_millis(8);
/// Deadlines never grow by more than this.
const MOST: u32 = 20;

/// By how much deadlines are to be longer than on a machine at rest: 1 there.
pub(crate) fn start_latency_scale() -> u32 {
    let slowest = (0..3).filter_map(|_| start_latency()).max().unwrap_or(AT_REST);
    scale(slowest)
}

fn scale(latency: Duration) -> u32 {
    let times = latency.as_micros().div_ceil(AT_REST.as_micros().max(1));
    u32::try_from(times).unwrap_or(MOST).clamp(1, MOST)
}

/// From the start of this program, in a role that does nothing, to its end.
fn start_latency() -> Option<Duration> {
    let program = std::env::current_exe().ok()?;
    let begun = Instant::now();
    let mut command = Command::new(program);
    command
        .arg("nothing")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().ok().filter(std::process::ExitStatus::success)?;
    Some(begun.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_at_rest_keeps_the_deadline_and_a_slow_one_stretches_it() {
        assert_eq!(scale(Duration::from_millis(2)), 1);
        assert_eq!(scale(AT_REST), 1);
        assert_eq!(scale(AT_REST * 3), 3);
        assert_eq!(scale(Duration::from_secs(60)), MOST);
    }
}
