//! The forms of sending and receiving, written once for every end that has them.
//!
//! Invariant: each operation has the four forms of the library: `op` waits for as long as it takes, `try_op` not at all,
//! `op_until` until a deadline or a stop token, `op_timeout` for a duration; and they differ in nothing else.

/// The methods of an end that sends values of type `$item` through the field `channel`.
macro_rules! sending {
    ($end:ident<$($parameter:ident),+>, $item:ident) => {
        impl<$($parameter),+> $end<$($parameter),+>
        where
            $item: serde::Serialize,
        {
            /// Sends a value, as one whole message; waits while the peer's queue is full.
            ///
            /// The value is encoded here and now, so a change that comes later is not sent, and one that cannot be encoded is this
            /// call's error. Handles inside it (ends of pipes, locks, files) stay the caller's; the receiver gets
            /// duplicates.
            ///
            /// # Errors
            /// A [`SendError`]; nothing was sent.
            #[track_caller]
            pub fn send(&self, value: &$item) -> Result<(), SendError> {
                self.send_until(value, core_process::Until::forever())
            }

            /// [`send`](Self::send), if there is room now.
            ///
            /// # Errors
            /// [`SendError::WouldBlock`] if there is none.
            #[track_caller]
            pub fn try_send(&self, value: &$item) -> Result<(), SendError> {
                self.send_value(value, Patience::None)
            }

            /// [`send`](Self::send), if there is room before the wait is over.
            ///
            /// # Errors
            /// [`SendError::TimedOut`] or [`SendError::Stopped`] if there was none.
            #[track_caller]
            pub fn send_until(
                &self,
                value: &$item,
                until: impl Into<core_process::Until>,
            ) -> Result<(), SendError> {
                self.send_value(value, Patience::Until(&until.into()))
            }

            /// [`send_until`](Self::send_until) with a duration.
            ///
            /// # Errors
            /// As [`send_until`](Self::send_until).
            #[track_caller]
            pub fn send_timeout(&self, value: &$item, time: std::time::Duration) -> Result<(), SendError> {
                self.send_until(value, time)
            }

            #[track_caller]
            fn send_value(&self, value: &$item, patience: Patience<'_>) -> Result<(), SendError> {
                let encoded = core_process::codec::encode(value).map_err(SendError::Encode)?;
                let caller = std::panic::Location::caller();
                self.channel
                    .send(Content::Value, &encoded.bytes, encoded.descriptors, patience, caller)
            }
        }

        impl<$($parameter),+> $end<$($parameter),+> {
            /// Sends bytes as they are, as one message, which the peer receives as bytes; waits while its queue is full. An empty
            /// message is one, too.
            ///
            /// # Errors
            /// A [`SendError`]; nothing was sent.
            #[track_caller]
            pub fn send_bytes(&self, bytes: &[u8]) -> Result<(), SendError> {
                self.send_bytes_until(bytes, core_process::Until::forever())
            }

            /// [`send_bytes`](Self::send_bytes), if there is room now.
            ///
            /// # Errors
            /// [`SendError::WouldBlock`] if there is none.
            #[track_caller]
            pub fn try_send_bytes(&self, bytes: &[u8]) -> Result<(), SendError> {
                let caller = std::panic::Location::caller();
                self.channel
                    .send(Content::Bytes, bytes, Vec::new(), Patience::None, caller)
            }

            /// [`send_bytes`](Self::send_bytes), if there is room before the wait is over.
            ///
            /// # Errors
            /// [`SendError::TimedOut`] or [`SendError::Stopped`] if there was none.
            #[track_caller]
            pub fn send_bytes_until(
                &self,
                bytes: &[u8],
                until: impl Into<core_process::Until>,
            ) -> Result<(), SendError> {
                let caller = std::panic::Location::caller();
                self.channel
                    .send(Content::Bytes, bytes, Vec::new(), Patience::Until(&until.into()), caller)
            }

            /// [`send_bytes_until`](Self::send_bytes_until) with a duration.
            ///
            /// # Errors
            /// As [`send_bytes_until`](Self::send_bytes_until).
            #[track_caller]
            pub fn send_bytes_timeout(&self, bytes: &[u8], time: std::time::Duration) -> Result<(), SendError> {
                self.send_bytes_until(bytes, time)
            }
        }
    };
}

/// The methods of an end that receives values of type `$item` through the field `channel`.
macro_rules! receiving {
    ($end:ident<$($parameter:ident),+>, $item:ident) => {
        impl<$($parameter),+> $end<$($parameter),+>
        where
            $item: serde::de::DeserializeOwned,
        {
            /// Waits for a message and gives its value.
            ///
            /// # Errors
            /// [`RecvError::Disconnected`] when the last sender is gone and everything was received; another [`RecvError`] if there is
            /// a message that is no such value.
            #[track_caller]
            pub fn recv(&self) -> Result<$item, RecvError> {
                self.recv_until(core_process::Until::forever())
            }

            /// [`recv`](Self::recv), if a message is there now.
            ///
            /// # Errors
            /// [`RecvError::WouldBlock`] if there is none.
            #[track_caller]
            pub fn try_recv(&self) -> Result<$item, RecvError> {
                self.recv_value(Patience::None, std::panic::Location::caller())
            }

            /// [`recv`](Self::recv), if a message comes before the wait is over. The deadline is for all of the message: a part of one
            /// never comes.
            ///
            /// # Errors
            /// [`RecvError::TimedOut`] or [`RecvError::Stopped`] if none came.
            #[track_caller]
            pub fn recv_until(&self, until: impl Into<core_process::Until>) -> Result<$item, RecvError> {
                self.recv_value(Patience::Until(&until.into()), std::panic::Location::caller())
            }

            /// [`recv_until`](Self::recv_until) with a duration.
            ///
            /// # Errors
            /// As [`recv_until`](Self::recv_until).
            #[track_caller]
            pub fn recv_timeout(&self, time: std::time::Duration) -> Result<$item, RecvError> {
                self.recv_until(time)
            }

            /// The values up to the end: the iteration is over when the last sender is gone. An error is an item, and does not end it.
            #[track_caller]
            pub fn iter(&self) -> impl Iterator<Item = Result<$item, RecvError>> + '_ {
                let caller = std::panic::Location::caller();
                let forever = core_process::Until::forever();
                std::iter::from_fn(
                    move || match self.recv_value(Patience::Until(&forever), caller) {
                        Err(RecvError::Disconnected) => None,
                        other => Some(other),
                    },
                )
            }

            fn recv_value(
                &self,
                patience: Patience<'_>,
                caller: &'static std::panic::Location<'static>,
            ) -> Result<$item, RecvError> {
                self.channel.recv(usize::MAX, patience, caller, |message| match message.content {
                    Content::Value => message
                        .bytes
                        .read_privately(|bytes| core_process::codec::decode(bytes, message.descriptors))
                        .map_err(RecvError::Os)?
                        .map_err(RecvError::Decode),
                    Content::Bytes => Err(RecvError::OtherContent),
                })
            }
        }

        impl<$($parameter),+> $end<$($parameter),+> {
            /// Waits for a message of bytes.
            ///
            /// # Errors
            /// As [`recv`](Self::recv).
            #[track_caller]
            pub fn recv_bytes(&self) -> Result<Vec<u8>, RecvError> {
                self.recv_bytes_until(core_process::Until::forever())
            }

            /// [`recv_bytes`](Self::recv_bytes), if a message is there now.
            ///
            /// # Errors
            /// [`RecvError::WouldBlock`] if there is none.
            #[track_caller]
            pub fn try_recv_bytes(&self) -> Result<Vec<u8>, RecvError> {
                self.take_bytes(usize::MAX, Patience::None)
            }

            /// [`recv_bytes`](Self::recv_bytes), if a message comes before the wait is over.
            ///
            /// # Errors
            /// [`RecvError::TimedOut`] or [`RecvError::Stopped`] if none came.
            #[track_caller]
            pub fn recv_bytes_until(
                &self,
                until: impl Into<core_process::Until>,
            ) -> Result<Vec<u8>, RecvError> {
                self.take_bytes(usize::MAX, Patience::Until(&until.into()))
            }

            /// [`recv_bytes_until`](Self::recv_bytes_until) with a duration.
            ///
            /// # Errors
            /// As [`recv_bytes_until`](Self::recv_bytes_until).
            #[track_caller]
            pub fn recv_bytes_timeout(&self, time: std::time::Duration) -> Result<Vec<u8>, RecvError> {
                self.recv_bytes_until(time)
            }

            /// [`recv_bytes`](Self::recv_bytes) of at most `most` bytes: `recv_bytes(maxlength)` in Python. A longer message costs
            /// this process no memory, and the end can be used as before.
            ///
            /// # Errors
            /// [`RecvError::TooLong`] if it has more; it is gone.
            #[track_caller]
            pub fn recv_bytes_at_most(&self, most: usize) -> Result<Vec<u8>, RecvError> {
                self.take_bytes(most, Patience::Until(&core_process::Until::forever()))
            }

            /// Waits for a message of bytes and copies it to the start of `buffer`; its length.
            ///
            /// # Errors
            /// [`RecvError::BufferTooShort`] with the whole message, if it is longer.
            #[track_caller]
            pub fn recv_bytes_into(&self, buffer: &mut [u8]) -> Result<usize, RecvError> {
                let caller = std::panic::Location::caller();
                let forever = core_process::Until::forever();
                self.channel
                    .recv(usize::MAX, Patience::Until(&forever), caller, |message| {
                        let bytes = only_bytes(message)?;
                        match buffer.get_mut(..bytes.len()) {
                            Some(room) => bytes.copy_to(room),
                            None => {
                                let bytes = bytes.into_vec().map_err(RecvError::Os)?;
                                return Err(RecvError::BufferTooShort(bytes));
                            }
                        }
                        Ok(bytes.len())
                    })
            }

            /// Whether a receiving call would not wait now: a message is there, or none will ever come.
            pub fn poll(&self) -> bool {
                self.poll_until(std::time::Duration::ZERO).is_ok()
            }

            /// Waits until a receiving call would not wait. Takes nothing.
            ///
            /// # Errors
            /// A [`WaitError`](core_process::WaitError) if the wait is over before.
            pub fn poll_until(
                &self,
                until: impl Into<core_process::Until>,
            ) -> Result<(), core_process::WaitError> {
                self.channel.wait_to_recv(&until.into())
            }

            /// [`poll_until`](Self::poll_until) with a duration: `poll(timeout)` in Python.
            ///
            /// # Errors
            /// As [`poll_until`](Self::poll_until).
            pub fn poll_timeout(&self, time: std::time::Duration) -> Result<(), core_process::WaitError> {
                self.poll_until(time)
            }

            #[track_caller]
            fn take_bytes(&self, most: usize, patience: Patience<'_>) -> Result<Vec<u8>, RecvError> {
                let caller = std::panic::Location::caller();
                self.channel.recv(most, patience, caller, |message| {
                    only_bytes(message)?.into_vec().map_err(RecvError::Os)
                })
            }
        }
    };
}

/// What every end is beside its operations: a value, a clone, a descriptor.
macro_rules! an_end {
    ($end:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> $end<$($parameter),+> {
            pub(crate) fn new(channel: Channel) -> Self {
                Self {
                    channel,
                    carries: std::marker::PhantomData,
                }
            }
        }

        /// The same end, in this process: it costs no descriptor.
        impl<$($parameter),+> Clone for $end<$($parameter),+> {
            fn clone(&self) -> Self {
                Self::new(self.channel.clone())
            }
        }

        impl<$($parameter),+> std::fmt::Debug for $end<$($parameter),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($end)).field(&self.channel).finish()
            }
        }

        impl<$($parameter),+> std::os::fd::AsFd for $end<$($parameter),+> {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.channel.as_fd()
            }
        }

        impl<$($parameter),+> serde::Serialize for $end<$($parameter),+> {
            fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                self.channel.serialize(serializer)
            }
        }

        impl<'de, $($parameter),+> serde::Deserialize<'de> for $end<$($parameter),+> {
            fn deserialize<Z: serde::Deserializer<'de>>(deserializer: Z) -> Result<Self, Z::Error> {
                Channel::deserialize(deserializer).map(Self::new)
            }
        }
    };
}

pub(crate) use {an_end, receiving, sending};
