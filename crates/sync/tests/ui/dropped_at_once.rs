//! Guards without a name: each is dropped before the next line, and the compiler warns of each.
//! says: non-binding let on a type that has a destructor
//! says: let _ = lock.lock(); | ^^^^^^^^^^^^^^^^^^^^
//! says: consider binding to an unused variable to avoid immediately dropping the value
//! says: let _ = rlock.lock(); | ^
//! says: let _ = condition.lock(); | ^
//! says: let _ = monitor.lock(); | ^
//! says: let _ = rwlock.read(); | ^
//! says: let _ = rwlock.write(); | ^
//! says: let _ = semaphore.acquire(); | ^
//! says: let _ = lock.try_lock(); | ^
//! says: let _ = lock.lock().unwrap(); | ^
//! says: unused `Result` that must be used
//! says: lock.lock(); | ^^^^^^^^^^^
//! says: unused `Guard` that must be used
//! says: the lock is released at once if the guard is not kept: `let _guard = ...` keeps it, `let _ = ...` does not
//! says: unused `MonitorGuard` that must be used
#![warn(let_underscore_drop)]
use sync::{Condition, Lock, Monitor, RLock, RwLock, Semaphore};

fn main() -> std::io::Result<()> {
    let lock = Lock::new()?;
    let rlock = RLock::new()?;
    let condition = Condition::new()?;
    let monitor = Monitor::new(0_u32)?;
    let rwlock = RwLock::new()?;
    let semaphore = Semaphore::new(1)?;
    let _ = lock.lock();
    let _ = lock.try_lock();
    let _ = lock.lock().unwrap();
    let _ = rlock.lock();
    let _ = condition.lock();
    let _ = monitor.lock();
    let _ = rwlock.read();
    let _ = rwlock.write();
    let _ = semaphore.acquire();
    lock.lock();
    lock.lock().unwrap();
    monitor.lock().unwrap();
    Ok(())
}
