//! expect: SERIAL
//! The main process takes a permit, starts a client, waits for it and gives the permit back. So there is one client at a time.

use core_process::Process;
use sync::Semaphore;

use super::check::{Client, Failed, Outcome, Served, digest, prepare, query};

fn client(client: Client) -> Result<u64, Failed> {
    prepare(&client);
    let row = query(&client)?;
    Ok(digest(&client, row))
}

pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    let connections = Semaphore::new(limit).expect("a descriptor is free");
    let mut outcomes = Vec::new();
    for each in clients {
        let permit = connections.acquire().expect("there is a place for us");
        let child = Process::new(client, each)
            .start()
            .expect("a process can be started");
        outcomes.push(match child.join() {
            Ok(Ok(value)) => Outcome::Digested(value),
            Ok(Err(Failed)) => Outcome::Failed,
            Err(_) => Outcome::Died,
        });
        drop(permit);
    }
    Served {
        outcomes,
        free: connections.available(),
    }
}
