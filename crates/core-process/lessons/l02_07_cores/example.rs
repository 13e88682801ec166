//! Lesson 2.7, worked example: how many cores there are, how many of them are ours, and a plan that fills those.

use core_process::{Child, Process, cpu_count, usable_cpus};

// region primes
/// Counts the prime numbers among `first`, `first + step`, and so on, below `end`.
fn primes(first: u32, step: usize, end: u32) -> usize {
    let is_prime = |n: &u32| *n > 1 && (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (first..end).step_by(step).filter(is_prime).count()
}
// end region

pub fn main() {
    core_process::init();

    // region count
    println!("the machine has {} cores", cpu_count());
    println!("this process may use {}", usable_cpus());
    println!("that is no more than there are: {}", usable_cpus() <= cpu_count());
    // end region

    // region plan
    let end = 20_000;
    let workers = usable_cpus().min(end as usize).max(1);
    let children: Vec<Child<usize>> = (0..workers)
        .map(|worker| Process::new(primes, (worker as u32, workers, end)).start())
        .map(|child| child.expect("a process can be started"))
        .collect();
    println!("{} workers", children.len());
    let found: usize = children
        .iter()
        .map(|child| child.join().expect("it returns"))
        .sum();
    println!("they found {found} prime numbers below {end}");
    // end region
}
