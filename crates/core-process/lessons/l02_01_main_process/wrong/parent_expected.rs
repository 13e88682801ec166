//! expect: CRASH
//! Everybody has a parent, so the `Option` is unwrapped. The main process has none that the library knows.

use super::check::Who;

pub fn who() -> Who {
    let parent = core_process::parent().expect("every process has a parent");
    if parent.name() == "MainProcess" {
        Who::Child { depth: 1 }
    } else {
        Who::Child { depth: 2 }
    }
}
