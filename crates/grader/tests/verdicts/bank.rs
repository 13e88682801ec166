//! A balance in shared memory and several depositors: LOST_UPDATE.

use std::fs::File;
use std::sync::atomic::Ordering;

use core_process::shm::Segment;
use core_process::{Child, Fd, Process};
use grader::work::{Rendezvous, note};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};

type Answer = fn(Vec<u64>) -> u64;

/// Reads the balance; holds the reader until another one has read, if one can.
fn read(bank: &Segment) -> u64 {
    let balance = bank.atomic_u64(0).load(Ordering::Acquire);
    note("read", balance as i64);
    Rendezvous::named("between read and write").meet(2);
    balance
}

fn write(bank: &Segment, balance: u64) {
    bank.atomic_u64(0).store(balance, Ordering::Release);
    note("wrote", balance as i64);
}

pub fn of(answer: Answer) -> Vec<Scenario> {
    vec![Scenario::new("bank", draw, answer, judge)]
}

pub fn shaken(answer: Answer) -> Vec<Scenario> {
    of(answer).into_iter().map(Scenario::shake).collect()
}

fn draw(draw: &mut Draw) -> Vec<u64> {
    let len = draw.size_in(2..=4);
    draw.list(len, |draw| draw.number(1..=100))
}

fn judge(input: &Vec<u64>, seen: &Evidence<u64>, found: &mut Findings) {
    let expected: u64 = input.iter().sum();
    let moves = seen
        .journal
        .events()
        .iter()
        .filter(|event| event.name == "read" || event.name == "wrote");
    found
        .check("total", Verdict::LostUpdate, seen.value == Some(expected), || {
            format!("the balance is {:?}, should be {expected}", seen.value)
        })
        .show(moves);
}

fn deposits(amounts: Vec<u64>, deposit: impl Fn(Segment, Fd<File>, u64) + Copy + 'static) -> u64 {
    let bank = Segment::create("bank", 8).unwrap();
    let lock = tempfile::tempfile().unwrap();
    let start = |amount| {
        // Every process opens the file anew: a lock belongs to an open file.
        let lock = File::open(format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&lock)
        ))
        .unwrap();
        Process::new(deposit, (bank.try_clone().unwrap(), Fd::from(lock), amount))
            .start()
            .unwrap()
    };
    let children: Vec<Child<()>> = amounts.into_iter().map(start).collect();
    children.iter().for_each(|child| child.join().unwrap());
    bank.atomic_u64(0).load(Ordering::Acquire)
}

pub fn locked(amounts: Vec<u64>) -> u64 {
    deposits(amounts, |bank, lock, amount| {
        lock.lock().unwrap();
        let balance = read(&bank);
        write(&bank, balance + amount);
        lock.unlock().unwrap();
    })
}

pub fn unlocked(amounts: Vec<u64>) -> u64 {
    deposits(amounts, |bank, _, amount| {
        let balance = read(&bank);
        write(&bank, balance + amount);
    })
}

pub fn locked_too_late(amounts: Vec<u64>) -> u64 {
    deposits(amounts, |bank, lock, amount| {
        let balance = read(&bank);
        lock.lock().unwrap();
        write(&bank, balance + amount);
        lock.unlock().unwrap();
    })
}
