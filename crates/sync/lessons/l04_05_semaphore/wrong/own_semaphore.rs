//! expect: LIMIT
//! Each process makes its own semaphore. It is never full, since nobody else has it.

use core_process::{Child, Process};
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

fn client(client: Client, limit: u32) -> Result<u64, Failed> {
    prepare(&client);
    let connections = Semaphore::new(limit).expect("a descriptor is free");
    let permit = connections.acquire().expect("there is a place for us");
    let row = query(&client)?;
    drop(permit);
    Ok(digest(&client, row))
}

pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = Semaphore::new(limit).expect("a descriptor is free");
    let children: Vec<Child<Result<u64, Failed>>> = clients
        .into_iter()
        .map(|each| Process::new(client, (each, limit)).start())
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
