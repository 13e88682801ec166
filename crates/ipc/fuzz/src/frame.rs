//! Packets and streams of somebody else: heads that lie, bytes that are no value, messages that are cut.
//!
//! The first byte says how: its lowest bit whether the rest is a whole packet or the bytes behind a good head, the next one whether
//! a value or bytes are expected.

use std::collections::BTreeMap;
use std::io::IoSlice;

use core_process::codec;
use core_process::packet::PacketSocket;
use ipc::{Receiver, RecvError};
use serde::{Deserialize, Serialize};

use super::{Bytes, head};

/// A value of everything that the format knows.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Everything {
    Unit,
    Numbers(u8, i8, u16, i32, u64, u128),
    Floats { one: f32, two: f64 },
    Text(char, String),
    Lists(Vec<Option<u16>>, BTreeMap<String, Vec<i64>>, [u8; 3]),
    Empty(Vec<()>),
    Nested(Box<Everything>),
}

/// Sends one packet to a receiver, and then a message that must be received.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::of(input);
    let how = bytes.byte();
    let rest = bytes.rest();
    let good = head(how >> 1 & 1, 0, 0, rest.len() as u64, 0);
    let packet: Vec<&[u8]> = if how & 1 == 0 {
        vec![rest]
    } else {
        vec![&good, rest]
    };
    let (hostile, receiver) = receiver::<Everything>();
    let parts: Vec<_> = packet.iter().map(|part| IoSlice::new(part)).collect();
    if hostile.try_send(&parts, &[]).is_ok() {
        let outcome = if how >> 1 & 1 == 0 {
            receiver.try_recv().map(drop)
        } else {
            receiver.try_recv_bytes().map(drop)
        };
        assert!(
            !matches!(outcome, Err(RecvError::WouldBlock | RecvError::Disconnected)),
            "a packet was sent, and the receiver says {outcome:?}"
        );
    }
    let text = codec::encode(&Everything::Text('щ', "next".to_owned())).expect("it can be encoded");
    let next = head(0, 0, 0, text.bytes.len() as u64, 0);
    hostile
        .try_send(&[IoSlice::new(&next), IoSlice::new(&text.bytes)], &[])
        .expect("there is room");
    let next = receiver.try_recv().expect("the next message is received");
    assert_eq!(next, Everything::Text('щ', "next".to_owned()));
}

/// A peer that does not keep to the protocol, and our end.
pub(crate) fn receiver<T>() -> (PacketSocket, Receiver<T>) {
    let (ours, theirs) = PacketSocket::pair().expect("a pair of sockets");
    let sent = codec::encode(&(0_u64, ours)).expect("a socket can be encoded");
    let receiver = codec::decode(&sent.bytes, sent.descriptors).expect("it is an end");
    (theirs, receiver)
}
