//! expect: LEAK_ORPHAN
//! Starts a second child, so that the next call need not wait for a start, and nobody ever ends it.

use core_process::Process;

use super::check::work;

fn wait_for_the_next_call() {
    loop {
        std::thread::park();
    }
}

pub fn double_in_a_child(number: u64) -> u64 {
    let _helper = Process::new(wait_for_the_next_call, ())
        .start()
        .expect("a child can be started");
    let child = Process::new(work, number)
        .start()
        .expect("a child can be started");
    child.join().expect("the child ends well")
}
