//! expect: RACE
//! The sum is taken account by account, each under its lock. Each number was right once, and never all of them at the same moment.

use sync::Guard;

use super::check::{Bank, Order};

pub fn transfer(bank: &Bank, order: Order) -> bool {
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

pub fn total(bank: &Bank) -> u64 {
    let mut sum = 0;
    for account in 0..bank.accounts() {
        let _guard = own(bank, account);
        sum += bank.balance(account);
    }
    sum
}

fn own(bank: &Bank, account: usize) -> Guard<'_> {
    bank.lock(account).lock().unwrap_or_else(|died| {
        bank.undo(account);
        died.repaired()
    })
}
