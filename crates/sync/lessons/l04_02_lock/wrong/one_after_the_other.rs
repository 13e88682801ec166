//! expect: RACE
//! Each account is locked while it is changed, which is what a lock is for. Between the two the money is nowhere.

use sync::Guard;

use super::check::{Bank, Order};

// region halves
pub fn transfer(bank: &Bank, order: Order) -> bool {
    {
        let _guard = own(bank, order.from);
        let from = bank.balance(order.from);
        if from < order.amount {
            return false;
        }
        bank.set_balance(order.from, from - order.amount);
    }
    let _guard = own(bank, order.to);
    let to = bank.balance(order.to);
    bank.set_balance(order.to, to + order.amount);
    bank.commit();
    true
}
// end region

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
