//! A load: busy processes beside the judges, to show that no verdict of a right answer depends on a free machine.
//!
//! Invariant: no busy process outlives its [`Load`]; if the load's process is killed, each of them notices and ends by itself.

use std::process::{Child, Command, ExitCode, Stdio};

/// Busy processes for each processor.
const PER_PROCESSOR: usize = 2;

/// Running busy processes; they are killed when it is dropped.
pub(crate) struct Load {
    processes: Vec<Child>,
}

impl Load {
    /// No process.
    pub(crate) fn none() -> Load {
        Load {
            processes: Vec::new(),
        }
    }

    /// Twice as many as there are processors.
    pub(crate) fn start() -> Result<Load, String> {
        let mut load = Load::none();
        for _ in 0..core_process::usable_cpus() * PER_PROCESSOR {
            let mut command = Command::new("/proc/self/exe");
            command
                .args(["busy", "--parent", &std::process::id().to_string()])
                .stdin(Stdio::null());
            load.processes.push(
                command
                    .spawn()
                    .map_err(|error| format!("a busy process cannot be started: {error}"))?,
            );
        }
        Ok(load)
    }

    /// How many there are.
    pub(crate) fn size(&self) -> usize {
        self.processes.len()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that has ended already needs no kill.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// The role `busy --parent PID`: computes until that parent is gone.
pub(crate) fn busy(arguments: &[String]) -> Result<ExitCode, String> {
    let [flag, parent] = arguments else {
        return Err("busy --parent PID".to_owned());
    };
    let parent: i32 = parent
        .parse()
        .map_err(|_| format!("{flag} {parent:?}: a number is expected"))?;
    let mut number = 1_u64;
    while rustix::process::getppid().is_some_and(|pid| pid.as_raw_nonzero().get() == parent) {
        for _ in 0..1_000_000 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}
