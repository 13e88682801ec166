//! Lesson 4.5, solution: a permit for a connection, held for as long as the query lasts, whatever comes of it.

use core_process::{Child, Process};
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

/// A client, in a process of its own.
// region client
fn client(client: Client, connections: Semaphore) -> Result<u64, Failed> {
    prepare(&client);
    let permit = connections.acquire().expect("there is a place for us");
    let row = query(&client)?;
    drop(permit);
    Ok(digest(&client, row))
}
// end region

/// Serves the clients, each in a process of its own, with never more than `limit` connections at a time.
// region serve
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
// end region
