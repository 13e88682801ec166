//! What a process can run: any function, or closure that captures nothing, and how it is named to another process.
//!
//! Invariant: a target carries no data, so its type says all. In the child it is found again by the offset of its entry
//! function in the main image (checked to be code there, with the build id compared): both run the same file.
#![allow(unsafe_code, reason = "calls a function by its offset in the image")]

use std::any::type_name;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, Encoded};
use crate::sys::image::main_image;

/// A function that can run in a process of its own: `fn()`, `fn(A)`, up to `fn(A, B, C, D, E, F)`, generic ones and
/// closures without captures included.
///
/// `A` is what [`Process::new`](crate::Process::new) is given: `()` for no argument, the value itself for one, a tuple for
/// more. `M` tells the implementations apart and is always inferred. A target that never returns needs a type that could be
/// sent: `|| -> () { core_process::exit(3) }`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the target of a process with the arguments `{A}`",
    note = "a target is a function, or a closure without captures whose parameters have types; its arguments and its result \
            implement serde's `Serialize` and `Deserialize`",
    note = "pass `()` for no argument, the value itself for one, a tuple for more: `Process::new(add, (1, 2))`"
)]
pub trait Target<A, M>: Copy + 'static {
    /// What the target returns, and `join` gives back.
    type Output: Serialize + DeserializeOwned;

    /// Calls it.
    fn call(self, args: A) -> Self::Output;
}

/// Marks targets with one parameter.
#[derive(Debug)]
pub struct One;

/// Marks targets with as many parameters as the tuple has members.
#[derive(Debug)]
pub struct Tuple;

// Where a bound below is not met, the message of the trait says more than the name of the bound.
#[diagnostic::do_not_recommend]
impl<F, A, T> Target<A, One> for F
where
    F: Fn(A) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    type Output = T;

    fn call(self, args: A) -> T {
        self(args)
    }
}

macro_rules! tuple_targets {
    ($(($($arg:ident),*);)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<Func, T, $($arg),*> Target<($($arg,)*), Tuple> for Func
        where
            Func: Fn($($arg),*) -> T + Copy + 'static,
            T: Serialize + DeserializeOwned,
        {
            type Output = T;

            #[allow(non_snake_case, reason = "the parameters are named like their types")]
            fn call(self, args: ($($arg,)*)) -> T {
                let ($($arg,)*) = args;
                self($($arg),*)
            }
        }
    )*};
}

tuple_targets! {
    ();
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
}

/// Why a target that was called has no result to send.
#[derive(Debug)]
pub(crate) enum Failure {
    Argument(String),
    Result(String),
}

/// Decodes the arguments, calls the target, encodes the result. One exists for each target, and its offset is the target's
/// name.
pub(crate) type Entry = fn(&[u8], Vec<OwnedFd>) -> Result<Encoded, Failure>;

/// The offset of `F`'s entry in the main image; `None` where the target lies in a shared library.
pub(crate) fn offset_of<F, A, M>() -> Option<u64>
where
    F: Target<A, M>,
    A: DeserializeOwned,
{
    let entry: Entry = enter::<F, A, M>;
    main_image().offset_of(entry as usize)
}

/// The entry at an offset that the parent named; `None` where there is no code.
pub(crate) fn entry_at(offset: u64) -> Option<Entry> {
    let address = main_image().address_of(offset)?;
    // SAFETY: the address lies in executable memory of our own image. That it is an entry, and not another function, is the
    // parent's word: it came through a sealed, inherited descriptor from a process that runs the same file (the build id was
    // compared), which took it from `offset_of`.
    Some(unsafe { std::mem::transmute::<usize, Entry>(address) })
}

fn enter<F, A, M>(args: &[u8], descriptors: Vec<OwnedFd>) -> Result<Encoded, Failure>
where
    F: Target<A, M>,
    A: DeserializeOwned,
{
    let args: A = codec::decode(args, descriptors).map_err(|error| Failure::Argument(error.to_string()))?;
    let result = instance::<F>().call(args);
    codec::encode(&result).map_err(|error| Failure::Result(error.to_string()))
}

/// A value of a type without data.
pub(crate) fn instance<F: Copy + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "a target may not capture variables (nor be a function pointer): name the function itself, and pass values as arguments: \
             Process::new(function, (value, ...))"
        );
    };
    // SAFETY: `F` has no bytes to read, and it is inhabited: `Process::new` was given one. It is `Copy`, so one more does
    // no harm.
    unsafe { NonNull::<F>::dangling().as_ptr().read() }
}

/// The name that errors and traces use for a target.
pub(crate) fn name_of<F>() -> &'static str {
    type_name::<F>()
}
