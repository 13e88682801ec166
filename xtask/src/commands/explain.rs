//! `explain`: what a verdict means, and every exit status.

use clap::Args;
use grader::Verdict;

use crate::failure::{Failure, Kind};
use crate::screen::{DIM, HEAD, say};

/// Explain a verdict, or list all verdicts and exit statuses.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask explain\n  cargo xtask explain LOST_UPDATE")]
pub(crate) struct Explain {
    /// The verdict, such as HANG.
    verdict: Option<String>,
}

impl Explain {
    /// Explains.
    pub(crate) fn run(self) -> Result<u8, Failure> {
        let Some(name) = self.verdict else {
            list();
            return Ok(0);
        };
        let verdict: Verdict = name
            .parse()
            .map_err(|error| Failure::new(Kind::Usage, format!("{error}")))?;
        say!("{HEAD}{verdict}{HEAD:#}  exit status {}", verdict.exit_code());
        say!("{}", verdict.explanation());
        Ok(0)
    }
}

fn list() {
    say!("{HEAD}Verdicts{HEAD:#}, as check-lesson ends with them:");
    for verdict in Verdict::ALL {
        let first = verdict
            .explanation()
            .split_inclusive(['.', ':'])
            .next()
            .unwrap_or_default();
        say!(
            "  {:3}  {verdict:14} {}",
            verdict.exit_code(),
            first.trim_end_matches([':', ' '])
        );
    }
    say!("\n{HEAD}Failures{HEAD:#} of the command itself:");
    for kind in Kind::ALL {
        say!("  {:3}  {}", kind.code(), kind.meaning());
    }
    say!("  130  interrupted by Ctrl-C (143 by SIGTERM, 129 by a closed terminal)");
    say!("\n{DIM}More about one: cargo xtask explain HANG{DIM:#}");
}
