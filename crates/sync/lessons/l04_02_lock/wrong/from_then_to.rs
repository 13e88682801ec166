//! expect: HANG
//! The locks are taken in the order in which the accounts are needed: first `from`, then `to`. Somebody else's `from` is my `to`.

use sync::Guard;

use super::check::{Bank, Order};

// region order
pub fn transfer(bank: &Bank, order: Order) -> bool {
    let _from = own(bank, order.from);
    let _to = (order.from != order.to).then(|| own(bank, order.to));
    // end region
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
