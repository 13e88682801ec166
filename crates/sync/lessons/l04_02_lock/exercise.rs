//! Lesson 4.2, exercise: move money between accounts that many processes share, and look at all of them at once.

use super::check::{Bank, Order};

/// Moves `order.amount`; `false`, and nothing is changed, if there is not enough on `order.from`.
pub fn transfer(bank: &Bank, order: Order) -> bool {
    // Each account has a lock: `bank.lock(account)`. Which ones do you need, in which order, and until when?
    let from = bank.balance(order.from);
    if from < order.amount {
        return false;
    }
    bank.set_balance(order.from, from - order.amount);
    let to = bank.balance(order.to);
    bank.set_balance(order.to, to + order.amount);
    bank.commit();
    true
}

/// What is on all accounts together, at one moment.
pub fn total(bank: &Bank) -> u64 {
    (0..bank.accounts()).map(|account| bank.balance(account)).sum()
}
