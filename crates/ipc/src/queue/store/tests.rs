//! Deaths between two steps that are no system calls, and a peer that sends what it should not.

use std::io::IoSlice;
use std::os::fd::AsRawFd;

use super::super::buffer::Buffer;
use super::super::error::GetError;
use super::super::get::{claim, get};
use super::super::put::put;
use super::super::ring::Getting;
use super::*;
use crate::frame::Content;
use crate::message::Outgoing;

fn file(name: &str) -> OwnedFd {
    rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).unwrap()
}

fn name_of(file: &OwnedFd) -> String {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    link.to_string_lossy().into_owned()
}

fn put_file(side: &Side, name: &str) {
    let caller = Location::caller();
    let forever = Until::forever();
    put(
        side,
        name.as_bytes(),
        vec![file(name)],
        Patience::Until(&forever),
        caller,
    )
    .unwrap();
}

/// A record whose descriptors never come.
fn put_lie(ring: &Ring) {
    let Ok(room) = ring.find_room(3, true) else {
        panic!("no room")
    };
    ring.put(&room, Some(ring.next_ticket()), b"lie");
}

/// The value's bytes and the name of its descriptor.
fn get_file(side: &Side) -> Result<(String, String), GetError> {
    let mut bytes = Buffer::new();
    let mut descriptors = Vec::new();
    get(
        side,
        &mut bytes,
        &mut descriptors,
        Patience::None,
        Location::caller(),
    )?;
    assert_eq!(descriptors.len(), 1);
    let text = String::from_utf8(bytes.value().to_vec()).unwrap();
    Ok((text, name_of(&descriptors[0])))
}

fn send_packet(side: &Side, ticket: u64, name: &str) {
    let bytes = ticket.to_le_bytes();
    let mut packet = Outgoing::new(Content::Bytes, &bytes, vec![file(name)]).unwrap();
    packet
        .send_by(|parts, descriptors| side.socket().send(parts, descriptors))
        .unwrap();
}

fn expect_file(side: &Side, name: &str) {
    let got = get_file(side).unwrap();
    assert_eq!(got, (name.to_owned(), format!("/memfd:{name} (deleted)")));
}

#[test]
fn descriptors_that_were_sent_by_somebody_who_died_before_the_record_are_nobodys() {
    let (to, from) = create(None, Getting::Removes).unwrap();
    put_file(&to, "first");
    for name in ["dead", "dead too"] {
        send_packet(&to, to.store().ring.next_ticket(), name);
    }
    put_file(&to, "second");
    send_packet(&to, to.store().ring.next_ticket(), "dead at last");
    expect_file(&from, "first");
    expect_file(&from, "second");
    assert!(matches!(get_file(&from), Err(GetError::Empty)));
    put_file(&to, "third");
    expect_file(&from, "third");
}

#[test]
fn a_packet_whose_consumer_died_before_it_was_thrown_away_is_nobodys() {
    let (to, from) = create(None, Getting::Removes).unwrap();
    put_file(&to, "first");
    put_file(&to, "second");
    // All of a get but the last step.
    let ring = &from.store().ring;
    let first = ring.first().unwrap().unwrap();
    ring.remove(&first);
    expect_file(&from, "second");
}

#[test]
fn a_consumer_that_died_before_the_record_was_removed_leaves_value_and_descriptors() {
    let (to, from) = create(None, Getting::Removes).unwrap();
    put_file(&to, "value");
    let first = from.store().ring.first().unwrap().unwrap();
    let claimed = claim(from.socket(), first.ticket().unwrap()).unwrap().unwrap();
    assert_eq!(name_of(&claimed[0]), "/memfd:value (deleted)");
    expect_file(&from, "value");
}

#[test]
fn descriptors_that_never_came_are_an_error_once() {
    let (to, from) = create(None, Getting::Removes).unwrap();
    let ring = &to.store().ring;
    put_lie(ring);
    put_file(&to, "fine");
    assert!(matches!(get_file(&from), Err(GetError::DescriptorsLost)));
    expect_file(&from, "fine");
    // Nor are those that are no message.
    to.socket().send(&[IoSlice::new(b"no message")], &[]).unwrap();
    put_file(&to, "after");
    expect_file(&from, "after");
    put_lie(ring);
    assert!(matches!(get_file(&from), Err(GetError::DescriptorsLost)));
    assert!(matches!(get_file(&from), Err(GetError::Empty)));
}
