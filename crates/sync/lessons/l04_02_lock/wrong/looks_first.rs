//! expect: WRONG
//! An order that cannot be paid is refused without any lock, which is quicker. But what stands there may be half of a dead teller's transfer.

use sync::Guard;

use super::check::{Bank, Order};

/// Moves `order.amount`; `false`, and nothing is changed, if there is not enough on `order.from`.
pub fn transfer(bank: &Bank, order: Order) -> bool {
    if bank.balance(order.from) < order.amount {
        return false;
    }
    let _first = own(bank, order.from.min(order.to));
    let _second = (order.from != order.to).then(|| own(bank, order.from.max(order.to)));
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
    let accounts = 0..bank.accounts();
    let _guards: Vec<Guard<'_>> = accounts.clone().map(|account| own(bank, account)).collect();
    accounts.map(|account| bank.balance(account)).sum()
}

/// The account's lock, and the account whole.
fn own(bank: &Bank, account: usize) -> Guard<'_> {
    bank.lock(account).lock().unwrap_or_else(|died| {
        bank.undo(account);
        died.repaired()
    })
}
