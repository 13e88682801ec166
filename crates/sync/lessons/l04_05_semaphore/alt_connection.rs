//! Lesson 4.5, another right answer: a connection is a type that owns its permit, so nothing can be asked without one, and none
//! is kept longer than it. The permits are made one by one, which says the same.

use std::time::Duration;

use core_process::{Child, Process};
use sync::{AcquireError, Permit, Semaphore};

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

struct Connection {
    _permit: Permit,
}

impl Connection {
    fn open(connections: &Semaphore) -> Connection {
        loop {
            match connections.acquire_timeout(Duration::from_secs(1)) {
                Ok(permit) => return Connection { _permit: permit },
                Err(AcquireError::TimedOut) => {}
                Err(error) => panic!("no connection: {error}"),
            }
        }
    }

    fn query(self, client: &Client) -> Result<u64, Failed> {
        query(client)
    }
}

fn client(client: Client, connections: Semaphore) -> Outcome {
    prepare(&client);
    match Connection::open(&connections).query(&client) {
        Ok(row) => Outcome::Digested(digest(&client, row)),
        Err(Failed) => Outcome::Failed,
    }
}

/// Serves the clients, each in a process of its own, with never more than `limit` connections at a time.
pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = Semaphore::new(0).expect("a descriptor is free");
    let children: Vec<Child<Outcome>> = clients
        .into_iter()
        .map(|each| Process::new(client, (each, connections.clone())).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    for _ in 0..limit {
        connections.release().expect("there are few");
    }
    let outcomes = children
        .iter()
        .map(|child| child.join().unwrap_or(Outcome::Died))
        .collect();
    Served {
        outcomes,
        free: connections.available(),
    }
}
