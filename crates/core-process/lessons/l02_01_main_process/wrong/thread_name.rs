//! expect: WRONG
//! The thread named "main" is taken for the main process. Every process has one, and the main process has others.

use super::check::Who;

pub fn who() -> Who {
    if std::thread::current().name() == Some("main") {
        Who::Main
    } else {
        Who::Child { depth: 1 }
    }
}
