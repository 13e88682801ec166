//! expect: NOT_A_PROCESS
//! Threads do not run `main` again, so with threads the program is right at once. It has no processes any more.

use super::check::{bind_port, greet, guests, open_log};

pub fn main() {
    open_log();
    let port = bind_port().expect("the port is free");

    let guests: Vec<_> = (1..=guests())
        .map(|guest| std::thread::spawn(move || greet(guest)))
        .collect();
    for guest in guests {
        println!("{}", guest.join().expect("the guest is greeted"));
    }
    drop(port);
}
