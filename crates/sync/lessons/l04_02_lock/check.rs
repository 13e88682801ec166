//! Checks of lesson 4.2: money moves between shared accounts, whoever moves it, looks, waits, or is killed.

#[path = "check/bank.rs"]
mod bank;
#[path = "check/judges.rs"]
mod judges;
#[path = "check/stage.rs"]
mod stage;

use core_process::{Child, Process};
use grader::{Draw, Scenario};
use serde::{Deserialize, Serialize};
use sync::TryLockError;

pub use bank::Bank;
use judges::{judge, judge_apart, judge_death, judge_one};
use stage::Part;

/// Moves this much from one account to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// From here.
    pub from: usize,
    /// To here; it may be the same account.
    pub to: usize,
    /// So much.
    pub amount: u64,
}

/// A process of the bank.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Teller {
    part: Part,
    orders: Vec<Order>,
}

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    balances: Vec<u64>,
    tellers: Vec<Teller>,
    /// A process that adds up the accounts, so many times.
    auditor: Option<(Part, usize)>,
    /// Each teller begins when the one before has ended.
    in_turn: Turns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turns {
    Together,
    OneByOne,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// For each teller, what was said of each order; `None` for one that died.
    done: Vec<Option<Vec<bool>>>,
    /// The pids of the tellers.
    pids: Vec<u32>,
    /// What the auditor found; `None` if there was none, or it died.
    snapshots: Option<Vec<u64>>,
    /// What `total` says when all is over.
    total: u64,
    balances: Vec<u64>,
    /// Accounts whose lock still tells that somebody died.
    told: Vec<usize>,
}

/// The situations that an answer is put into.
pub fn scenarios<T, S>(transfer: T, total: S) -> Vec<Scenario>
where
    T: Fn(&Bank, Order) -> bool + Copy + Send + 'static,
    S: Fn(&Bank) -> u64 + Copy + Send + 'static,
{
    let act = move |input: Input| run(&input, transfer, total);
    vec![
        Scenario::new("one teller", draw_one, act, judge_one),
        Scenario::new("tellers at the same account", draw_same_account, act, judge),
        Scenario::new("transfers in a ring", draw_ring, act, judge),
        Scenario::new(
            "transfers that have nothing in common",
            draw_apart,
            act,
            judge_apart,
        ),
        Scenario::new("a look in the middle of a transfer", draw_halfway, act, judge),
        Scenario::new("a transfer in the middle of a look", draw_behind, act, judge),
        Scenario::new("a teller is killed", draw_death, act, judge_death),
        Scenario::new(
            "a teller is killed with all that there was",
            draw_death_of_all,
            act,
            judge_death,
        ),
        Scenario::new(
            "a teller is killed before it commits",
            draw_late_death,
            act,
            judge_death,
        ),
        Scenario::new(
            "a look and a transfer, each with a lock",
            draw_look_and_ring,
            act,
            judge,
        ),
        Scenario::new("every day", draw_every_day, act, judge).shake(),
    ]
}

fn run<T, S>(input: &Input, transfer: T, total: S) -> Outcome
where
    T: Fn(&Bank, Order) -> bool + Copy + Send + 'static,
    S: Fn(&Bank) -> u64 + Copy + Send + 'static,
{
    let bank = Bank::open(&input.balances, input.tellers.len() + 2).expect("a bank can be opened");
    let copy = |process| bank.for_process(process).expect("a descriptor is free");
    let audit = move |bank: Bank, part: Part, times: usize| -> Vec<u64> {
        stage::play(part);
        if part == Part::LooksHalfway {
            stage::HALFWAY.wait();
        }
        let snapshots = (0..times).map(|_| total(&bank)).collect();
        stage::LOOKED.open();
        snapshots
    };
    let serve = move |bank: Bank, teller: Teller| -> Vec<bool> {
        stage::play(teller.part);
        let orders = if teller.part == Part::MovesBehind {
            behind(&bank, teller.orders)
        } else {
            teller.orders
        };
        let done = orders.into_iter().map(|order| transfer(&bank, order)).collect();
        stage::MOVED.open();
        done
    };
    let auditor = input.auditor.map(|(part, times)| {
        Process::new(audit, (copy(input.tellers.len() + 1), part, times))
            .name("auditor")
            .start()
            .expect("a process can be started")
    });
    let mut tellers: Vec<Child<Vec<bool>>> = Vec::new();
    for (number, teller) in input.tellers.iter().enumerate() {
        let recipe = Process::new(serve, (copy(number + 1), teller.clone())).name("teller");
        let child = recipe.start().expect("a process can be started");
        if input.in_turn == Turns::OneByOne {
            child.wait().expect("it is our child");
        }
        tellers.push(child);
    }
    let done = tellers.iter().map(|child| child.join().ok()).collect();
    let snapshots = auditor.and_then(|auditor| auditor.join().ok());
    let total = total(&bank);
    let is_told = |account: &usize| matches!(bank.lock(*account).try_lock(), Err(TryLockError::OwnerDied(_)));
    Outcome {
        done,
        pids: tellers.iter().map(|child| child.pid()).collect(),
        snapshots,
        total,
        balances: bank.balances(),
        told: (0..bank.accounts()).filter(is_told).collect(),
    }
}

/// The orders, between the account that the auditor has read first and one that it has not read yet.
fn behind(bank: &Bank, orders: Vec<Order>) -> Vec<Order> {
    if !stage::BEGUN.wait() {
        return Vec::new();
    }
    let read = stage::FIRST.value() as usize - 1;
    let other = (read + 1) % bank.accounts();
    let turned = |order: Order| Order {
        from: if order.from == 0 { read } else { other },
        to: if order.from == 0 { other } else { read },
        ..order
    };
    orders.into_iter().map(turned).collect()
}

fn balances(draw: &mut Draw, accounts: usize) -> Vec<u64> {
    draw.list(accounts, |draw| draw.number(500..=900))
}

/// An order that its account can pay, between two accounts.
fn order(draw: &mut Draw, accounts: usize) -> Order {
    let from = draw.number(0..=accounts as u64 - 1) as usize;
    let step = draw.number(1..=accounts as u64 - 1) as usize;
    Order {
        from,
        to: (from + step) % accounts,
        amount: draw.number(1..=20),
    }
}

fn teller(part: Part, orders: Vec<Order>) -> Teller {
    Teller { part, orders }
}

fn together(balances: Vec<u64>, tellers: Vec<Teller>, auditor: Option<(Part, usize)>) -> Input {
    Input {
        balances,
        tellers,
        auditor,
        in_turn: Turns::Together,
    }
}

/// Orders of all kinds: more than there is, from an account to itself, nothing.
fn draw_one(draw: &mut Draw) -> Input {
    let accounts = draw.size_in(1..=7);
    let count = draw.size(40);
    let balances = draw.list(accounts, |draw| draw.number(0..=50));
    let account = |draw: &mut Draw| draw.number(0..=accounts as u64 - 1) as usize;
    let mut orders = draw.list(count, |draw| Order {
        from: account(draw),
        to: account(draw),
        amount: draw.number(0..=40),
    });
    if let Some(order) = orders.last_mut() {
        order.to = order.from;
    }
    together(balances, vec![teller(Part::Free, orders)], None)
}

/// Every teller reads the same account before any of them writes, if they are let.
fn draw_same_account(draw: &mut Draw) -> Input {
    let tellers = draw.size_in(2..=4);
    let accounts = tellers + 1;
    let hot = draw.number(0..=accounts as u64 - 1) as usize;
    let part = Part::ReadsWithOthers {
        account: hot,
        tellers: tellers as u32,
    };
    let unit = draw.number(1..=3);
    let orders = (0..tellers).map(|number| {
        let other = (hot + 1 + number) % accounts;
        let (from, to) = if draw.one_in(2) {
            (hot, other)
        } else {
            (other, hot)
        };
        // Powers of two: whichever updates are lost, the others never make up for them.
        let amount = unit << number;
        teller(part, vec![Order { from, to, amount }])
    });
    let tellers = orders.collect();
    together(balances(draw, accounts), tellers, None)
}

/// Each from one account to the next, the last one to the first: each has one lock before any of them takes a second.
fn draw_ring(draw: &mut Draw) -> Input {
    let tellers = draw.size_in(2..=4);
    let part = Part::LocksWithOthers {
        tellers: tellers as u32,
    };
    let mut orders: Vec<Teller> = (0..tellers)
        .map(|from| {
            let amount = draw.number(1..=20);
            let to = (from + 1) % tellers;
            teller(part, vec![Order { from, to, amount }])
        })
        .collect();
    draw.shuffle(&mut orders);
    together(balances(draw, tellers), orders, None)
}

/// Each between two accounts of its own: all are in the middle of their transfer at the same time, if they are let.
fn draw_apart(draw: &mut Draw) -> Input {
    let tellers = draw.size_in(2..=3);
    let part = Part::WritesWithOthers {
        tellers: tellers as u32,
    };
    let mut accounts: Vec<usize> = (0..2 * tellers).collect();
    draw.shuffle(&mut accounts);
    let orders = accounts.chunks(2).map(|pair| {
        let amount = draw.number(1..=20);
        teller(
            part,
            vec![Order {
                from: pair[0],
                to: pair[1],
                amount,
            }],
        )
    });
    let orders = orders.collect();
    together(balances(draw, 2 * tellers), orders, None)
}

fn draw_halfway(draw: &mut Draw) -> Input {
    let accounts = draw.size_in(2..=5);
    let order = order(draw, accounts);
    let tellers = vec![teller(Part::PausesHalfway, vec![order])];
    together(balances(draw, accounts), tellers, Some((Part::LooksHalfway, 1)))
}

fn draw_behind(draw: &mut Draw) -> Input {
    let accounts = draw.size_in(2..=5);
    let from = draw.number(0..=1) as usize;
    let amount = draw.number(1..=20);
    let order = Order {
        from,
        to: 1 - from,
        amount,
    };
    let tellers = vec![teller(Part::MovesBehind, vec![order])];
    together(
        balances(draw, accounts),
        tellers,
        Some((Part::PausesAfterOne { accounts }, 1)),
    )
}

/// The first teller is killed between its two writes; the next ones need the same accounts.
fn draw_death(draw: &mut Draw) -> Input {
    let accounts = draw.size_in(2..=5);
    let dead = order(draw, accounts);
    let amount = draw.number(1..=20);
    let heir = Order {
        from: dead.to,
        to: dead.from,
        amount,
    };
    let next = draw.size(3);
    let next = draw.list(next, |draw| order(draw, accounts));
    let tellers = [
        teller(Part::DiesHalfway, vec![dead]),
        teller(Part::Free, vec![heir]),
        teller(Part::Free, next),
    ];
    Input {
        balances: balances(draw, accounts),
        tellers: tellers.to_vec(),
        auditor: None,
        in_turn: Turns::OneByOne,
    }
}

/// The first teller is killed when it has taken all that was on an account; the next one needs all of it.
fn draw_death_of_all(draw: &mut Draw) -> Input {
    let mut input = draw_death(draw);
    let dead = &mut input.tellers[0].orders[0];
    dead.amount = input.balances[dead.from];
    let heir = *dead;
    input.tellers[1].orders = vec![heir];
    input.tellers[2].orders.clear();
    input
}

/// The first teller is killed when it has written all and has not said that it is done.
fn draw_late_death(draw: &mut Draw) -> Input {
    let mut input = draw_death(draw);
    input.tellers[0].part = Part::DiesBeforeCommit;
    input
}

/// One adds up two accounts and one moves money between them: each has one lock before either takes a second, if they are let.
fn draw_look_and_ring(draw: &mut Draw) -> Input {
    let part = Part::LocksWithOthers { tellers: 2 };
    let order = order(draw, 2);
    let tellers = vec![teller(part, vec![order])];
    together(balances(draw, 2), tellers, Some((part, 1)))
}

fn draw_every_day(draw: &mut Draw) -> Input {
    let accounts = draw.size_in(2..=7);
    let tellers = draw.size_in(1..=5);
    let tellers = draw.list(tellers, |draw| {
        let count = draw.size(20);
        teller(Part::Free, draw.list(count, |draw| order(draw, accounts)))
    });
    together(balances(draw, accounts), tellers, Some((Part::Free, 5)))
}
