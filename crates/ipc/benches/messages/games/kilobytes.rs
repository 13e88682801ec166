//! A kilobyte a message, one way, as many as go. It is a `Vec<u8>`: encoded by each one's codec, and one allocation for who takes it.

use std::hint::black_box;

use crate::games::Player;
use crate::peers::crossbeam::TEXTS;
use crate::peers::ipc_channel::end;
use crate::table::KILOBYTE;

#[inline]
fn stream(player: Player<'_>, moves: u32, give: impl Fn(&Vec<u8>), take: impl Fn() -> Vec<u8>) {
    let mut text = vec![b'x'; KILOBYTE];
    for at in 0..moves {
        let mark = at as u8;
        if player.takes() {
            let text = black_box(take());
            assert!(text.len() == KILOBYTE && text[0] == mark && text[KILOBYTE - 1] == b'x');
        } else {
            text[0] = mark;
            give(&text);
        }
    }
}

pub(crate) fn queue(player: Player<'_>, moves: u32) {
    let queue = &player.table.texts;
    let give = |text: &Vec<u8>| queue.put(text).expect("a text is put");
    stream(player, moves, give, || queue.get().expect("a text is got"));
}

pub(crate) fn ring(player: Player<'_>, moves: u32) {
    let ring = &player.table.ring_of_kilobytes;
    let take = || {
        let mut text = vec![0; KILOBYTE];
        ring.pop_bytes(&mut text);
        text
    };
    stream(player, moves, |text| ring.push_bytes(text), take);
}

/// It takes the value, so each one is cloned.
pub(crate) fn ipc_channel(player: Player<'_>, moves: u32) {
    let ends = player.ends;
    let give = |text: &Vec<u8>| {
        end(&ends.put_texts).send(text.clone()).expect("a text is sent");
    };
    stream(player, moves, give, || {
        end(&ends.texts).recv().expect("a text is received")
    });
}

/// As with ipc-channel.
pub(crate) fn crossbeam(player: Player<'_>, moves: u32) {
    let (sender, receiver) = &*TEXTS;
    let give = |text: &Vec<u8>| sender.send(text.clone()).expect("a text is sent");
    stream(player, moves, give, || {
        receiver.recv().expect("a text is received")
    });
}
