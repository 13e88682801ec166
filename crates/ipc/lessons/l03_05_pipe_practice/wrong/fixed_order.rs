//! expect: HANG
//! One letter of each in turn is fair and simple. But the one whose turn it is may be waiting for a letter of the next one.

use core_process::{Child, Process};
use ipc::{Receiver, Sender, pipe};

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
        mut outs,
        inboxes,
    } = open(stations);
    // region turns
    while !outs.is_empty() {
        outs.retain(|out| match out.recv() {
            Ok(letter) => {
                inboxes[letter.to as usize].send(&letter).ok();
                true
            }
            Err(_) => false,
        });
    }
    // end region
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
