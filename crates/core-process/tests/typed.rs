//! Typed shared memory between processes, and what is said to memory that only claims to be it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use core_process::shm::{Bool, Fact, OpenError, Segment, Shared, Typed};
use core_process::{Process, codec};
use serde::{Deserialize, Serialize};

core_process::divert_before_main!();

#[repr(C)]
#[derive(Debug, Shared)]
struct Board {
    moves: AtomicU64,
    size: [u32; 2],
    is_open: Bool,
    reserved: [u8; 7],
}

fn board() -> Board {
    Board {
        moves: AtomicU64::new(5),
        size: [3, 4],
        is_open: Bool::from(true),
        reserved: [0; 7],
    }
}

/// A segment with these words at its beginning.
fn forged(len: usize, words: &[u64]) -> OwnedFd {
    let segment = Segment::create("forged", len).unwrap();
    for (index, word) in words.iter().enumerate() {
        segment.write_bytes(index * 8, &word.to_ne_bytes());
    }
    segment.as_fd().try_clone_to_owned().unwrap()
}

/// The head of a right one, as words, and its length.
fn head<T: Serialize>(typed: &T) -> (usize, [u64; 7]) {
    let descriptor = codec::encode(typed).unwrap().descriptors.pop().unwrap();
    let len = std::fs::File::from(descriptor.try_clone().unwrap())
        .metadata()
        .unwrap()
        .len() as usize;
    let bytes = Segment::open(descriptor, len).unwrap().read_bytes(0, 56);
    let words = bytes
        .chunks(8)
        .map(|word| u64::from_ne_bytes(word.try_into().unwrap()));
    (len, words.collect::<Vec<_>>().try_into().unwrap())
}

fn mismatch(error: OpenError) -> (Fact, u64, u64) {
    match error {
        OpenError::Mismatch {
            fact,
            expected,
            found,
            ..
        } => (fact, expected, found),
        other => panic!("{other}"),
    }
}

#[derive(Serialize, Deserialize)]
struct Job {
    board: Typed<Board>,
    lanes: Vec<Typed<[AtomicU32]>>,
}

fn play(job: Job) -> Typed<[u16]> {
    job.board.moves.fetch_add(u64::from(job.board.size[1]), Relaxed);
    for (index, lane) in job.lanes[0].iter().enumerate() {
        lane.store(index as u32 * 10, Relaxed);
    }
    Typed::create_array("result", 3, |index| index as u16 + 7).unwrap()
}

#[test]
fn it_is_an_argument_a_field_and_a_result_and_the_same_memory() {
    let board = Typed::create("board", board()).unwrap();
    let lanes = Typed::create_array("lanes", 4, |_| AtomicU32::new(1)).unwrap();
    let job = Job {
        board: board.clone(),
        lanes: vec![lanes.clone()],
    };
    let result = Process::new(play, job).start().unwrap().join().unwrap();
    assert_eq!(*result, [7, 8, 9]);
    assert_eq!(board.moves.load(Relaxed), 9);
    assert!(board.is_open.get());
    assert_eq!(format!("{lanes:?}"), "[0, 10, 20, 30]");
}

#[test]
fn a_handle_keeps_its_mapping_and_the_last_one_lets_it_go() {
    let is_mapped = || {
        std::fs::read_to_string("/proc/self/maps")
            .unwrap()
            .contains("/memfd:kept-alive ")
    };
    let one = Typed::create("kept-alive", 7_u64).unwrap();
    let two = one.clone();
    drop(one);
    assert!(is_mapped());
    assert_eq!(*two, 7);
    drop(two);
    assert!(!is_mapped());
}

#[test]
fn values_of_no_bytes_and_arrays_of_none_are_values_too() {
    #[repr(C)]
    #[derive(Shared)]
    struct Nothing;
    let open =
        |encoded: codec::Encoded| Typed::<[Nothing]>::open(encoded.descriptors.into_iter().next().unwrap());
    let few = Typed::create_array("nothing", 3, |_| Nothing).unwrap();
    assert_eq!(open(codec::encode(&few).unwrap()).unwrap().len(), 3);
    let none = Typed::create_array("none", 0, |_| 1_u64).unwrap();
    let (len, words) = head(&none);
    assert!(Typed::<[u64]>::open(forged(len, &words)).unwrap().is_empty());
}

#[test]
fn a_value_lies_at_its_alignment() {
    #[repr(C, align(1024))]
    #[derive(Shared)]
    struct Wide([u8; 1024]);
    let wide = Typed::create("wide", Wide([9; 1024])).unwrap();
    assert!((&raw const *wide).addr().is_multiple_of(1024));
    let (len, words) = head(&wide);
    assert_eq!(len, 2048);
    let again = Typed::<Wide>::open(forged(len, &words)).unwrap();
    assert_eq!(again.0, [0; 1024]);
}

#[test]
fn each_word_of_the_head_is_checked_and_named() {
    let (len, right) = head(&Typed::create("right", board()).unwrap());
    assert_eq!(right[2..5], [96 - 8, 24, 8]);
    let facts = [
        Fact::Magic,
        Fact::Version,
        Fact::Length,
        Fact::Size,
        Fact::Alignment,
        Fact::Type,
        Fact::Count,
    ];
    for (index, fact) in facts.into_iter().enumerate() {
        for wrong in [0, right[index] + 1, 1 << 62, u64::MAX] {
            let mut words = right;
            words[index] = wrong;
            let error = Typed::<Board>::open(forged(len, &words)).unwrap_err();
            let text = error.to_string();
            assert_eq!(mismatch(error), (fact, right[index], wrong), "{text}");
            assert!(
                text.contains("Board") && text.contains(&fact.to_string()),
                "{text}"
            );
        }
    }
    Typed::<Board>::open(forged(len, &right)).unwrap();
}

#[test]
fn the_number_of_values_is_checked_against_the_memory() {
    let (len, right) = head(&Typed::create_array("right", 4, |index| index as u64).unwrap());
    for count in [5, 1 << 61, 1 << 62, u64::MAX] {
        let mut words = right;
        words[6] = count;
        let error = Typed::<[u64]>::open(forged(len, &words)).unwrap_err();
        assert_eq!(mismatch(error), (Fact::Count, 4, count));
    }
    let mut words = right;
    words[6] = 3;
    let error = Typed::<[u64]>::open(forged(len, &words)).unwrap_err();
    assert_eq!(mismatch(error), (Fact::Length, 64 + 24, 64 + 32));
    // 2^64 bytes: no such memory is asked for.
    let error = Typed::create_array("many", 1 << 61, |_| 0_u64).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EFBIG));
}

#[test]
fn another_type_of_the_same_size_is_another_type() {
    let (len, words) = head(&Typed::create("number", 1_u64).unwrap());
    let refused = [
        Typed::<i64>::open(forged(len, &words)).unwrap_err(),
        Typed::<AtomicU64>::open(forged(len, &words)).unwrap_err(),
        Typed::<f64>::open(forged(len, &words)).unwrap_err(),
        Typed::<[u64]>::open(forged(len, &words)).unwrap_err(),
        Typed::<[u64; 1]>::open(forged(len, &words)).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(mismatch(error).0, Fact::Type);
    }
}

#[test]
fn a_short_memory_is_refused_before_anything_in_it_is_believed() {
    let (_, words) = head(&Typed::create("right", board()).unwrap());
    for (len, fact) in [
        (1, Fact::Length),
        (56, Fact::Length),
        (64, Fact::Length),
        (80, Fact::Length),
    ] {
        let words = &words[..len.min(56) / 8];
        let error = Typed::<Board>::open(forged(len, words)).unwrap_err();
        let (found_fact, expected, found) = mismatch(error);
        // The head of a memory that has room for it says the length that it should have.
        let found_len = if len < 64 { len as u64 } else { 88 };
        let expected_len = if len < 64 { 88 } else { len as u64 };
        assert_eq!((found_fact, expected, found), (fact, expected_len, found_len));
    }
}

#[test]
fn what_is_no_segment_is_refused_whatever_its_head_says() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    let (len, words) = head(&Typed::create("right", board()).unwrap());
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let all = SealFlags::SHRINK | SealFlags::GROW;
    let memfd = |more: MemfdFlags, size: u64, seals| {
        let file = memfd_create(
            "no-segment",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | more,
        )
        .unwrap();
        ftruncate(&file, size).unwrap();
        if more.is_empty() {
            rustix::io::pwrite(&file, &bytes, 0).unwrap();
        }
        fcntl_add_seals(&file, seals).unwrap();
        file
    };
    let said = |file: OwnedFd| match Typed::<Board>::open(file).unwrap_err() {
        OpenError::Segment(error) => error.to_string(),
        other => panic!("{other}"),
    };
    for seals in [SealFlags::empty(), SealFlags::SHRINK, SealFlags::GROW] {
        assert!(said(memfd(MemfdFlags::empty(), len as u64, seals)).contains("not sealed"));
    }
    // 2^62 bytes, of which one page is there.
    assert!(said(memfd(MemfdFlags::empty(), 1 << 62, all)).contains("not reserved"));
    assert!(said(memfd(MemfdFlags::HUGETLB, 2 << 20, all)).contains("huge pages"));
    assert!(said(std::fs::File::open("/proc/self/exe").unwrap().into()).contains("not sealed"));
    assert!(said(std::io::pipe().unwrap().0.into()).contains("not sealed"));
}

#[test]
fn a_message_of_another_type_is_an_error_of_the_decoder() {
    let sent = codec::encode(&Typed::create("number", 1_u32).unwrap()).unwrap();
    let error = codec::decode::<Typed<f32>>(&sent.bytes, sent.descriptors).unwrap_err();
    assert!(error.to_string().contains("does not hold `f32`"), "{error}");
}
