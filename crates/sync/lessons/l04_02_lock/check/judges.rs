//! What is right and wrong at the bank of lesson 4.2, and the lines that show it.
//!
//! Invariant: a verdict follows from what the tellers wrote and what was said of the orders, never from a lock's state: whoever gets
//! it right by other means is right.

use grader::{Event, Evidence, Findings, Verdict};

use super::bank::{READ, WRITE, entry_of};
use super::stage::Part;
use super::{Input, Order, Outcome};

/// The orders and what was said of each.
fn answered<'a>(input: &'a Input, outcome: &'a Outcome) -> impl Iterator<Item = (Order, bool)> + 'a {
    let tellers = input.tellers.iter().zip(&outcome.done);
    tellers.flat_map(|(teller, done)| {
        let done = done.iter().flatten().copied();
        teller.orders.iter().copied().zip(done)
    })
}

/// The balances after the orders that were done.
fn expected(input: &Input, outcome: &Outcome) -> Vec<u64> {
    let mut balances: Vec<i64> = input.balances.iter().map(|balance| *balance as i64).collect();
    for (order, _) in answered(input, outcome).filter(|(_, done)| *done) {
        balances[order.from] -= order.amount as i64;
        balances[order.to] += order.amount as i64;
    }
    balances.into_iter().map(|balance| balance as u64).collect()
}

pub(super) fn judge_one(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let mut balances = input.balances.clone();
    let mut said = outcome.done.iter().flatten().flatten();
    for (number, order) in input.tellers[0].orders.iter().enumerate() {
        let can = balances[order.from] >= order.amount;
        let says = said.next().copied();
        found
            .check("order", Verdict::Wrong, says == Some(can), || {
                format!(
                    "order {} takes {} from account {}, which has {}, and it was {}",
                    number + 1,
                    order.amount,
                    order.from,
                    balances[order.from],
                    match says {
                        Some(true) => "done",
                        Some(false) => "refused",
                        None => "not answered",
                    }
                )
            })
            .show_lines(|| lines(seen, |_, _| true));
        if can {
            balances[order.from] -= order.amount;
            balances[order.to] += order.amount;
        }
    }
    let right = outcome.balances == balances;
    found
        .check("order", Verdict::Wrong, right, || {
            format!(
                "one teller alone made {} orders; the balances are {:?}, they should be {balances:?}",
                input.tellers[0].orders.len(),
                outcome.balances
            )
        })
        .show_lines(|| lines(seen, |_, _| true));
    check_total(input, outcome, seen, found);
}

pub(super) fn judge(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let refused = answered(input, outcome).find(|(_, done)| !done);
    let silent = outcome.done.iter().position(Option::is_none);
    found.check(
        "order",
        Verdict::Wrong,
        refused.is_none() && silent.is_none(),
        || match (refused, silent) {
            (Some((order, _)), _) => format!(
                "a transfer of {} from account {} was refused, and there was enough",
                order.amount, order.from
            ),
            (None, teller) => format!("teller pid {} did not come back", pid_of(outcome, teller)),
        },
    );
    // The transfers of `behind` go between accounts that the auditor chose; there the sum is what counts.
    let by_choice = input
        .tellers
        .iter()
        .any(|teller| teller.part == Part::MovesBehind);
    let expected = expected(input, outcome);
    let lost = (0..expected.len()).find(|account| expected[*account] != outcome.balances[*account]);
    if !by_choice {
        let last = lost.and_then(|account| writes(seen, account).next_back());
        found
            .check("lost", Verdict::LostUpdate, lost.is_none(), || {
                let account = lost.unwrap_or(0);
                format!(
                    "account {account} had {}, and ends at {}; it should be {}",
                    input.balances[account], outcome.balances[account], expected[account]
                )
            })
            .show_lines(|| lines(seen, |_, account| Some(account) == lost))
            .at(last.and_then(|event| event.location.as_ref()));
    }
    check_total(input, outcome, seen, found);
}

/// Every sum that was seen is the sum of the beginning.
fn check_total(input: &Input, outcome: &Outcome, seen: &Evidence<Outcome>, found: &mut Findings) {
    let all: u64 = input.balances.iter().sum();
    let wrong = outcome.snapshots.iter().flatten().find(|sum| **sum != all);
    let looked = match input.auditor {
        Some((_, times)) => outcome.snapshots.as_ref().is_some_and(|sums| sums.len() == times),
        None => true,
    };
    found
        .check(
            "snapshot",
            Verdict::Race,
            wrong.is_none() && looked,
            || match wrong {
                Some(sum) => {
                    format!("the auditor saw {sum} in all accounts together; there are {all}, all the time")
                }
                None => "the auditor did not come back".to_owned(),
            },
        )
        .show_lines(|| lines(seen, |_, _| true))
        .at(seen
            .journal
            .named(READ)
            .rfind(|event| !outcome.pids.contains(&(event.pid as u32)) && event.pid != seen.main_pid)
            .and_then(|event| event.location.as_ref()));
    let there: u64 = outcome.balances.iter().sum();
    found
        .check("order", Verdict::Wrong, outcome.total == there, || {
            format!(
                "when all was over, `total` said {}; the balances add up to {there}",
                outcome.total
            )
        })
        .show_lines(|| lines(seen, |_, _| true));
}

pub(super) fn judge_apart(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let meetings = seen.meetings("all have written once");
    match meetings.all_met() {
        Some(met) => {
            found
                .check("apart", Verdict::Oversync, met, || {
                    format!(
                        "{} tellers moved money between accounts of their own, and {} had to wait until another was done",
                        input.tellers.len(),
                        input.tellers.len() - 1
                    )
                })
                .show_lines(|| lines(seen, |_, _| true));
        }
        None => found.skip("apart", "this machine was too busy to show it"),
    }
    judge(input, seen, found);
}

pub(super) fn judge_death(input: &Input, seen: &Evidence<Outcome>, found: &mut Findings) {
    let Some(outcome) = &seen.value else { return };
    let dead = input.tellers[0].orders[0];
    let pid = pid_of(outcome, Some(0));
    let silent = (1..outcome.done.len()).find(|teller| outcome.done[*teller].is_none());
    found.check("heir", Verdict::Wrong, silent.is_none(), || {
        format!(
            "pid {pid} was killed in a transfer, and pid {}, the next that needed its accounts, did not come back either",
            pid_of(outcome, silent)
        )
    });
    let is_halfway = input.tellers[0].part == Part::DiesHalfway;
    let refused = refused_though_there_is_enough(input, outcome);
    found
        .check("heir", Verdict::Wrong, refused.is_none(), || {
            let order = refused.unwrap_or(dead);
            format!(
                "pid {pid} was killed in a transfer from account {}; the next one wanted {} from account {}, which has so much when \
                 the dead one's half is undone, and it was refused",
                dead.from, order.amount, order.from
            )
        })
        .show_lines(|| first_two(input, outcome, seen));
    let expected = expected(input, outcome);
    found
        .check("heir", Verdict::Wrong, outcome.balances == expected, || {
            format!(
                "pid {pid} was killed when it had moved {}{} from account {} to account {}{}; at the end the balances are {:?}, {} in all, and \
                 should be {expected:?}, {} in all",
                if is_halfway { "one half of " } else { "" },
                dead.amount,
                dead.from,
                dead.to,
                if is_halfway { "" } else { " and not yet committed" },
                outcome.balances,
                outcome.balances.iter().sum::<u64>(),
                expected.iter().sum::<u64>()
            )
        })
        .show_lines(|| first_two(input, outcome, seen));
    found
        .check("news", Verdict::Wrong, outcome.told.is_empty(), || {
            format!(
                "pid {pid} was killed, pid {} repaired what it had left, and whoever takes the lock of account {} is still told of the \
                 death",
                pid_of(outcome, Some(1)),
                outcome.told[0]
            )
        })
        .show_lines(|| first_two(input, outcome, seen));
}

/// An order of a teller that came later, one after another, which was refused although its account could pay it.
fn refused_though_there_is_enough(input: &Input, outcome: &Outcome) -> Option<Order> {
    let mut balances = input.balances.clone();
    for (order, done) in answered(input, outcome) {
        if done {
            balances[order.from] = balances[order.from].wrapping_sub(order.amount);
            balances[order.to] = balances[order.to].wrapping_add(order.amount);
        } else if balances[order.from] >= order.amount {
            return Some(order);
        }
    }
    None
}

fn pid_of(outcome: &Outcome, teller: Option<usize>) -> u32 {
    teller
        .and_then(|teller| outcome.pids.get(teller).copied())
        .unwrap_or(0)
}

fn writes(seen: &Evidence<Outcome>, account: usize) -> impl DoubleEndedIterator<Item = &Event> {
    seen.journal
        .named(WRITE)
        .filter(move |event| entry_of(event.value).0 == account)
}

/// What was read and written, as far as it is to be shown: by whom, and in which account.
fn lines(seen: &Evidence<Outcome>, shown: impl Fn(u32, usize) -> bool) -> Vec<String> {
    const MOST: usize = 14;
    let entries: Vec<&Event> = seen
        .journal
        .events()
        .iter()
        .filter(|event| event.pid != seen.main_pid && (event.name == READ || event.name == WRITE))
        .filter(|event| shown(event.pid as u32, entry_of(event.value).0))
        .collect();
    let line = |event: &&Event| {
        let (account, balance, held) = entry_of(event.value);
        let verb = if event.name == READ { "read " } else { "wrote" };
        let lock = if held { "" } else { "   <- nobody held its lock" };
        format!("pid {} {verb} account {account}: {balance}{lock}", event.pid)
    };
    let skipped = entries.len().saturating_sub(MOST);
    let mut text: Vec<String> = (skipped > 0)
        .then(|| format!("({skipped} earlier)"))
        .into_iter()
        .collect();
    text.extend(entries[skipped..].iter().map(line));
    text
}

/// What the teller that was killed and the one after it did in the accounts that both needed.
fn first_two(input: &Input, outcome: &Outcome, seen: &Evidence<Outcome>) -> Vec<String> {
    let dead = input.tellers[0].orders[0];
    let mut text = lines(seen, |pid, account| {
        outcome.pids[..2].contains(&pid) && [dead.from, dead.to].contains(&account)
    });
    let before_death = writes_of(seen, outcome.pids[0]);
    let killed = format!("pid {} was killed", outcome.pids[0]);
    text.insert(before_death.min(text.len()), killed);
    text
}

/// How many entries of the journal are its own.
fn writes_of(seen: &Evidence<Outcome>, pid: u32) -> usize {
    let own = |event: &&Event| event.pid as u32 == pid && (event.name == READ || event.name == WRITE);
    seen.journal.events().iter().filter(own).count()
}
