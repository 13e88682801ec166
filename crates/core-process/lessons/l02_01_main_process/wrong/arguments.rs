//! expect: WRONG
//! A marker among the arguments would tell a child. There is none: a child is started with its parent's arguments.

use super::check::Who;

pub fn who() -> Who {
    let is_child = std::env::args().any(|argument| argument == "--multiprocessing-fork");
    if is_child {
        Who::Child { depth: 1 }
    } else {
        Who::Main
    }
}
