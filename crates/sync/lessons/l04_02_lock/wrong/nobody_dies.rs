//! expect: CRASH
//! `expect`, as everybody writes it after `lock` of a `std::sync::Mutex`: there it says that a thread has panicked, which does not happen.

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
    let accounts = 0..bank.accounts();
    let _guards: Vec<Guard<'_>> = accounts.clone().map(|account| own(bank, account)).collect();
    accounts.map(|account| bank.balance(account)).sum()
}

// region expect
fn own(bank: &Bank, account: usize) -> Guard<'_> {
    bank.lock(account).lock().expect("nobody dies")
}
// end region
