//! The ring against a list, and against a peer that writes where it should not.

use std::collections::VecDeque;

use super::*;

use super::words::{HEAD, TAIL};
use crate::queue::buffer::Buffer;

fn put(ring: &Ring, ticket: Option<u64>, bytes: &[u8]) {
    if let Err(NoRoom::Memory) = ring.find_room(bytes.len(), ticket.is_some()) {
        ring.grow(bytes.len(), ticket.is_some()).unwrap();
    }
    let room = ring.find_room(bytes.len(), ticket.is_some());
    let Ok(room) = room else { panic!("no room") };
    ring.put(&room, ticket, bytes);
}

fn is_full(ring: &Ring) -> bool {
    matches!(ring.find_room(1, false), Err(NoRoom::Bound))
}

fn is_overwritten(ring: &Ring) -> bool {
    matches!(ring.find_room(1, false), Err(NoRoom::Os(_)))
}

fn get(ring: &Ring) -> Option<(Option<u64>, Vec<u8>)> {
    let first = ring.first().unwrap()?;
    let mut bytes = Buffer::new();
    ring.copy(&first, &mut bytes).unwrap();
    ring.remove(&first);
    Some((first.ticket(), bytes.value().to_vec()))
}

#[test]
fn it_is_a_list_at_every_size_and_through_every_growth() {
    let ring = Ring::create(None, Getting::Removes).unwrap();
    let mut list = VecDeque::new();
    let mut state = 12345_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    for round in 0..20_000_u64 {
        if draw(100) < if round % 4000 < 2000 { 60 } else { 40 } {
            let len = match draw(200) {
                0 => 100_000,
                1..10 => draw(5000),
                _ => draw(40),
            };
            let bytes: Vec<u8> = (0..len).map(|at| (at ^ round) as u8).collect();
            let ticket = (draw(5) == 0).then(|| ring.next_ticket());
            put(&ring, ticket, &bytes);
            list.push_back((ticket, bytes));
        } else {
            assert!(get(&ring) == list.pop_front(), "round {round}");
        }
        assert_eq!(ring.len(), list.len() as u64);
    }
    while let Some(expected) = list.pop_front() {
        assert!(get(&ring) == Some(expected));
    }
    assert_eq!(get(&ring), None);
}

#[test]
fn a_bound_counts_records_and_not_bytes() {
    let ring = Ring::create(Some(2), Getting::Removes).unwrap();
    put(&ring, None, b"1");
    assert!(!ring.is_full());
    put(&ring, None, &[0; 200_000]);
    assert!(ring.is_full());
    assert!(is_full(&ring));
    get(&ring).unwrap();
    assert!(!is_full(&ring));
    assert!(ring.find_room(1, false).is_ok());
}

#[test]
fn a_put_or_a_get_that_dies_before_its_last_store_has_not_happened() {
    let ring = Ring::create(None, Getting::Removes).unwrap();
    put(&ring, None, b"first");
    put(&ring, None, b"second");
    // All of `put` but the count.
    let words = ring.words();
    let puts = words.atomic_u64(PUTS).load(Relaxed);
    put(&ring, None, b"torn");
    words.atomic_u64(PUTS).store(puts, Relaxed);
    assert_eq!(ring.len(), 2);
    // All of `remove` but the count, twice: the place of the next record is written, and must not be believed.
    for _ in 0..2 {
        let first = ring.first().unwrap().unwrap();
        ring.remove(&first);
        words.atomic_u64(GETS).store(first.count, Relaxed);
    }
    assert_eq!(ring.first_place(), (0, 0));
    put(&ring, None, b"third");
    let all: Vec<_> = std::iter::from_fn(|| get(&ring))
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(all, [&b"first"[..], b"second", b"third"]);
}

#[test]
fn words_that_lie_are_errors_and_nothing_leaves_the_memory() {
    for (offset, value) in [
        (RECORDS, u64::MAX),
        (RECORDS, 1 << 62 | 2),
        (RECORDS, (128 << 10) << 2 | 2),
        (RECORDS, 2),
        (HEAD, 4),
        (HEAD, u64::MAX),
    ] {
        let ring = Ring::create(None, Getting::Removes).unwrap();
        put(&ring, None, b"fine");
        ring.words().atomic_u64(offset).store(value, Relaxed);
        let error = ring.first().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    for step in [1, 39, 40, u32::MAX] {
        let ring = Ring::create(None, Getting::Removes).unwrap();
        put(&ring, None, b"fine");
        ring.words().atomic_u32(STEP).store(step, Relaxed);
        assert!(ring.first().is_err() && is_overwritten(&ring) && ring.grow(1, false).is_err());
    }
    let ring = Ring::create(None, Getting::Removes).unwrap();
    ring.words().atomic_u64(TAIL).store(1, Relaxed);
    assert!(is_overwritten(&ring));
    ring.words().atomic_u64(TAIL).store(u64::MAX - 7, Relaxed);
    assert!(ring.grow(1, false).is_err());
    let file = ring.as_fd().try_clone_to_owned().unwrap();
    ring.words().atomic_u64(MAGIC).store(1, Relaxed);
    assert!(Ring::open(file).is_err());
}
