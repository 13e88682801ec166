//! Reads from `/proc` what each process of a hanging run does.

use std::time::Duration;

use super::diagnosis::Diagnosis;
use super::family::Family;

pub(crate) fn diagnose(_family: &Family, quiet: Duration) -> Diagnosis {
    Diagnosis {
        quiet,
        processes: Vec::new(),
        cycle: Vec::new(),
    }
}
