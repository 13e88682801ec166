//! expect: WRONG
//! The children are waited for beside the pipes, and whoever has ended is taken off the list. What it had sent lies in its pipe, and nobody reads it.

use std::os::fd::{AsFd, BorrowedFd};

use core_process::{Child, Process, Until, wait_any};
use ipc::{Receiver, RecvError, Sender, pipe};

use super::check::{Letter, Station, live};

/// The main process's side of the stations.
#[derive(Default)]
struct Office {
    children: Vec<Child<u64>>,
    outs: Vec<Receiver<Letter>>,
    inboxes: Vec<Sender<Letter>>,
}

fn open(stations: Vec<Station>) -> Office {
    let mut office = Office::default();
    for station in stations {
        let (their_out, out) = pipe().expect("a descriptor is free");
        let (inbox, their_inbox) = pipe().expect("a descriptor is free");
        let station = Process::new(live, (station, their_out, their_inbox));
        office
            .children
            .push(station.start().expect("a process can be started"));
        office.outs.push(out);
        office.inboxes.push(inbox);
    }
    office
}

/// How many letters each station has got; `None` for one that did not come back.
pub fn route(stations: Vec<Station>) -> Vec<Option<u64>> {
    let Office {
        children,
        outs,
        inboxes,
    } = open(stations);
    let mut open: Vec<usize> = (0..outs.len()).collect();
    while !open.is_empty() {
        // region ended
        let ends: Vec<BorrowedFd<'_>> = open.iter().map(|place| children[*place].as_fd()).collect();
        let pipes = open.iter().map(|place| outs[*place].as_fd());
        let all: Vec<BorrowedFd<'_>> = ends.into_iter().chain(pipes).collect();
        let ready = wait_any(&all, Until::forever()).expect("they can be waited for");
        let count = open.len();
        if ready[0] < count {
            open.remove(ready[0]);
            continue;
        }
        // end region
        for place in ready.into_iter().rev() {
            match outs[open[place - count]].try_recv() {
                Ok(letter) => inboxes[letter.to as usize].send(&letter).unwrap_or(()),
                Err(RecvError::WouldBlock) => {}
                Err(_) => drop(open.remove(place - count)),
            }
        }
    }
    drop(outs);
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
