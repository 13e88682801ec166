//! expect: SERIAL
//! The permit is the first thing that a client takes, and it keeps it to the end. Most of that time it has no connection.

use core_process::{Child, Process};
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

fn client(client: Client, connections: Semaphore) -> Result<u64, Failed> {
    let _permit = connections.acquire().expect("there is a place for us");
    prepare(&client);
    let row = query(&client)?;
    Ok(digest(&client, row))
}

pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = Semaphore::new(limit).expect("a descriptor is free");
    let children: Vec<Child<Result<u64, Failed>>> = clients
        .into_iter()
        .map(|each| Process::new(client, (each, connections.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    let outcomes = children.iter().map(|child| match child.join() {
        Ok(Ok(value)) => Outcome::Digested(value),
        Ok(Err(Failed)) => Outcome::Failed,
        Err(_) => Outcome::Died,
    });
    Served {
        outcomes: outcomes.collect(),
        free: connections.available(),
    }
}
