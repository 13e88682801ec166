//! The cage, with real programs: each misbehaves in one way, and the outcome must say so.
//!
//! Every run is in a warden of its own process (`harness`); the programs are in `../programs`.

mod basics;
mod diagnosis;
mod harness;
mod inject;
mod leftovers;
mod limits;
mod tracing;
mod warden;

// A sweep's warden is a child by core-process.
core_process::divert_before_main!();
