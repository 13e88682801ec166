//! expect: LIMIT
//! The permit is asked for, and `_` throws it away: it is back before the query begins.

use core_process::{Child, Process};
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

fn client(client: Client, connections: Semaphore) -> Result<u64, Failed> {
    prepare(&client);
    // region dropped
    let _ = connections.acquire().expect("there is a place for us");
    let row = query(&client)?;
    // end region
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
