//! Lesson 4.3, worked example: methods that call each other, two threads of one process, and guards in any order.

use std::sync::atomic::Ordering::Relaxed;

use core_process::Process;
use core_process::shm::Segment;
use serde::{Deserialize, Serialize};
use sync::{Lock, RLock, TryLockError};

// region account
/// An account in shared memory. Each method is safe alone, so each takes the lock.
#[derive(Serialize, Deserialize)]
struct Account {
    lock: RLock,
    memory: Segment,
}

impl Account {
    fn add(&self, amount: u64) {
        let _guard = self.lock.lock().expect("no owner has died");
        let balance = self.memory.atomic_u64(0);
        balance.store(balance.load(Relaxed) + amount, Relaxed);
    }

    /// Calls another method of its own, with the lock held: nobody sees the account between the two.
    fn add_with_bonus(&self, amount: u64) {
        let _guard = self.lock.lock().expect("no owner has died");
        self.add(amount);
        self.add(1);
    }
}
// end region

fn save(account: Account) {
    for _ in 0..1000 {
        account.add_with_bonus(2);
    }
}

pub fn main() {
    core_process::init();

    // region run
    let lock = RLock::new().expect("there is memory");
    let memory = Segment::create("account", 8).expect("there is memory");
    let account = || Account {
        lock: lock.clone(),
        memory: memory.try_clone().expect("there is a descriptor"),
    };
    let savers = [
        Process::new(save, account()).start(),
        Process::new(save, account()).start(),
    ];
    for saver in savers {
        saver
            .expect("a process can be started")
            .join()
            .expect("it returns");
    }
    println!("two processes saved {}", memory.atomic_u64(0).load(Relaxed));
    // end region

    // region plain
    let plain = Lock::new().expect("there is memory");
    let _once = plain.lock().expect("no owner has died");
    let twice = plain.try_lock();
    println!(
        "a plain lock again: {}",
        matches!(twice, Err(TryLockError::WouldBlock))
    );
    // end region

    // region threads
    let outer = lock.lock().expect("no owner has died");
    let inner = lock.lock().expect("no owner has died");
    println!("this thread has it {} times", inner.depth());
    let other = std::thread::scope(|scope| {
        let try_it = || matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
        scope.spawn(try_it).join().expect("it does not panic")
    });
    println!("another thread of this process is kept out: {other}");
    // end region

    // region order
    drop(outer);
    println!("the outer guard is gone, the lock is ours: {}", lock.is_mine());
    drop(inner);
    println!("both are gone, the lock is ours: {}", lock.is_mine());
    // end region
}
