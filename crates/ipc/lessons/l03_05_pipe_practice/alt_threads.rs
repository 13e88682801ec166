//! Lesson 3.5, another right answer: a thread for each station sleeps until that one has something. Threads share the senders, and each
//! pair's letters all go through one thread, in their order.

use core_process::{Child, Process};
use ipc::{Receiver, Sender, pipe};

use super::check::{Letter, Station, live};

// region carry
/// Carries what one station sends, until it can send no more.
fn carry(out: Receiver<Letter>, inboxes: &[Sender<Letter>]) {
    for letter in out.iter().map_while(Result::ok) {
        // An error: the addressee is gone.
        inboxes[letter.to as usize].send(&letter).ok();
    }
}
// end region

pub fn route(stations: Vec<Station>) -> Vec<Option<u64>> {
    let mut children: Vec<Child<u64>> = Vec::new();
    let (mut outs, mut inboxes) = (Vec::new(), Vec::new());
    for station in stations {
        let (their_out, out) = pipe().expect("a descriptor is free");
        let (inbox, their_inbox) = pipe().expect("a descriptor is free");
        let station = Process::new(live, (station, their_out, their_inbox));
        children.push(station.start().expect("a process can be started"));
        outs.push(out);
        inboxes.push(inbox);
    }
    // region scope
    std::thread::scope(|scope| {
        for out in outs {
            scope.spawn(|| carry(out, &inboxes));
        }
    });
    // end region
    drop(inboxes);
    children.iter().map(|child| child.join().ok()).collect()
}
