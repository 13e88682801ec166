//! expect: LOST_UPDATE
//! `_` looks like `_guard` and is not: it keeps nothing, so each lock is free again on the line that took it.

use sync::Guard;

use super::check::{Bank, Order};

// region dropped
pub fn transfer(bank: &Bank, order: Order) -> bool {
    let _ = own(bank, order.from.min(order.to));
    let _ = (order.from != order.to).then(|| own(bank, order.from.max(order.to)));
    let from = bank.balance(order.from);
    // end region
    if from < order.amount {
        return false;
    }
    bank.set_balance(order.from, from - order.amount);
    let to = bank.balance(order.to);
    bank.set_balance(order.to, to + order.amount);
    bank.commit();
    true
}

pub fn total(bank: &Bank) -> u64 {
    let accounts = 0..bank.accounts();
    let _guards: Vec<Guard<'_>> = accounts.clone().map(|account| own(bank, account)).collect();
    accounts.map(|account| bank.balance(account)).sum()
}

fn own(bank: &Bank, account: usize) -> Guard<'_> {
    bank.lock(account).lock().unwrap_or_else(|died| {
        bank.undo(account);
        died.repaired()
    })
}
