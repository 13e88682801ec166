//! expect: WRONG
//! `Process-1:2` is a child of a child, so the name is taken apart. It is so only where nobody chose another name.

use super::check::Who;

pub fn who() -> Who {
    let name = core_process::current().name;
    if core_process::is_main() {
        Who::Main
    } else {
        Who::Child {
            depth: name.matches(':').count() + 1,
        }
    }
}
