//! expect: WRONG
//! Main or child, as Python's `parent_process() is None`; a grandchild is taken for a child.

use super::check::Who;

pub fn who() -> Who {
    match core_process::parent() {
        None => Who::Main,
        Some(_) => Who::Child { depth: 1 },
    }
}
