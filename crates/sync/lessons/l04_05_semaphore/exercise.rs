//! Lesson 4.5, exercise: many clients, few connections.

use super::check::{Client, Outcome, Served};

/// Serves the clients, each in a process of its own, with never more than `limit` connections at a time.
pub fn serve(clients: Vec<Client>, limit: u32) -> Served {
    // A client, in its process: `prepare(&client)`, then with a connection `query(&client)`, then without one `digest(&client, row)`.
    // A query can fail, and a client can be killed in it. When all have ended, `limit` permits are free again.
    Served {
        outcomes: clients.iter().map(|_| Outcome::Failed).collect(),
        free: limit,
    }
}
