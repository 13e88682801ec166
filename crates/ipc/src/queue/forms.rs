//! The forms of putting and getting, written once for every handle that has them.
//!
//! Invariant: as that of the crate's other forms: they differ in how long they wait and in nothing else.

/// The methods of a handle that puts values through the field `to`.
macro_rules! putting {
    ($handle:ident) => {
        impl<T: serde::Serialize> $handle<T> {
            /// Puts a value; waits while the queue is full. When this returns, the value is there: for every consumer, and whatever
            /// becomes of this process.
            ///
            /// The value is encoded here and now, so a change that comes later is not in the queue, and one that cannot be encoded
            /// is this call's error. Handles inside it stay the caller's; who gets the value gets duplicates.
            ///
            /// # Errors
            /// A [`PutError`]; nothing was put.
            #[track_caller]
            #[inline]
            pub fn put(&self, value: &T) -> Result<(), PutError> {
                self.put_value(value, Patience::Until(&crate::queue::FOREVER))
            }

            /// [`put`](Self::put), if there is room now: `put_nowait` in Python.
            ///
            /// # Errors
            /// [`PutError::Full`] if there is none.
            #[track_caller]
            pub fn try_put(&self, value: &T) -> Result<(), PutError> {
                self.put_value(value, Patience::None)
            }

            /// [`put`](Self::put), if there is room before the wait is over. A token is looked at every 20 ms.
            ///
            /// # Errors
            /// [`PutError::TimedOut`] or [`PutError::Stopped`] if there was none.
            #[track_caller]
            pub fn put_until(
                &self,
                value: &T,
                until: impl Into<core_process::Until>,
            ) -> Result<(), PutError> {
                self.put_value(value, Patience::Until(&until.into()))
            }

            /// [`put_until`](Self::put_until) with a duration.
            ///
            /// # Errors
            /// As [`put_until`](Self::put_until).
            #[track_caller]
            pub fn put_timeout(&self, value: &T, time: std::time::Duration) -> Result<(), PutError> {
                self.put_until(value, time)
            }

            #[track_caller]
            fn put_value(&self, value: &T, patience: Patience<'_>) -> Result<(), PutError> {
                let caller = std::panic::Location::caller();
                buffer::with_bytes(|bytes| {
                    let mut descriptors = Vec::new();
                    core_process::codec::encode_into(value, bytes, &mut descriptors)
                        .map_err(PutError::Encode)?;
                    if descriptors.is_empty() {
                        return put::put_plain(&self.to, bytes, patience, caller);
                    }
                    put::put(&self.to, bytes, descriptors, patience, caller)
                })
            }
        }
    };
}

/// The methods of a handle that gets values through the field `from`.
macro_rules! getting {
    ($handle:ident) => {
        impl<T: serde::de::DeserializeOwned> $handle<T> {
            /// Waits for a value and takes it out: the one that was put first.
            ///
            /// # Errors
            /// [`GetError::Closed`] or [`GetError::Disconnected`] when nothing will come any more; another [`GetError`] if there is
            /// something that is no such value.
            #[track_caller]
            #[inline]
            pub fn get(&self) -> Result<T, GetError> {
                self.get_value(
                    Patience::Until(&crate::queue::FOREVER),
                    std::panic::Location::caller(),
                )
            }

            /// [`get`](Self::get), if something is there now: `get_nowait` in Python. What was put before is there, always.
            ///
            /// # Errors
            /// [`GetError::Empty`] if nothing is.
            #[track_caller]
            pub fn try_get(&self) -> Result<T, GetError> {
                self.get_value(Patience::None, std::panic::Location::caller())
            }

            /// [`get`](Self::get), if something comes before the wait is over. A token is looked at every 20 ms.
            ///
            /// # Errors
            /// [`GetError::TimedOut`] or [`GetError::Stopped`] if nothing came.
            #[track_caller]
            pub fn get_until(&self, until: impl Into<core_process::Until>) -> Result<T, GetError> {
                self.get_value(
                    Patience::Until(&until.into()),
                    std::panic::Location::caller(),
                )
            }

            /// [`get_until`](Self::get_until) with a duration.
            ///
            /// # Errors
            /// As [`get_until`](Self::get_until).
            #[track_caller]
            pub fn get_timeout(&self, time: std::time::Duration) -> Result<T, GetError> {
                self.get_until(time)
            }

            /// The values up to the end: the iteration is over when the queue was closed or all producers are gone, and everything was
            /// got. An error is an item, and does not end it.
            #[track_caller]
            pub fn iter(&self) -> impl Iterator<Item = Result<T, GetError>> + '_ {
                let caller = std::panic::Location::caller();
                let forever = Patience::Until(&crate::queue::FOREVER);
                std::iter::from_fn(move || match self.get_value(forever, caller) {
                    Err(error) if error.is_end() => None,
                    other => Some(other),
                })
            }

            /// The values that are there, without waiting for more.
            pub fn drain(&self) -> impl Iterator<Item = Result<T, GetError>> + '_ {
                std::iter::from_fn(|| match self.try_get() {
                    Err(GetError::Empty) => None,
                    Err(error) if error.is_end() => None,
                    other => Some(other),
                })
            }

            fn get_value(
                &self,
                patience: Patience<'_>,
                caller: &'static std::panic::Location<'static>,
            ) -> Result<T, GetError> {
                buffer::with_buffer(|buffer| {
                    let mut descriptors = Vec::new();
                    get::get(&self.from, buffer, &mut descriptors, patience, caller)?;
                    core_process::codec::decode(buffer.value(), descriptors).map_err(GetError::Decode)
                })
            }
        }
    };
}

/// What a handle of some sides is beside its operations: a value, a clone, and what there is to know.
macro_rules! a_handle {
    ($handle:ident: $($side:ident)+) => {
        impl<T> $handle<T> {
            pub(super) fn store(&self) -> &store::Store {
                let [side, ..] = [$(&self.$side),+];
                side.store()
            }

            /// Whether nothing is there. It may have changed when the answer comes.
            pub fn is_empty(&self) -> bool {
                self.store().ring().waiting() == 0
            }

            /// Lets nothing in any more, from anybody. What is there can still be got; then `get` says
            /// [`GetError::Closed`]. Again changes nothing.
            pub fn close(&self) {
                self.store().close();
            }

            /// Whether somebody has closed it.
            pub fn is_closed(&self) -> bool {
                self.store().ring().is_closed()
            }
        }

        /// The same one, in this process: it costs no descriptor.
        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                Self {
                    $($side: std::sync::Arc::clone(&self.$side),)+
                    carries: std::marker::PhantomData,
                }
            }
        }

        impl<T> std::fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let [side, ..] = [$(&self.$side),+];
                f.debug_tuple(stringify!($handle)).field(side).finish()
            }
        }

        impl<T> serde::Serialize for $handle<T> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                store::Sent::of([$(&*self.$side),+]).serialize(serializer)
            }
        }

        impl<'de, T> serde::Deserialize<'de> for $handle<T> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let [$($side),+] = store::received(deserializer)?;
                Ok(Self {
                    $($side,)+
                    carries: std::marker::PhantomData,
                })
            }
        }
    };
}

pub(crate) use {a_handle, getting, putting};
