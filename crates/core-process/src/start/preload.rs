//! What a forkserver loads before it serves: the choice of it, and the server's side.

use std::os::fd::OwnedFd;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::server::serve;
use super::{Work, forkserver};
use crate::handle::lock;
use crate::{Fd, StartError, Target, codec, target};

/// The entry of a server with a preload function, once one was set, and what a panic in that means.
static PRELOAD: Mutex<Option<(Entry, PreloadPanic)>> = Mutex::new(None);

/// `None`: it lies in a shared library.
type Entry = Option<u64>;

/// What becomes of a panic in a forkserver's preload function (CPython 3.15's `on_error`, row C11). A program built with
/// `panic = "abort"` has the first choice only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PreloadPanic {
    /// The start that needed the server fails with [`StartError::ForkServer`](crate::StartError::ForkServer), which names it.
    #[default]
    Fail,
    /// It is reported on stderr, and the server serves without what was not loaded.
    Warn,
    /// As `Warn`, without a word.
    Ignore,
}

/// Has the forkserver run `preload` once, before it serves: what it loads, every child finds in its memory (CPython row C11).
/// A server that is already running is replaced at the next start.
///
/// A panic in it is the error of that start ([`set_forkserver_preload_with`] has the other choices). It must leave no thread
/// running: the server refuses to fork then.
pub fn set_forkserver_preload<P, M>(preload: P)
where
    P: Target<(), M, Output = ()>,
    M: 'static,
{
    set_forkserver_preload_with(preload, PreloadPanic::Fail);
}

/// [`set_forkserver_preload`] with a choice of what a panic in `preload` means.
pub fn set_forkserver_preload_with<P, M>(preload: P, on_panic: PreloadPanic)
where
    P: Target<(), M, Output = ()>,
    M: 'static,
{
    let _ = preload;
    let entry = entry_of::<_, (Fd<OwnedFd>, PreloadPanic), _>(serve_preloaded::<P, M>);
    *lock(&PRELOAD) = Some((entry, on_panic));
    forkserver::stop();
}

fn entry_of<F: Target<A, M>, A: DeserializeOwned, M>(_serve: F) -> Entry {
    target::offset_of::<F, A, M>()
}

/// What the process of a server does.
pub(super) fn work_of_a_server(socket: Fd<OwnedFd>) -> Result<Work<'static>, StartError> {
    let (entry, arguments) = match *lock(&PRELOAD) {
        Some((entry, on_panic)) => (entry, codec::encode(&(socket, on_panic))?),
        None => (entry_of::<_, Fd<OwnedFd>, _>(serve), codec::encode(&socket)?),
    };
    let target = "the forkserver, or its preload function";
    let entry = entry.ok_or(StartError::NotInImage { target })?;
    Ok(Work::Entry { entry, arguments })
}

/// [`serve`] after a preload function.
fn serve_preloaded<P, M>(socket: Fd<OwnedFd>, on_panic: PreloadPanic)
where
    P: Target<(), M, Output = ()>,
{
    let preload = || target::instance::<P>().call(());
    match on_panic {
        PreloadPanic::Fail => preload(),
        PreloadPanic::Warn => drop(catch_unwind(preload)),
        PreloadPanic::Ignore => {
            let hook = take_hook();
            set_hook(Box::new(|_| {}));
            let _ = catch_unwind(preload);
            set_hook(hook);
        }
    }
    serve(socket);
}
