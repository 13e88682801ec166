//! F096, F097: standard streams that are closed. Nothing of ours takes their numbers, where a message for stderr would
//! be written into it.

use std::fs::File;
use std::process::{Command, Stdio};

use core_process::{Fd, Process};

use crate::account::descriptors;
use crate::limits::close;
use crate::scene::{METHODS, program};
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    f096_standard_streams_closed_at_start,
    f097_standard_streams_closed_at_run_time,
];

pub(crate) const PROGRAMS: &[Named] = named![starts_with_streams_closed];

/// Each set of closed streams, as bits.
const SETS: std::ops::Range<u32> = 0..8;

fn f096_standard_streams_closed_at_start() {
    for set in SETS {
        let closings = ["<&-", ">&-", "2>&-"];
        let closings: Vec<_> = (0..3)
            .filter(|at| set >> at & 1 == 1)
            .map(|at| closings[at])
            .collect();
        let script = format!(
            "exec \"$0\" --program starts_with_streams_closed {}",
            closings.join(" ")
        );
        let status = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env("CLOSE_AT_RUN_TIME", "0")
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{closings:?}: {status}");
    }
}

fn f097_standard_streams_closed_at_run_time() {
    for set in SETS {
        let status = program("starts_with_streams_closed")
            .env("CLOSE_AT_RUN_TIME", set.to_string())
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{set:03b}: {status}");
    }
}

/// A message to where stderr led before it was closed.
fn complain(stderr: &mut File, text: &str) -> ! {
    use std::io::Write;
    let _ = writeln!(stderr, "{text}");
    std::process::exit(1)
}

fn starts_with_streams_closed() {
    let copy = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 20);
    let mut stderr = File::from(copy.unwrap_or_else(|_| File::open("/dev/null").unwrap().into()));
    let set: u32 = std::env::var("CLOSE_AT_RUN_TIME").unwrap().parse().unwrap();
    // Opened here, and above: with streams closed, a pipe of this program's own would take their numbers.
    let reader = rustix::io::fcntl_dupfd_cloexec(&crate::scene::pipe().0, 20)
        .map(File::from)
        .unwrap();
    (0..3).filter(|at| set >> at & 1 == 1).for_each(close);
    let ours = std::process::id();
    let before = descriptors(ours);
    for method in METHODS {
        // The child prints, complains, and says what its standard streams are; a descriptor goes there and back.
        let target = |file: Fd<File>| {
            println!("from the child");
            eprintln!("from the child");
            let mut streams = descriptors(std::process::id());
            streams.retain(|number, _| *number < 3);
            (streams.into_iter().collect::<Vec<_>>(), file)
        };
        let child = match Process::new(target, Fd::from(reader.try_clone().unwrap()))
            .method(method)
            .start()
        {
            Ok(child) => child,
            Err(error) => complain(&mut stderr, &format!("{method}: {error}")),
        };
        let (streams, file) = match child.join() {
            Ok(result) => result,
            Err(error) => complain(&mut stderr, &format!("{method}: {error}")),
        };
        if streams.len() != 3
            || streams
                .iter()
                .any(|(_, link)| link.contains("start-block") || link.contains("socket:"))
        {
            complain(
                &mut stderr,
                &format!("{method}: the child's streams are {streams:?}"),
            );
        }
        let low =
            |all: &std::collections::BTreeMap<i32, String>| all.keys().filter(|number| **number < 3).count();
        let now = descriptors(ours);
        if low(&now) != low(&before) {
            complain(
                &mut stderr,
                &format!("{method}: streams before {before:?}, now {now:?}"),
            );
        }
        drop(file);
    }
}
