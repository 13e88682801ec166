//! The launch message: all that a child is told besides its target and arguments.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use serde::{Deserialize, Serialize};

use super::StartMethod;

/// What a new process learns of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Launch {
    pub(crate) name: String,
    /// The path of counters from the main process to this one: `[1, 2]` is the second child of its first.
    pub(crate) identity: Vec<u32>,
    pub(crate) daemon: bool,
    pub(crate) method: StartMethod,
    pub(crate) parent_name: String,
    /// Whether the process goes on when its parent has died.
    pub(crate) survives_parent: bool,
    pub(crate) authkey: [u8; 32],
    /// Where the start method cannot set it from outside: the whole environment.
    pub(crate) environment: Option<Vec<(Text, Text)>>,
    /// Likewise the working directory.
    pub(crate) current_dir: Option<Text>,
}

/// A string of the system: any bytes but NUL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Text(Vec<u8>);

impl From<OsString> for Text {
    fn from(text: OsString) -> Self {
        Self(text.into_vec())
    }
}

impl Text {
    pub(crate) fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}
