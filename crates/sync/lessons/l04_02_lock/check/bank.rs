//! The bank of lesson 4.2: accounts in memory that all tellers share, a lock for each, and an undo record for each.
//!
//! Invariant: a transfer is done from its `commit` on and not before, which is one store: whoever is killed at whatever
//! instruction leaves a transfer that is done, or one that `undo` takes back. It does not know who holds which lock; that is
//! the answer's business.

use std::io;
use std::sync::atomic::Ordering::{Acquire, Release};

use core_process::shm::Segment;
use grader::work::note;
use serde::{Deserialize, Serialize};
use sync::Lock;

use super::stage;

/// The bank, as one process has it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bank {
    book: Segment,
    locks: Vec<Lock>,
    /// Which of the bank's processes this is.
    teller: usize,
}

// region record
/// The words of an account.
const BALANCE: usize = 0;
/// What the balance was before the transfer of `WRITER`.
const BEFORE: usize = 8;
/// The number of the transfer that wrote last.
const WRITER: usize = 16;
const ACCOUNT: usize = 24;
// end region

/// Transfers of a teller have numbers in a row, beginning with these bits.
const TELLER: u32 = 32;

impl Bank {
    /// A bank with these balances, for so many processes.
    pub(super) fn open(balances: &[u64], processes: usize) -> io::Result<Bank> {
        let book = Segment::create("bank", balances.len() * ACCOUNT + processes * 8 + 8)?;
        let locks = balances
            .iter()
            .map(|_| Lock::new())
            .collect::<io::Result<Vec<Lock>>>()?;
        let bank = Bank {
            book,
            locks,
            teller: 0,
        };
        for (account, balance) in balances.iter().enumerate() {
            bank.word(account, BALANCE).store(*balance, Release);
        }
        Ok(bank)
    }

    /// The same bank, for the process of this number. Number 0 is the main process.
    pub(super) fn for_process(&self, teller: usize) -> io::Result<Bank> {
        Ok(Bank {
            book: self.book.try_clone()?,
            locks: self.locks.clone(),
            teller,
        })
    }

    /// How many accounts there are: they are numbered from 0.
    pub fn accounts(&self) -> usize {
        self.locks.len()
    }

    /// The lock of an account.
    pub fn lock(&self, account: usize) -> &Lock {
        &self.locks[account]
    }

    /// What is on an account. Hold its lock.
    #[track_caller]
    pub fn balance(&self, account: usize) -> u64 {
        let balance = self.word(account, BALANCE).load(Acquire);
        note(READ, self.entry(account, balance));
        stage::after_read(account);
        balance
    }

    /// Writes a new balance, and remembers the one before until `commit`. Hold the account's lock.
    // region undo
    #[track_caller]
    pub fn set_balance(&self, account: usize, balance: u64) {
        let transfer = self.this_transfer();
        if self.word(account, WRITER).load(Acquire) != transfer {
            self.word(account, BEFORE)
                .store(self.word(account, BALANCE).load(Acquire), Release);
            self.word(account, WRITER).store(transfer, Release);
        }
        self.word(account, BALANCE).store(balance, Release);
        // end region
        note(WRITE, self.entry(account, balance));
        stage::after_write();
    }

    // region commit
    /// Says that the transfer is done: what this process has written since its last `commit` holds. Hold the locks of all that it
    /// wrote.
    pub fn commit(&self) {
        stage::before_commit();
        self.committed(self.teller).fetch_add(1, Release);
    }

    /// Takes back what a transfer that was never committed has written to this account; nothing if there is no such transfer.
    /// Hold the account's lock.
    pub fn undo(&self, account: usize) {
        let writer = self.word(account, WRITER).load(Acquire);
        let (teller, number) = (writer >> TELLER, writer & u64::from(u32::MAX));
        if writer != 0 && self.committed(teller as usize).load(Acquire) < number {
            let before = self.word(account, BEFORE).load(Acquire);
            self.word(account, BALANCE).store(before, Release);
            self.word(account, WRITER).store(0, Release);
        }
    }
    // end region

    /// The number of the transfer that this process makes now: one more than it has committed.
    fn this_transfer(&self) -> u64 {
        (self.teller as u64) << TELLER | (self.committed(self.teller).load(Acquire) + 1)
    }

    /// How many transfers a process has committed.
    fn committed(&self, teller: usize) -> &std::sync::atomic::AtomicU64 {
        self.book.atomic_u64(self.accounts() * ACCOUNT + teller * 8)
    }

    fn word(&self, account: usize, word: usize) -> &std::sync::atomic::AtomicU64 {
        assert!(account < self.accounts(), "there is no account {account}");
        self.book.atomic_u64(account * ACCOUNT + word)
    }

    /// Account, balance, and whether anybody held the account's lock, in a number.
    fn entry(&self, account: usize, balance: u64) -> i64 {
        let held = i64::from(self.locks[account].is_locked());
        held << 60 | (account as i64) << 40 | balance as i64
    }

    /// The balances, for the checks alone.
    pub(super) fn balances(&self) -> Vec<u64> {
        (0..self.accounts())
            .map(|account| self.word(account, BALANCE).load(Acquire))
            .collect()
    }
}

pub(super) const READ: &str = "read";
pub(super) const WRITE: &str = "wrote";

/// What an entry of the journal says: the account, its balance, whether its lock was held.
pub(super) fn entry_of(value: i64) -> (usize, u64, bool) {
    let account = value >> 40 & 0xf_ffff;
    (
        account as usize,
        value as u64 & 0xff_ffff_ffff,
        value >> 60 & 1 == 1,
    )
}
