//! `doctor`: whether this machine can run the course, and what to do where it cannot.

use clap::Args;
use serde_json::json;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::machine::{self, Finding, Level};
use crate::screen::{DIM, FAIL, OK, WARN, say};

/// Look at this machine: toolchain, kernel, permissions, cores, limits; say what to do next.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask doctor\n  cargo xtask doctor --json")]
pub(crate) struct Doctor {
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Looks, and fails when something is lacking that the course cannot do without.
    pub(crate) fn run(self, course: &Course) -> Result<u8, Failure> {
        let findings = machine::examine(&course.root);
        if self.json {
            let list: Vec<_> = findings
                .iter()
                .map(|f| json!({ "what": f.what, "level": f.level.name(), "observed": f.observed, "advice": f.advice }))
                .collect();
            say!("{}", json!({ "findings": list }));
        } else {
            findings.iter().for_each(show);
        }
        let lacking = findings
            .iter()
            .filter(|finding| finding.level == Level::Lacking)
            .count();
        if lacking > 0 {
            return Err(Failure::new(
                Kind::Machine,
                format!("this machine lacks {lacking} of what the course needs"),
            ));
        }
        if !self.json {
            say!("\nThis machine can run the course. Next: cargo xtask next");
        }
        Ok(0)
    }
}

fn show(finding: &Finding) {
    let (style, mark) = match finding.level {
        Level::Fine => (OK, "ok  "),
        Level::Note => (WARN, "note"),
        Level::Lacking => (FAIL, "FAIL"),
    };
    say!(
        "  {style}{mark}{style:#}  {:18} {}",
        finding.what,
        finding.observed
    );
    if let Some(advice) = &finding.advice {
        say!("        {DIM}{:18} {advice}{DIM:#}", "");
    }
}

/// Try something that only a process of its own may try; the answer is the exit status.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// What to try.
    #[arg(value_enum)]
    what: Tried,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Tried {
    /// A user namespace of its own.
    UserNamespace,
    /// Wait on standard input until it closes.
    Wait,
}

impl Probe {
    /// Tries it.
    pub(crate) fn run(self) -> Result<u8, Failure> {
        let possible = match self.what {
            Tried::UserNamespace => nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).is_ok(),
            Tried::Wait => std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).is_ok(),
        };
        Ok(u8::from(!possible))
    }
}
