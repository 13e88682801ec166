//! A case in a process of its own: with one thread, so that it may fork; without the children and names of other tests; under
//! a watchdog.
//!
//! Invariant: a case that hangs is killed, its children end with it, and the test fails.
#![allow(dead_code, reason = "each test binary uses a part of this file")]

use std::time::Duration;

use core_process::{JoinError, Process, StartMethod, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Far longer than any case; one that reaches it has failed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(120);

/// All of them.
pub(crate) const METHODS: [StartMethod; 3] = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

/// What `case(args)` returns in a process of its own.
#[track_caller]
pub(crate) fn alone<F, A, M>(case: F, args: A) -> F::Output
where
    F: Target<A, M>,
    A: Serialize + DeserializeOwned,
{
    let started = Process::new(case, args).method(StartMethod::Spawn).start();
    let child = started.unwrap_or_else(|error| panic!("{error}"));
    match child.join_timeout(WATCHDOG) {
        Ok(value) => value,
        Err(JoinError::TimedOut) => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the case hung and was killed")
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs `case` once for each start method, each time in a new process.
#[track_caller]
pub(crate) fn by_each_method<F, M>(case: F)
where
    F: Target<StartMethod, M, Output = ()>,
{
    for method in METHODS {
        eprintln!("by {method}:");
        alone(case, method);
    }
}
