//! expect: LIMIT
//! "Has anything come?" Asked of each in turn, with a short sleep. It wakes a thousand times a second for nothing, and is late each time.

use std::time::Duration;

use core_process::{Child, Process};
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
        mut outs,
        inboxes,
    } = open(stations);
    while !outs.is_empty() {
        outs.retain(|out| match out.try_recv() {
            Ok(letter) => {
                inboxes[letter.to as usize].send(&letter).ok();
                true
            }
            Err(RecvError::WouldBlock) => true,
            Err(_) => false,
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
