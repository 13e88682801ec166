//! What a consumer burns while it waits at an empty queue: its CPU time, as a part of the time that it waits.

use std::time::{Duration, Instant};

use crate::games::Game;
use crate::party::{Party, Place};

/// The part that it may burn: what is woken every 20 ms and looks takes some 20 us a time.
pub(crate) const BOUND: f64 = 0.005;

/// Between two messages.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);

/// What a waiting consumer has burnt.
pub(crate) struct Idle {
    pub(crate) subject: &'static str,
    /// CPU time by time.
    pub(crate) part: f64,
}

/// Lets the guest wait for so many messages, with a pause before each.
pub(crate) fn measure(party: &Party, messages: u32) -> Vec<Idle> {
    [Game::IdleQueue, Game::IdleSimpleQueue, Game::IdlePipe]
        .into_iter()
        .map(|game| {
            let call = party.call(game, Place::Two, messages);
            let began = Instant::now();
            call.begin();
            for _ in 0..messages {
                std::thread::sleep(PAUSE);
                game.play(party.host(), 1);
            }
            let used = call.see_off();
            Idle {
                subject: game.name(),
                part: used.as_secs_f64() / began.elapsed().as_secs_f64(),
            }
        })
        .collect()
}
