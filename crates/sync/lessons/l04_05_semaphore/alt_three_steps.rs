//! Lesson 4.5, another right answer: each step of a client is a process, and the permit is held by a thread of the main process. So a
//! client that is killed never has one.

use core_process::{Child, Process};
use sync::BoundedSemaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

/// Serves the clients, each step in a process of its own, with never more than `limit` connections at a time.
pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = BoundedSemaphore::new(limit).expect("a descriptor is free");
    let outcomes = std::thread::scope(|scope| {
        let connections = &connections;
        let threads: Vec<_> = clients
            .into_iter()
            .map(|client| scope.spawn(move || steps(client, connections)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread returns"))
            .collect()
    });
    Served {
        outcomes,
        free: connections.available(),
    }
}

fn steps(client: Client, connections: &BoundedSemaphore) -> Outcome {
    let prepared = started(Process::new(|client: Client| prepare(&client), client.clone()).start());
    if prepared.join().is_err() {
        return Outcome::Died;
    }
    let permit = connections.acquire().expect("there is a place for us");
    let asked: Child<Result<u64, Failed>> =
        started(Process::new(|client: Client| query(&client), client.clone()).start());
    let row = asked.join();
    drop(permit);
    match row {
        Err(_) => Outcome::Died,
        Ok(Err(Failed)) => Outcome::Failed,
        Ok(Ok(row)) => {
            let recipe = Process::new(|client: Client, row: u64| digest(&client, row), (client, row));
            started(recipe.start())
                .join()
                .map_or(Outcome::Died, Outcome::Digested)
        }
    }
}

fn started<T>(child: Result<Child<T>, core_process::StartError>) -> Child<T> {
    child.expect("a process can be started")
}
