//! The right form: the guard has a name, and the compiler says nothing.
#![deny(let_underscore_drop, unused_must_use)]

fn main() -> std::io::Result<()> {
    let lock = sync::Lock::new()?;
    let _guard = lock.lock().unwrap();
    let monitor = sync::Monitor::new(0_u32)?;
    let mut guard = monitor.lock().unwrap();
    *guard += 1;
    drop(guard);
    Ok(())
}
