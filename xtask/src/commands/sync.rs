//! `sync`: writes every file that is generated, or says which are out of date.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::screen::{FAIL, OK, say};
use crate::sync;

/// Write the generated files: tests/lessons.rs of each crate, code in lesson texts, docs/PROGRAMME.md, docs/parity.md.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask sync\n  cargo xtask sync --check\n\n\
                        A row of docs/features.toml is met by a test with the row's id in its name, as\n\
                        `fn p07_names_are_numbered()`, anywhere in crates/*/src or crates/*/tests.")]
pub(crate) struct Sync {
    /// Write nothing; fail when something is out of date.
    #[arg(long)]
    check: bool,
}

impl Sync {
    /// Writes or checks.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let stale = sync::stale(course)?;
        let total = stale.len();
        for file in stale {
            let shown = course.shown(&file.path);
            if self.check {
                say!("{FAIL}stale{FAIL:#}  {shown}");
            } else {
                sync::write(&file)?;
                say!("wrote  {shown}");
            }
        }
        if self.check && total > 0 {
            return Err(
                Failure::new(Kind::Stale, format!("{total} generated files are out of date"))
                    .advise("Write them: cargo xtask sync"),
            );
        }
        if total == 0 {
            say!("{OK}ok{OK:#}  every generated file is up to date");
        }
        Ok(0)
    }
}
