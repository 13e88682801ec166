//! The bounds that `#[derive(Shared)]` writes into a program: one for each reason why a field may be refused.
//!
//! Invariant: each holds for exactly the types that are `Shared`; they differ in what the compiler says when it does not hold, and the
//! derive chooses by the name of the field's type. Not part of the interface.

use super::{Fingerprint, Shared};

macro_rules! bounds {
    ($($(#[$words:meta])* $bound:ident;)*) => {$(
        $(#[$words])*
        pub trait $bound {
            /// The type's.
            const OF_FIELD: Fingerprint;
        }

        #[diagnostic::do_not_recommend]
        impl<T: Shared> $bound for T {
            const OF_FIELD: Fingerprint = <T as Shared>::FINGERPRINT;
        }
    )*};
}

bounds! {
    /// The content is in the value.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory: its content is on the heap of this process, and all that the others would \
                   see is an address",
        label = "holds an address of this process",
        note = "keep the content itself, in an array of fixed size: `[u8; 64]` and a length for a text, `[T; N]` and a count for a list"
    )]
    SelfContained;

    /// All bytes are a value.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory: not all bytes are a value of it, and another process may write any",
        label = "a wrong byte here would be undefined behaviour as soon as it is looked at",
        note = "keep a number, and make the value of it when it is read: `core_process::shm::Bool` for a bool, `u32` for a char (by \
                `char::from_u32`), a flag or a special number beside the value for an Option"
    )]
    AnyBits;

    /// All bytes are written.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory: bytes that were not written carry what was in this process's memory to the \
                   others",
        label = "may be uninitialised",
        note = "keep the type itself, zero at first, and a count or a flag that says which values are there"
    )]
    Initialised;

    /// What it keeps out is kept out in all processes.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory: it knows the threads of this process alone",
        label = "does not keep another process out",
        note = "use atomics (`AtomicU64`), or put the state into a `sync::Monitor`, which is a lock between processes"
    )]
    BetweenProcesses;

    /// It is no handle.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory: it is the handle of something that this process has, and would be a mere number \
                   in another",
        label = "a handle of this process",
        note = "send it as an argument or in a message, where the other process gets a handle of its own"
    )]
    NoHandle;

    /// No more than that.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot live in shared memory",
        label = "`{Self}` is not `Shared`",
        note = "integers, floating-point numbers, atomic integers and arrays of them can, and structs of these: \
                `#[repr(C)] #[derive(core_process::shm::Shared)]`"
    )]
    MayLive;
}
