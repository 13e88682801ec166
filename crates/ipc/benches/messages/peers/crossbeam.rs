//! `crossbeam-channel`: the same between threads of this process, which die together.

use std::sync::LazyLock;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Both ends of a channel.
type Ends<T> = LazyLock<(Sender<T>, Receiver<T>)>;

pub(crate) static NUMBERS: Ends<u64> = LazyLock::new(|| bounded(1024));
pub(crate) static TEXTS: Ends<Vec<u8>> = LazyLock::new(|| bounded(64));
pub(crate) static THERE: Ends<u64> = LazyLock::new(|| bounded(1));
pub(crate) static BACK: Ends<u64> = LazyLock::new(|| bounded(1));
