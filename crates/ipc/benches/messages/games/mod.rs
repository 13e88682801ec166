//! The games: what the players do, move by move. A move is a message that has come, or a round trip.
//!
//! The host has seat 0 and takes, the guest in seat 1 gives; of four players those in the seats 0 and 2 take, and those in 1 and 3 give.

pub(crate) mod kilobytes;
pub(crate) mod large;
pub(crate) mod numbers;
pub(crate) mod trips;
pub(crate) mod values;
pub(crate) mod waiting;

use crate::peers::ipc_channel::Ends;
use crate::table::Table;

/// Who plays, and with what.
#[derive(Clone, Copy)]
pub(crate) struct Player<'a> {
    pub(crate) table: &'a Table,
    pub(crate) seat: u32,
    pub(crate) ends: &'a Ends,
}

impl Player<'_> {
    /// Whether the player takes what others give.
    pub(crate) fn takes(self) -> bool {
        self.seat.is_multiple_of(2)
    }
}

macro_rules! games {
    ($($game:ident $name:literal $guests:literal $play:path;)*) => {
        /// A game by its number, which is what the guest is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Game { $($game),* }

        impl Game {
            const ALL: &[Self] = &[$(Self::$game),*];

            /// The name in the report.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$game => $name),* }
            }

            /// How many players beside the host.
            pub(crate) fn guests(self) -> usize {
                match self { $(Self::$game => $guests),* }
            }

            /// Plays one seat of a game of so many moves.
            pub(crate) fn play(self, player: Player<'_>, moves: u32) {
                match self { $(Self::$game => $play(player, moves)),* }
            }
        }
    };
}

games! {
    Queue "ipc Queue" 1 numbers::queue;
    SimpleQueue "ipc SimpleQueue" 1 numbers::simple_queue;
    Pipe "ipc pipe" 1 numbers::pipe;
    Ring "ring" 1 numbers::ring;
    IpcChannel "ipc-channel" 1 numbers::ipc_channel;
    Crossbeam "crossbeam" 1 numbers::crossbeam;
    QueueOfMany "ipc Queue" 3 numbers::queue_of_many;
    RingOfMany "ring" 3 numbers::ring_of_many;
    IpcChannelOfMany "ipc-channel" 3 numbers::ipc_channel_of_many;
    KilobyteQueue "ipc Queue" 1 kilobytes::queue;
    KilobyteRing "ring" 1 kilobytes::ring;
    KilobyteIpcChannel "ipc-channel" 1 kilobytes::ipc_channel;
    KilobyteCrossbeam "crossbeam" 1 kilobytes::crossbeam;
    TripByQueues "ipc Queue" 1 trips::queues;
    TripByConnection "ipc duplex" 1 trips::connection;
    TripByFutex "futex" 1 trips::futex;
    TripBySpinning "spinning word" 1 trips::spinning;
    TripByIpcChannel "ipc-channel" 1 trips::ipc_channel;
    TripByCrossbeam "crossbeam" 1 trips::crossbeam;
    Crowded "ipc Queue" 0 waiting::crowded;
    Quiet "nobody waits" 0 waiting::quiet;
    MegabyteCopied "ipc pipe" 1 large::megabyte_copied;
    MegabyteRing "ring" 1 large::megabyte_ring;
    MegabyteMemcpy "memcpy" 0 large::megabyte_memcpy;
    MegabyteIpcChannel "ipc-channel" 1 large::megabyte_ipc_channel;
    MegabyteValue "ipc pipe, a value" 1 large::megabyte_value;
    MegabyteInPlace "ipc pipe" 1 large::megabyte_in_place;
    MegabyteRingInPlace "ring" 1 large::megabyte_ring_in_place;
    MegabyteAloneInPlace "own memory" 0 large::megabyte_alone_in_place;
    HugeCopied "ipc pipe" 1 large::huge_copied;
    HugeRing "ring, 1 MB pieces" 1 large::huge_ring;
    HugeMemcpy "memcpy" 0 large::huge_memcpy;
    HugeIpcChannel "ipc-channel" 1 large::huge_ipc_channel;
    ValueAlone "ipc Value" 0 values::value_alone;
    LockAlone "RLock and a word" 0 values::lock_alone;
    ValueOfTwo "ipc Value" 1 values::value_of_two;
    LockOfTwo "RLock and a word" 1 values::lock_of_two;
    AtomicAlone "ipc RawValue" 0 values::atomic_alone;
    WordAlone "word" 0 values::word_alone;
    AtomicOfTwo "ipc RawValue" 1 values::atomic_of_two;
    WordOfTwo "word" 1 values::word_of_two;
    ArrayFill "ipc Array" 0 values::array_fill;
    MemoryFill "memcpy" 0 values::memory_fill;
    IdleQueue "ipc Queue" 1 waiting::idle_queue;
    IdleSimpleQueue "ipc SimpleQueue" 1 waiting::idle_simple_queue;
    IdlePipe "ipc pipe" 1 waiting::idle_pipe;
}

impl Game {
    pub(crate) fn of_number(number: u32) -> Self {
        Self::ALL[number as usize]
    }

    /// Whether the guests are threads of the host.
    pub(crate) fn is_of_threads(self) -> bool {
        self.name() == "crossbeam"
    }
}

/// The number of a move: as long in every encoding as a number can be.
#[inline]
pub(crate) fn number_of(at: u32) -> u64 {
    u64::MAX - u64::from(at)
}
