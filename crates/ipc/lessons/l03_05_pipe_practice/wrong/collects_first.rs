//! expect: HANG
//! First all letters are collected, then they are delivered, as a real post office does it. Nobody gets an answer before everybody has finished.

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
    let letters: Vec<Letter> = outs
        .iter()
        .flat_map(|out| out.iter().map_while(Result::ok))
        .collect();
    outs.clear();
    for letter in letters {
        inboxes[letter.to as usize].send(&letter).ok();
    }
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
