//! expect: WRONG
//! Python programs ask `current_process().name == "MainProcess"`. A process may be named, and may rename itself.

use super::check::Who;

pub fn who() -> Who {
    let me = core_process::current();
    if me.name == "MainProcess" {
        Who::Main
    } else {
        Who::Child { depth: me.depth }
    }
}
