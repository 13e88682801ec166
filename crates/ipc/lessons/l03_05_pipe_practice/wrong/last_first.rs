//! expect: RACE
//! What has come is put on a heap, and the heap is delivered: nothing waits in the pipes. The last one lies on top.

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
        mut outs,
        inboxes,
    } = open(stations);
    while !outs.is_empty() {
        let ready = wait_any(&outs, Until::forever()).expect("pipes can be waited for");
        // region heap
        let mut heap: Vec<Letter> = Vec::new();
        for place in ready.into_iter().rev() {
            loop {
                match outs[place].try_recv() {
                    Ok(letter) => heap.push(letter),
                    Err(RecvError::WouldBlock) => break,
                    Err(_) => {
                        outs.swap_remove(place);
                        break;
                    }
                }
            }
        }
        while let Some(letter) = heap.pop() {
            inboxes[letter.to as usize].send(&letter).ok();
        }
        // end region
    }
    drop(inboxes); // nothing more can come: the stations' last `recv` ends
    children.iter().map(|child| child.join().ok()).collect()
}
