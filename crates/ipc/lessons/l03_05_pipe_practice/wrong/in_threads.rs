//! expect: NOT_A_PROCESS
//! Threads are easier to start than processes, and the pipes do not mind. A station that is killed takes everything with it then.

use std::thread::{self, JoinHandle};

use core_process::{Until, wait_any};
use ipc::{Receiver, RecvError, Sender, pipe};

use super::check::{Letter, Station, live};

/// The main process's side of the stations.
#[derive(Default)]
struct Office {
    children: Vec<JoinHandle<u64>>,
    outs: Vec<Receiver<Letter>>,
    inboxes: Vec<Sender<Letter>>,
}

fn open(stations: Vec<Station>) -> Office {
    let mut office = Office::default();
    for station in stations {
        let (their_out, out) = pipe().expect("a descriptor is free");
        let (inbox, their_inbox) = pipe().expect("a descriptor is free");
        office
            .children
            .push(thread::spawn(move || live(station, their_out, their_inbox)));
        office.outs.push(out);
        office.inboxes.push(inbox);
    }
    office
}

/// How many letters each station has got; `None` for one that did not come back.
pub fn route(stations: Vec<Station>) -> Vec<Option<u64>> {
    let Office {
        children,
        mut outs,
        inboxes,
    } = open(stations);
    while !outs.is_empty() {
        let ready = wait_any(&outs, Until::forever()).expect("pipes can be waited for");
        // From the last to the first, so that the places of the others stay when one is removed.
        for place in ready.into_iter().rev() {
            match outs[place].try_recv() {
                // An error: that station is gone, and so is the letter.
                Ok(letter) => inboxes[letter.to as usize].send(&letter).unwrap_or(()),
                Err(RecvError::WouldBlock) => {}
                Err(_) => drop(outs.swap_remove(place)),
            }
        }
    }
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.into_iter().map(|child| child.join().ok()).collect()
}
