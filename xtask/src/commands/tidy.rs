//! `tidy`: the rules of the workspace that are programs.

use clap::Args;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::screen::{FAIL, OK, say};
use crate::tidy;

/// Check the workspace's rules: layers, unsafe code, file heads, names, links, lessons, generated files.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask tidy")]
pub(crate) struct Tidy {}

impl Tidy {
    /// Checks every rule and shows all that is broken.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let mut broken = 0;
        for rule in tidy::RULES {
            let problems = (rule.check)(course)?;
            if problems.is_empty() {
                say!("{OK}ok{OK:#}    {}", rule.says);
                continue;
            }
            say!("{FAIL}FAIL{FAIL:#}  {}", rule.says);
            for problem in &problems {
                say!("      {problem}");
            }
            broken += problems.len();
        }
        if broken > 0 {
            return Err(Failure::new(
                Kind::Rule,
                format!("rules are broken in {broken} places"),
            ));
        }
        Ok(0)
    }
}
