//! Runs cargo, and reads what it says about a build.
//!
//! Invariant: a build's outcome is taken from cargo's messages, never from its text. Cargo's own progress is shown as
//! ours, on a terminal only. It does not know lessons.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;

use crate::failure::Failure;
use crate::interrupt;
use crate::screen::Progress;

/// How a build went.
#[derive(Debug, Default)]
pub(crate) struct Built {
    /// True when cargo was content.
    pub(crate) success: bool,
    /// The program, when one was asked for and built.
    pub(crate) executable: Option<PathBuf>,
    /// The crates that were compiled, those that were fresh left out.
    pub(crate) compiled: Vec<String>,
    /// What the compiler said, in its order.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What cargo wrote to standard error.
    pub(crate) log: String,
}

/// A message of the compiler.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Diagnostic {
    /// `error` or `warning`.
    pub(crate) level: String,
    /// The first line, without its place.
    pub(crate) message: String,
    /// The number of the error, such as `E0382`.
    pub(crate) code: Option<Code>,
    /// The places that it speaks of.
    pub(crate) spans: Vec<Span>,
    /// The whole message as rustc would print it, with colours.
    pub(crate) rendered: Option<String>,
}

/// The number of a message.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Code {
    /// Such as `E0382`, or a lint's name.
    pub(crate) code: String,
}

/// A place in a file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Span {
    /// As the compiler was given it.
    pub(crate) file_name: String,
    /// From 1.
    pub(crate) line_start: usize,
    /// True for the place that the message is about.
    pub(crate) is_primary: bool,
}

#[derive(Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact {
        target: Target,
        executable: Option<PathBuf>,
        fresh: bool,
    },
    #[serde(rename = "compiler-message")]
    Said { message: Diagnostic },
    #[serde(rename = "build-finished")]
    Finished { success: bool },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Cargo as it was called, so that a toolchain that was chosen with `cargo +name` stays.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null());
    // What cargo sets for us is about xtask; a build script that watches it would run again for nothing.
    for (key, _) in env::vars_os() {
        let set_by_cargo = key
            .to_str()
            .is_some_and(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_"));
        if set_by_cargo {
            command.env_remove(key);
        }
    }
    command
}

/// Runs a build (`command` without its message format) and reads its messages.
///
/// # Errors
/// When cargo cannot be run. A build that fails is not an error here.
pub(crate) fn build(mut command: Command, what: &str) -> Result<Built, Failure> {
    let progress = Progress::spinner(what);
    command.arg("--message-format=json-diagnostic-rendered-ansi");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut cargo = interrupt::spawn(&mut command)
        .map_err(|error| Failure::tool(format!("cannot run cargo: {error}")))?;
    let (Some(messages), Some(mut log)) = (cargo.stdout.take(), cargo.stderr.take()) else {
        return Err(Failure::tool("cargo has no output"));
    };
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // A log that cannot be read is a log that is not shown.
        let _unread = log.read_to_string(&mut text);
        text
    });
    let mut built = Built::default();
    for line in BufReader::new(messages).lines() {
        let line = line.map_err(|error| Failure::tool(format!("cannot read cargo's messages: {error}")))?;
        // A line that is none of cargo's is the output of a build script or of a program: not ours.
        match serde_json::from_str(&line) {
            Ok(Message::Artifact {
                target,
                executable,
                fresh,
            }) => {
                if !fresh {
                    progress.now(format!("{what}: {} is built", target.name));
                    built.compiled.push(target.name);
                }
                built.executable = executable.or(built.executable);
            }
            Ok(Message::Said { message }) => built.diagnostics.push(message),
            Ok(Message::Finished { success }) => built.success = success,
            Ok(Message::Other) | Err(_) => {}
        }
    }
    let status = cargo
        .wait()
        .map_err(|error| Failure::tool(format!("cannot wait for cargo: {error}")))?;
    built.success &= status.success();
    built.log = reader.join().unwrap_or_default();
    Ok(built)
}

impl Diagnostic {
    /// True for what stops a build.
    pub(crate) fn is_error(&self) -> bool {
        self.level.starts_with("error")
    }

    /// The place that it is about.
    pub(crate) fn place(&self) -> Option<&Span> {
        self.spans.iter().find(|span| span.is_primary)
    }

    /// The message with its number, in one line.
    pub(crate) fn headline(&self) -> String {
        match &self.code {
            Some(code) => format!("{} ({})", self.message, code.code),
            None => self.message.clone(),
        }
    }
}
