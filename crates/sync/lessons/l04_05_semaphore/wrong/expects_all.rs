//! expect: CRASH
//! Each client returns something, be it an error, so `join` is unwrapped. A client that was killed returns nothing.

use core_process::{Child, Process};
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

fn client(client: Client, connections: Semaphore) -> Result<u64, Failed> {
    prepare(&client);
    let permit = connections.acquire().expect("there is a place for us");
    let row = query(&client)?;
    drop(permit);
    Ok(digest(&client, row))
}

pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = Semaphore::new(limit).expect("a descriptor is free");
    let children: Vec<Child<Result<u64, Failed>>> = clients
        .into_iter()
        .map(|each| Process::new(client, (each, connections.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let outcomes = children
        .iter()
        .map(|child| match child.join().expect("it returns") {
            Ok(value) => Outcome::Digested(value),
            Err(Failed) => Outcome::Failed,
        });
    Served {
        outcomes: outcomes.collect(),
        free: connections.available(),
    }
}
