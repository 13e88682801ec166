//! A message as far as it has come over a stream.
//!
//! Invariant: a step waits for nothing; what was read is kept until the message is whole or the stream is over. Of a message that
//! is longer than its receiver allows, nothing is kept, and the next one begins behind it.

use std::io;
use std::mem::take;
use std::os::fd::OwnedFd;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, recv};

use crate::frame::{Carriage, Content, HEAD, Head, Place};

/// So much memory is taken ahead of the bytes.
const CHUNK: usize = 64 << 10;

#[derive(Default)]
pub(crate) struct Reader {
    head: Vec<u8>,
    /// Of the body, when the head is whole.
    body: Option<Body>,
    is_over: bool,
}

struct Body {
    content: Content,
    len: usize,
    /// How many of its bytes have come.
    came: usize,
    /// Those of them that are kept: all or none.
    bytes: Vec<u8>,
    is_kept: bool,
}

/// What a step has brought.
pub(crate) enum Took {
    Message(Content, Vec<u8>),
    /// A message of so many bytes has come that was not to be kept.
    TooLong(u64),
    /// No whole message.
    Part,
}

/// Why nothing more will come.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Between two messages.
    Properly,
    /// The peer is to blame.
    Malformed(String),
    /// It has announced so many bytes, which is more than this stream carries.
    Longer(u64),
    Os(io::Error),
}

impl Reader {
    /// Takes what has come of a message. One of more than `most` bytes is thrown away, and one of more than `longest` is the end.
    pub(crate) fn take(&mut self, socket: &OwnedFd, most: usize, longest: usize) -> Result<Took, Ended> {
        if self.is_over {
            return Err(Ended::Properly);
        }
        let outcome = self.step(socket, most, longest);
        self.is_over = outcome.is_err();
        outcome
    }

    fn step(&mut self, socket: &OwnedFd, most: usize, longest: usize) -> Result<Took, Ended> {
        while self.body.is_none() {
            let missing = HEAD - self.head.len();
            if missing > 0 {
                match read(socket, &mut self.head, missing)? {
                    Read::Nothing => return Ok(Took::Part),
                    Read::End if self.head.is_empty() => return Err(Ended::Properly),
                    Read::End => return Err(cut()),
                    Read::Some => continue,
                }
            }
            let head = parse(&self.head)?;
            self.head.clear();
            if head.len > longest as u64 {
                return Err(Ended::Longer(head.len));
            }
            self.body = Some(Body {
                content: head.content,
                len: head.len as usize,
                came: 0,
                bytes: Vec::new(),
                is_kept: head.len <= most as u64,
            });
        }
        let Some(body) = &mut self.body else {
            return Ok(Took::Part);
        };
        while body.came < body.len {
            let before = body.bytes.len();
            match read(socket, &mut body.bytes, (body.len - body.came).min(CHUNK))? {
                Read::Nothing => return Ok(Took::Part),
                Read::End => return Err(cut()),
                Read::Some => {}
            }
            body.came += body.bytes.len() - before;
            if !body.is_kept {
                body.bytes.clear();
            }
        }
        let (content, len, is_kept, bytes) = (body.content, body.len, body.is_kept, take(&mut body.bytes));
        self.body = None;
        Ok(if is_kept {
            Took::Message(content, bytes)
        } else {
            Took::TooLong(len as u64)
        })
    }
}

enum Read {
    Some,
    Nothing,
    End,
}

/// Adds at most `most` bytes to `bytes`.
fn read(socket: &OwnedFd, bytes: &mut Vec<u8>, most: usize) -> Result<Read, Ended> {
    let before = bytes.len();
    bytes.reserve_exact(most);
    bytes.resize(before + most, 0);
    let outcome = retry_on_intr(|| recv(socket, &mut bytes[before..], RecvFlags::DONTWAIT));
    let count = outcome.map(|(_, count)| count);
    bytes.truncate(before + count.unwrap_or(0));
    match count {
        Ok(0) => Ok(Read::End),
        Ok(_) => Ok(Read::Some),
        Err(Errno::AGAIN) => Ok(Read::Nothing),
        // The peer has ended without reading all, or its host is gone.
        Err(Errno::CONNRESET | Errno::TIMEDOUT) => Ok(Read::End),
        Err(error) => Err(Ended::Os(error.into())),
    }
}

fn cut() -> Ended {
    Ended::Malformed("the stream has ended inside a message".to_owned())
}

/// The head of a message, whose bytes have not come yet.
fn parse(bytes: &[u8]) -> Result<Head, Ended> {
    let bytes = bytes.first_chunk().ok_or_else(cut)?;
    let head = Head::read(bytes).map_err(Ended::Malformed)?;
    if head.place != Place::Inline || head.carriage != Carriage::Direct || head.descriptors != 0 {
        return Err(Ended::Malformed(
            "its head tells of descriptors, which no stream carries".to_owned(),
        ));
    }
    Ok(head)
}
