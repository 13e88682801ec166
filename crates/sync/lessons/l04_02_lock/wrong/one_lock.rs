//! expect: OVERSYNC
//! One lock for the whole bank cannot deadlock and cannot be forgotten. It also lets one teller work and all others wait.

use sync::Guard;

use super::check::{Bank, Order};

pub fn transfer(bank: &Bank, order: Order) -> bool {
    let _guards: Vec<Guard<'_>> = (0..bank.accounts()).map(|account| own(bank, account)).collect();
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
