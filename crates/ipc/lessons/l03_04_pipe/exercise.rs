//! Lesson 3.4, exercise: a service in a process of its own, which answers until there are no more messages, and then sums up.

use super::check::{Transcript, transform};

/// What a service makes of the messages, and what it says at its end.
pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    // The service, in a process of its own: receive a message, `transform` it, send the reply, and so on until the end; then send
    // a `Summary`. The main process: start it, have every message answered, close, receive the summary, join.
    Transcript {
        replies: messages.iter().map(|message| transform(message)).collect(),
        summary: None,
    }
}
