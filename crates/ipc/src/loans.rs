//! The forms of sending and receiving large messages in place, written once for every end that has them.
//!
//! Invariant: as that of the crate's other forms: they differ in how long they wait and in nothing else.

/// The methods of an end that lends memory through the field `channel`.
macro_rules! lending {
    ($end:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> $end<$($parameter),+> {
            /// Memory for a message of `len` bytes, to be written in place and sent by [`send_loan`](Self::send_loan): no byte is copied. It is
            /// memory that an earlier message has used, if one was given back; its bytes are whatever was there.
            ///
            /// Where as many as an end keeps are lent, it waits a little for one to come back, and takes new memory then.
            ///
            /// # Errors
            /// [`SendError::Os`]: there is no memory, or no descriptor.
            pub fn loan(&self, len: usize) -> Result<core_process::shm::Loan, SendError> {
                self.channel.loan(len)
            }

            /// Sends what was written in place, as a message of bytes; waits while the peer's queue is full. The receiver may read it in place,
            /// too ([`Receiver::recv_borrowed`](crate::Receiver::recv_borrowed)).
            ///
            /// # Errors
            /// An [`Unsent`](crate::Unsent), with the loan; nothing was sent.
            #[track_caller]
            pub fn send_loan(&self, loan: core_process::shm::Loan) -> Result<(), crate::Unsent> {
                self.send_loan_until(loan, core_process::Until::forever())
            }

            /// [`send_loan`](Self::send_loan), if there is room now.
            ///
            /// # Errors
            /// [`SendError::WouldBlock`] with the loan, if there is none.
            #[track_caller]
            pub fn try_send_loan(&self, loan: core_process::shm::Loan) -> Result<(), crate::Unsent> {
                let caller = std::panic::Location::caller();
                self.channel.send_loan(loan, Patience::None, caller)
            }

            /// [`send_loan`](Self::send_loan), if there is room before the wait is over.
            ///
            /// # Errors
            /// [`SendError::TimedOut`] or [`SendError::Stopped`] with the loan, if there was none.
            #[track_caller]
            pub fn send_loan_until(
                &self,
                loan: core_process::shm::Loan,
                until: impl Into<core_process::Until>,
            ) -> Result<(), crate::Unsent> {
                let caller = std::panic::Location::caller();
                self.channel
                    .send_loan(loan, Patience::Until(&until.into()), caller)
            }

            /// [`send_loan_until`](Self::send_loan_until) with a duration.
            ///
            /// # Errors
            /// As [`send_loan_until`](Self::send_loan_until).
            #[track_caller]
            pub fn send_loan_timeout(
                &self,
                loan: core_process::shm::Loan,
                time: std::time::Duration,
            ) -> Result<(), crate::Unsent> {
                self.send_loan_until(loan, time)
            }
        }
    };
}

/// The methods of an end that borrows memory through the field `channel`.
macro_rules! borrowing {
    ($end:ident<$($parameter:ident),+>) => {
        impl<$($parameter),+> $end<$($parameter),+> {
            /// Waits for a message of bytes and gives it as it lies there, without a copy where it is large. Its memory goes back to the sender
            /// when the [`Borrowed`](core_process::shm::Borrowed) is dropped, or this process ends.
            ///
            /// The memory is the sender's, too: what that means for a peer that is not trusted is said at
            /// [`Borrowed`](core_process::shm::Borrowed).
            ///
            /// # Errors
            /// As [`recv_bytes`](Self::recv_bytes).
            #[track_caller]
            pub fn recv_borrowed(&self) -> Result<core_process::shm::Borrowed, RecvError> {
                self.recv_borrowed_until(core_process::Until::forever())
            }

            /// [`recv_borrowed`](Self::recv_borrowed), if a message is there now.
            ///
            /// # Errors
            /// [`RecvError::WouldBlock`] if there is none.
            #[track_caller]
            pub fn try_recv_borrowed(&self) -> Result<core_process::shm::Borrowed, RecvError> {
                self.borrow_bytes(Patience::None)
            }

            /// [`recv_borrowed`](Self::recv_borrowed), if a message comes before the wait is over.
            ///
            /// # Errors
            /// [`RecvError::TimedOut`] or [`RecvError::Stopped`] if none came.
            #[track_caller]
            pub fn recv_borrowed_until(
                &self,
                until: impl Into<core_process::Until>,
            ) -> Result<core_process::shm::Borrowed, RecvError> {
                self.borrow_bytes(Patience::Until(&until.into()))
            }

            /// [`recv_borrowed_until`](Self::recv_borrowed_until) with a duration.
            ///
            /// # Errors
            /// As [`recv_borrowed_until`](Self::recv_borrowed_until).
            #[track_caller]
            pub fn recv_borrowed_timeout(
                &self,
                time: std::time::Duration,
            ) -> Result<core_process::shm::Borrowed, RecvError> {
                self.recv_borrowed_until(time)
            }

            #[track_caller]
            fn borrow_bytes(&self, patience: Patience<'_>) -> Result<core_process::shm::Borrowed, RecvError> {
                let caller = std::panic::Location::caller();
                self.channel.recv(usize::MAX, patience, caller, |message| {
                    only_bytes(message).map(crate::message::Body::into_borrowed)
                })
            }
        }
    };
}

pub(crate) use {borrowing, lending};
