//! Arguments and results that cannot be encoded or decoded, or are as large as can be: the error is that call's, and
//! nothing else is harmed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

use core_process::{ChildError, Process, StartError, Status};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use crate::account::Account;
use crate::scene::METHODS;
use crate::{Named, named};

pub(crate) const SCENARIOS: &[Named] = named![
    an_argument_that_refuses_to_be_encoded_starts_nothing,
    an_argument_that_fails_in_the_child_is_told_by_join,
    a_result_that_fails_in_the_child_is_told_by_join,
    a_result_that_fails_in_the_parent_is_told_by_each_join,
    results_and_arguments_of_every_size_arrive,
];

/// What goes wrong with a value, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    EncodeError = 1,
    EncodePanic,
    DecodeError,
    DecodePanic,
}

/// A value that has the fault.
#[derive(Debug)]
struct Faulty(u8);

impl Serialize for Faulty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            n if n == Fault::EncodeError as u8 => Err(ser::Error::custom("not today")),
            n if n == Fault::EncodePanic as u8 => panic!("encoding panics"),
            n => serializer.serialize_u8(n),
        }
    }
}

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            n if n == Fault::DecodeError as u8 => Err(de::Error::custom("not here")),
            n if n == Fault::DecodePanic as u8 => panic!("decoding panics"),
            n => Ok(Self(n)),
        }
    }
}

fn faulty(fault: Fault) -> Faulty {
    Faulty(fault as u8)
}

fn is_panic<T: std::fmt::Debug>(result: Result<T, ChildError>, text: &str) {
    assert!(
        matches!(&result, Err(ChildError::Panicked { message, .. }) if message == text),
        "{result:?}"
    );
}

fn an_argument_that_refuses_to_be_encoded_starts_nothing() {
    for method in METHODS {
        let account = Account::open();
        let refused = Process::new(|_: Faulty| {}, faulty(Fault::EncodeError))
            .method(method)
            .start();
        assert!(matches!(refused, Err(StartError::Argument(_))), "{refused:?}");
        let recipe = Process::new(|_: Faulty| {}, faulty(Fault::EncodePanic)).method(method);
        assert!(catch_unwind(AssertUnwindSafe(|| recipe.start())).is_err());
        account.settle();
        let next = Process::new(|value: Faulty| value, Faulty(0))
            .method(method)
            .start()
            .unwrap();
        assert_eq!(next.join().unwrap().0, 0);
    }
}

fn an_argument_that_fails_in_the_child_is_told_by_join() {
    for method in METHODS {
        let start = |fault| {
            Process::new(|_: Faulty| {}, faulty(fault))
                .method(method)
                .start()
                .unwrap()
        };
        let child = start(Fault::DecodeError);
        let result = child.join();
        assert!(
            matches!(result, Err(ChildError::Argument { .. })),
            "{method}: {result:?}"
        );
        assert_eq!(child.status(), Status::Exited(101));
        is_panic(start(Fault::DecodePanic).join(), "decoding panics");
    }
}

fn a_result_that_fails_in_the_child_is_told_by_join() {
    for method in METHODS {
        let child = Process::new(|| faulty(Fault::EncodeError), ())
            .method(method)
            .start()
            .unwrap();
        let result = child.join();
        assert!(
            matches!(result, Err(ChildError::Result { .. })),
            "{method}: {result:?}"
        );
        assert_eq!(child.status(), Status::Exited(101));
        let child = Process::new(|| faulty(Fault::EncodePanic), ())
            .method(method)
            .start()
            .unwrap();
        is_panic(child.join(), "encoding panics");
    }
}

fn a_result_that_fails_in_the_parent_is_told_by_each_join() {
    for method in METHODS {
        let child = Process::new(|| faulty(Fault::DecodeError), ())
            .method(method)
            .start()
            .unwrap();
        for _ in 0..2 {
            let result = child.join();
            assert!(
                matches!(result, Err(ChildError::Result { .. })),
                "{method}: {result:?}"
            );
        }
        assert_eq!(child.status(), Status::Exited(0));
        // A panic is the caller's own; the child's handle is as good as before.
        let child = Process::new(|| faulty(Fault::DecodePanic), ())
            .method(method)
            .start()
            .unwrap();
        for _ in 0..2 {
            assert!(catch_unwind(AssertUnwindSafe(|| child.join())).is_err());
        }
        assert_eq!(child.wait(), Ok(Status::Exited(0)));
    }
}

/// A string of that many bytes in the child, or in the parent.
fn letters(count: usize) -> String {
    "x".repeat(count)
}

fn results_and_arguments_of_every_size_arrive() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let around = |size: usize| [size - 1, size, size + 1];
    // The start block's page, less its words, less the length of the length.
    let edges = [0, 1, 3000]
        .into_iter()
        .chain((3950..4000).step_by(1))
        .chain(around(4096))
        .chain(around(65536));
    for method in METHODS {
        for size in edges.clone().chain([100 << 20]) {
            let child = Process::new(letters, size).method(method).start().unwrap();
            assert_eq!(child.join().map(|text| text.len()), Ok(size), "{method}");
            if !(3960..4000).contains(&size) {
                let child = Process::new(|text: String| text.len(), letters(size))
                    .method(method)
                    .start();
                assert_eq!(child.unwrap().join(), Ok(size), "{method}");
            }
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
        let child = Process::new(|| (), ()).method(method).start().unwrap();
        assert_eq!(child.join(), Ok(()));
    }
    assert_eq!(SEEN.load(Ordering::Relaxed) as usize, 3 * (edges.count() + 1));
}
