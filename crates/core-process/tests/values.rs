//! What can be an argument or a result, and what is said of what cannot.
#![allow(clippy::unwrap_used, reason = "a test")]

mod isolated;

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::atomic::Ordering;

use core_process::shm::Segment;
use core_process::{ChildError, Fd, Process, StartError, StartMethod, active_children};
use isolated::by_each_method;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

core_process::divert_before_main!();

/// Cannot be sent.
#[derive(Debug, Deserialize)]
struct Stays;

impl Serialize for Stays {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("it stays here"))
    }
}

/// Can be sent, and does not arrive.
#[derive(Debug, PartialEq, Serialize)]
struct Lost;

impl<'de> Deserialize<'de> for Lost {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("it was lost"))
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn c16_an_argument_that_cannot_be_sent_fails_at_the_start() {
    fn case(method: StartMethod) {
        // The first start opens what the library keeps.
        Process::new(|| (), ())
            .method(method)
            .start()
            .unwrap()
            .join()
            .unwrap();
        let before = descriptors();
        let file = Fd::from(File::open("/dev/null").unwrap());
        let refused = Process::new(|_: Fd<File>, _: Stays| (), (file, Stays))
            .method(method)
            .start();
        match refused {
            Err(StartError::Argument(why)) => assert!(!why.is_empty()),
            other => panic!("{other:?}"),
        }
        assert!(active_children().is_empty());
        assert_eq!(descriptors(), before);
    }
    by_each_method(case);
}

#[test]
fn c16_an_argument_that_does_not_arrive_and_results_that_do_not() {
    fn case(method: StartMethod) {
        let child = Process::new(|_: Lost| 7, Lost).method(method).start().unwrap();
        assert!(
            matches!(child.join(), Err(ChildError::Argument { .. })),
            "{:?}",
            child.join()
        );
        let child = Process::new(|| Stays, ()).method(method).start().unwrap();
        assert!(
            matches!(child.join(), Err(ChildError::Result { .. })),
            "{:?}",
            child.join()
        );
        let child = Process::new(|| Lost, ()).method(method).start().unwrap();
        assert!(
            matches!(child.join(), Err(ChildError::Result { .. })),
            "{:?}",
            child.join()
        );
    }
    by_each_method(case);
}

#[test]
fn c16_open_files_are_values_here() {
    fn append(mut file: Fd<File>) -> Fd<File> {
        file.write_all(b" and the child").unwrap();
        file
    }
    fn case(method: StartMethod) {
        let mut file =
            File::from(rustix::fs::memfd_create("values", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        file.write_all(b"the parent").unwrap();
        let child = Process::new(append, Fd::from(file))
            .method(method)
            .start()
            .unwrap();
        // As often as it is asked for.
        for _ in 0..2 {
            let mut file = child.join().unwrap();
            file.rewind().unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "the parent and the child");
        }
    }
    by_each_method(case);
}

#[test]
fn c17_a_shared_value_travels_by_every_method() {
    fn add(segment: Segment) {
        segment.atomic_u32(0).fetch_add(1, Ordering::Relaxed);
    }
    fn case(first: StartMethod) {
        // One segment, children of all three methods: there is no kind that belongs to one method.
        let segment = Segment::create("values", 4096).unwrap();
        for method in [first].into_iter().chain(isolated::METHODS) {
            let copy = segment.try_clone().unwrap();
            Process::new(add, copy)
                .method(method)
                .start()
                .unwrap()
                .join()
                .unwrap();
        }
        assert_eq!(segment.atomic_u32(0).load(Ordering::Relaxed), 4);
    }
    by_each_method(case);
}

#[test]
fn c18_a_descriptor_in_plain_bytes_is_refused() {
    let file = Fd::from(File::open("/dev/null").unwrap());
    let segment = Segment::create("values", 4096).unwrap();
    assert!(postcard::to_stdvec(&file).is_err());
    assert!(postcard::to_stdvec(&segment).is_err());
    assert!(postcard::from_bytes::<Fd<File>>(&[0]).is_err());
    // The whole value, descriptors beside the bytes, may go by any message, not at a start only as in CPython.
    let whole = core_process::codec::encode(&file).unwrap();
    assert_eq!(whole.descriptors.len(), 1);
    assert!(core_process::codec::decode::<Fd<File>>(&whole.bytes, whole.descriptors).is_ok());
}
