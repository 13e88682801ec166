//! expect: LOST_UPDATE
//! Only writes change anything, so only writes are locked, and the sections are as short as can be. What is written was computed from what was read before.

use sync::Guard;

use super::check::{Bank, Order};

pub fn transfer(bank: &Bank, order: Order) -> bool {
    let from = bank.balance(order.from);
    let to = bank.balance(order.to);
    if from < order.amount {
        return false;
    }
    if order.from == order.to {
        return true;
    }
    let _first = own(bank, order.from.min(order.to));
    let _second = own(bank, order.from.max(order.to));
    bank.set_balance(order.from, from - order.amount);
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
