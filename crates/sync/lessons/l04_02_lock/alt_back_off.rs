//! Lesson 4.2, another right answer: no order among the locks. Who cannot have the second one lets the first one go, and next
//! time waits for the one that it could not have.

use sync::{Guard, OwnerDied, TryLockError};

use super::check::{Bank, Order};

/// Moves `order.amount`; `false`, and nothing is changed, if there is not enough on `order.from`.
pub fn transfer(bank: &Bank, order: Order) -> bool {
    let _guards = both(bank, order.from, order.to);
    let from = bank.balance(order.from);
    if from < order.amount {
        return false;
    }
    if order.from != order.to {
        let to = bank.balance(order.to);
        bank.set_balance(order.to, to + order.amount);
        bank.set_balance(order.from, from - order.amount);
        bank.commit();
    }
    true
}

/// What is on all accounts together, at one moment.
pub fn total(bank: &Bank) -> u64 {
    let mut first = 0;
    loop {
        let mut guards = vec![whole(bank, first, bank.lock(first).lock())];
        let busy = (0..bank.accounts())
            .filter(|account| *account != first)
            .find(|account| match attempt(bank, *account) {
                Some(guard) => {
                    guards.push(guard);
                    false
                }
                None => true,
            });
        match busy {
            None => return (0..bank.accounts()).map(|account| bank.balance(account)).sum(),
            Some(account) => first = account,
        }
    }
}

fn both(bank: &Bank, one: usize, other: usize) -> (Guard<'_>, Option<Guard<'_>>) {
    let (mut waits, mut tries) = (one, other);
    loop {
        let first = whole(bank, waits, bank.lock(waits).lock());
        if one == other {
            return (first, None);
        }
        if let Some(second) = attempt(bank, tries) {
            return (first, Some(second));
        }
        drop(first);
        std::mem::swap(&mut waits, &mut tries);
    }
}

fn attempt(bank: &Bank, account: usize) -> Option<Guard<'_>> {
    match bank.lock(account).try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::OwnerDied(died)) => Some(whole(bank, account, Err(died))),
    }
}

fn whole<'a>(bank: &Bank, account: usize, taken: Result<Guard<'a>, OwnerDied<Guard<'a>>>) -> Guard<'a> {
    taken.unwrap_or_else(|died| {
        bank.undo(account);
        died.repaired()
    })
}
