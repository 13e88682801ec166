//! Who is measured: for each method, the limit first, this library next, then the peers.
//!
//! Each subject starts one child that has nothing to do and waits for its end; the library and the peers bring its (empty)
//! result home. A peer that does not work with this compiler is left out, and the report says so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use core_process::{Process, StartMethod};

use crate::raw;

/// One way to start a child and to wait for it.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) start_and_join: Box<dyn FnMut()>,
}

fn subject(name: &'static str, start_and_join: impl FnMut() + 'static) -> Subject {
    Subject {
        name,
        start_and_join: Box::new(start_and_join),
    }
}

/// The name of the library's own subject of each group.
pub(crate) const OURS: &str = "core-process";

fn ours(method: StartMethod) -> Subject {
    subject(OURS, move || {
        Process::new(|| {}, ())
            .method(method)
            .start()
            .expect("a child starts")
            .join()
            .expect("an empty target returns");
    })
}

/// The subjects by method; the first of each is the limit.
pub(crate) fn groups() -> Vec<(&'static str, Vec<Subject>)> {
    let mut server = raw::Server::start();
    vec![
        (
            "spawn",
            vec![
                subject("re-exec", raw::execute_again),
                ours(StartMethod::Spawn),
                subject("crossmist", || {
                    let child = empty.spawn().expect("crossmist starts a child");
                    child.join().expect("crossmist's child returns");
                }),
                subject("procspawn", || {
                    procspawn::spawn((), |()| {})
                        .join()
                        .expect("procspawn's child returns");
                }),
            ],
        ),
        (
            "forkserver",
            vec![
                subject("raw server", move || server.fork_one()),
                ours(StartMethod::ForkServer),
            ],
        ),
        (
            "fork",
            vec![subject("fork+wait", raw::fork_and_wait), ours(StartMethod::Fork)],
        ),
    ]
}

/// Takes out the peers that fail, and tells which. (crossmist 1.1 panics since Rust stopped to copy the elements of a cloned
/// array that are `Copy`, by which it tells plain data from other.)
pub(crate) fn take_out_broken(groups: &mut [(&'static str, Vec<Subject>)]) -> Vec<&'static str> {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut broken = Vec::new();
    for peers in groups.iter_mut().map(|(_, members)| members) {
        peers.retain_mut(|peer| {
            let is_peer = matches!(peer.name, "crossmist" | "procspawn");
            let works = !is_peer || catch_unwind(AssertUnwindSafe(|| (peer.start_and_join)())).is_ok();
            broken.extend((!works).then_some(peer.name));
            works
        });
    }
    std::panic::set_hook(shown);
    broken
}

#[crossmist::func]
fn empty() {}
