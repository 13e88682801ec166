//! expect: LIMIT
//! An end that gives an error is passed over, and stays in the list. It is ready at every look from then on, so no look waits any more.

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
    let mut open = outs.len();
    let mut closed = vec![false; outs.len()];
    // region keeps
    while open > 0 {
        let ready = wait_any(&outs, Until::forever()).expect("pipes can be waited for");
        for place in ready {
            match outs[place].try_recv() {
                Ok(letter) => inboxes[letter.to as usize].send(&letter).unwrap_or(()),
                Err(RecvError::WouldBlock) => {}
                Err(_) if closed[place] => continue,
                Err(_) => {
                    closed[place] = true;
                    open -= 1;
                }
            }
        }
    }
    // end region
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
