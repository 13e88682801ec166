//! What bytes from somebody else can do to the decoder: nothing.
//!
//! A counting allocator measures the promise that nothing is allocated for what bytes merely claim, and the crate
//! `postcard` is the reference of the format. This file does not know how the decoder is written.
#![allow(unsafe_code, reason = "counts what the allocator is asked for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::panic::catch_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use core_process::codec::{DecodeError, EncodeError, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

/// What a decoder may allocate beyond the bytes that it was given.
const ALLOWANCE: usize = 64 << 10;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    LIVE.set(LIVE.get() + change);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain thread-local cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those that `System` needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes `bytes`; the most that was allocated at once meanwhile.
fn peak<T: DeserializeOwned>(bytes: &[u8]) -> (Result<T, DecodeError>, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let outcome = decode(bytes, Vec::new());
    (outcome, (PEAK.get() - before) as usize)
}

/// A claim of `len` elements, and `rest` behind it.
fn claim(len: u64, rest: &[u8]) -> Vec<u8> {
    let len = encode(&len).expect("a number can be encoded").bytes;
    [len.as_slice(), rest].concat()
}

fn refuses_for_little<T: DeserializeOwned + Debug>(bytes: &[u8]) {
    let (outcome, peak) = peak::<T>(bytes);
    let kind = std::any::type_name::<T>();
    assert!(outcome.is_err(), "{kind} from {} bytes: {outcome:?}", bytes.len());
    assert!(
        peak <= bytes.len() + ALLOWANCE,
        "{kind} from {} bytes allocated {peak}",
        bytes.len()
    );
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Hash, Clone, Copy)]
struct Wide([u64; 32]);

#[test]
fn a_claimed_length_allocates_nothing() {
    for len in [1 << 10, 1 << 16, 1 << 24, 1 << 40, u64::MAX] {
        for rest in [0, 100, 5000] {
            // The elements are cut off, however short they are: the claim is never fulfilled.
            let bytes = claim(len, &vec![0x80; rest]);
            refuses_for_little::<Vec<u64>>(&bytes);
            refuses_for_little::<Vec<String>>(&bytes);
            refuses_for_little::<Vec<Wide>>(&bytes);
            refuses_for_little::<HashMap<u64, u64>>(&bytes);
            refuses_for_little::<HashMap<u64, Wide>>(&bytes);
            refuses_for_little::<BTreeMap<String, Vec<u8>>>(&bytes);
        }
        refuses_for_little::<String>(&claim(len, b"short"));
        refuses_for_little::<serde_bytes_like::Bytes>(&claim(len, b"short"));
    }
}

/// A type that asks for bytes as such, as `serde_bytes` does.
mod serde_bytes_like {
    use serde::de::{Deserialize, Deserializer, Visitor};

    #[derive(Debug)]
    pub(super) struct Bytes;

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Any;
            impl Visitor<'_> for Any {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, _: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes)
                }
            }
            deserializer.deserialize_byte_buf(Any)
        }
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Tree(Vec<Tree>);

#[test]
fn claims_inside_claims_share_one_allowance() {
    // Each level claims as much as its bytes could hold.
    let mut bytes = Vec::new();
    for _ in 0..100 {
        bytes.extend_from_slice(&claim(2000, &[]));
    }
    bytes.extend_from_slice(&[0x80; 4000]);
    refuses_for_little::<Tree>(&bytes);
    refuses_for_little::<Vec<Vec<Vec<Vec<u64>>>>>(&bytes);
}

#[test]
fn elements_that_take_no_bytes_are_not_counted_for_ever() {
    // A decoder without the bound is busy for centuries.
    let (done, finished) = mpsc::channel::<()>();
    let decoder = thread::spawn(move || {
        refuses_for_little::<Vec<()>>(&claim(u64::MAX, &[]));
        refuses_for_little::<Vec<[u8; 0]>>(&claim(1 << 40, &[]));
        refuses_for_little::<HashMap<(), ()>>(&claim(u64::MAX, &[]));
        refuses_for_little::<Vec<Vec<()>>>(&claim(2, &claim(u64::MAX, &[0])));
        drop(done);
    });
    let ended = finished.recv_timeout(Duration::from_secs(60));
    assert_eq!(
        ended,
        Err(mpsc::RecvTimeoutError::Disconnected),
        "the decoder does not end"
    );
    decoder.join().unwrap();
    let some = vec![(); 1000];
    assert_eq!(
        decode::<Vec<()>>(&encode(&some).unwrap().bytes, vec![]).unwrap(),
        some
    );
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum List {
    End,
    Node { padding: [u64; 16], next: Box<List> },
}

#[test]
fn depth_is_bounded_on_both_sides_and_never_the_stack() {
    let tree = |levels: usize| (0..levels).fold(Tree(vec![]), |inner, _| Tree(vec![inner]));
    let list = |levels: usize| {
        (0..levels).fold(List::End, |next, _| List::Node {
            padding: [7; 16],
            next: Box::new(next),
        })
    };
    // A small stack, which a decoder without a bound would overrun, and that ends the process.
    let small = thread::Builder::new().stack_size(1 << 20).spawn(move || {
        // What can be sent can be received, to the last level.
        for levels in 50..140 {
            if let Ok(sent) = encode(&tree(levels)) {
                assert_eq!(decode::<Tree>(&sent.bytes, vec![]).as_ref(), Ok(&tree(levels)));
            }
            if let Ok(sent) = encode(&list(levels)) {
                assert_eq!(decode::<List>(&sent.bytes, vec![]).as_ref(), Ok(&list(levels)));
            }
        }
        encode(&tree(60)).unwrap();
        encode(&list(120)).unwrap();
        assert!(matches!(encode(&tree(200)), Err(EncodeError::Value(why)) if why.contains("nested")));
        assert!(matches!(encode(&list(200)), Err(EncodeError::Value(why)) if why.contains("nested")));
        for depth in [200, 1_000_000] {
            let error = decode::<Tree>(&vec![1; depth], vec![]).unwrap_err();
            assert!(error.to_string().contains("nested"), "{error}");
            // Variant 1, sixteen numbers, and so on.
            let error = decode::<List>(&[1; 17].repeat(depth), vec![]).unwrap_err();
            assert!(error.to_string().contains("nested"), "{error}");
        }
    });
    small.unwrap().join().unwrap();
}

/// Everything that the format knows.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Everything {
    Unit,
    Small(bool, u8, i8, u16, i16),
    Numbers {
        a: u32,
        b: i32,
        c: u64,
        d: i64,
        e: u128,
        f: i128,
        g: usize,
    },
    Floats(f32, f64),
    Text(char, String),
    Lists(Vec<Option<u16>>, BTreeMap<String, Vec<i64>>, [u8; 3], ()),
    Nested(Box<Everything>),
}

fn samples() -> Vec<Everything> {
    use Everything::*;
    let numbers = |bits: u128| Numbers {
        a: bits as u32,
        b: bits as i32,
        c: bits as u64,
        d: bits as i64,
        e: bits,
        f: bits as i128,
        g: bits as usize,
    };
    let mut all = vec![
        Unit,
        Small(true, 255, -128, u16::MAX, i16::MIN),
        Small(false, 0, 127, 128, i16::MAX),
        Floats(f32::MIN_POSITIVE, f64::NEG_INFINITY),
        Text('\u{10FFFF}', "ю".repeat(100)),
        Lists(
            vec![None, Some(300)],
            BTreeMap::from([("key".into(), vec![-1, 64, i64::MIN])]),
            [1, 2, 3],
            (),
        ),
    ];
    // Every length that a number can have, from both sides of its border.
    all.extend(
        (0..128)
            .flat_map(|bit| [1 << bit, (1 << bit) - 1, u128::MAX << bit])
            .map(numbers),
    );
    all.push(Nested(Box::new(Nested(Box::new(all[5].clone())))));
    all
}

#[test]
fn the_format_is_postcards_byte_for_byte() {
    for value in samples() {
        let bytes = encode(&value).unwrap().bytes;
        assert_eq!(bytes, postcard::to_stdvec(&value).unwrap(), "{value:?}");
        assert_eq!(decode::<Everything>(&bytes, vec![]).unwrap(), value);
    }
}

#[test]
fn spoiled_bytes_are_errors_or_values_and_never_a_panic() {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    let whole: Vec<Vec<u8>> = samples()
        .iter()
        .map(|value| encode(value).unwrap().bytes)
        .collect();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = whole[next() % whole.len()].clone();
        for _ in 0..=next() % 3 {
            let at = next() % bytes.len();
            match next() % 3 {
                0 => bytes[at] = next() as u8,
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, next() as u8),
            }
        }
        let ours = catch_unwind(|| decode::<Everything>(&bytes, vec![])).expect("a decoder must not panic");
        let reference = postcard::take_from_bytes::<Everything>(&bytes)
            .ok()
            .filter(|(_, rest)| rest.is_empty());
        accepted += usize::from(ours.is_ok());
        // As text, since a float that is not a number differs from itself.
        assert_eq!(
            format!("{:?}", ours.ok()),
            format!("{:?}", reference.map(|(value, _)| value)),
            "{bytes:?}"
        );
    }
    assert!(
        accepted > 100,
        "of 20000 only {accepted} were values: this compared too little"
    );
}

#[test]
fn the_message_of_a_value_that_refuses_is_kept() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the cup is empty"))
        }
    }
    #[derive(Deserialize, Debug)]
    #[serde(try_from = "u8")]
    struct Even;
    impl TryFrom<u8> for Even {
        type Error = String;
        fn try_from(number: u8) -> Result<Self, String> {
            if number.is_multiple_of(2) {
                Ok(Self)
            } else {
                Err(format!("{number} is odd"))
            }
        }
    }
    let error = encode(&[Some(Refuses)]).unwrap_err();
    assert_eq!(error.to_string(), "the value cannot be encoded: the cup is empty");
    let error = decode::<(u8, Even)>(&[2, 3], vec![]).unwrap_err();
    assert_eq!(error.to_string(), "the value cannot be decoded: 3 is odd");
    decode::<Even>(&[4], vec![]).unwrap();
}

#[test]
fn a_sequence_of_unknown_length_is_counted_and_a_wrong_count_refused() {
    struct Filtered;
    impl Serialize for Filtered {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..400u32).filter(|number| number % 2 == 0))
        }
    }
    let even: Vec<u32> = (0..400).step_by(2).collect();
    assert_eq!(
        decode::<(u8, Vec<u32>, u8)>(&encode(&(1u8, Filtered, 2u8)).unwrap().bytes, vec![]),
        Ok((1, even, 2))
    );

    struct Lies;
    impl Serialize for Lies {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut sequence = serializer.serialize_seq(Some(3))?;
            sequence.serialize_element(&1)?;
            sequence.end()
        }
    }
    let error = encode(&Lies).unwrap_err();
    assert!(
        error.to_string().contains("announced 3 elements and has 1"),
        "{error}"
    );
}

#[test]
fn what_needs_a_format_that_describes_itself_says_so() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Flat {
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
    }
    let error = encode(&Flat {
        rest: BTreeMap::new(),
    })
    .unwrap_err();
    assert!(error.to_string().contains("flatten"), "{error}");
    let bytes = encode(&Either::Number(1)).unwrap().bytes;
    let error = decode::<Either>(&bytes, vec![]).unwrap_err();
    assert!(error.to_string().contains("untagged"), "{error}");
}

#[test]
fn a_large_message_costs_its_own_size() {
    let value: Vec<u64> = (0..200_000).map(|number| number | 1 << 63).collect();
    let bytes = encode(&value).unwrap().bytes;
    let (back, peak) = peak::<Vec<u64>>(&bytes);
    assert_eq!(back.unwrap(), value);
    // A vector that grows holds its old half beside the new whole.
    assert!(
        peak <= 4 * bytes.len(),
        "{peak} bytes for a message of {}",
        bytes.len()
    );
}
