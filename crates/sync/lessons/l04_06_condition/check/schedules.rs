//! The schedules of lesson 4.6, each a short story with one trap in it.
//!
//! Invariant: a right answer comes through every schedule with everybody served. They know what a look, a put and a take are, and
//! nothing of locks and conditions.

use grader::Draw;

use super::ring::{Halt, Op};
use super::stage::{Deed, Part, Stage, Stuck};

/// What one run is given.
pub struct Input {
    pub(super) capacity: usize,
    /// Items that are put, all different.
    items: Vec<u64>,
    /// For "all at once": what each process does.
    crowd: Vec<Vec<Deed>>,
}

type Schedule = (
    &'static str,
    fn(&mut Draw) -> Input,
    fn(&mut Stage, &Input) -> Result<(), Stuck>,
);

/// All of them, the simplest first.
pub(super) const ALL: [Schedule; 14] = [
    ("nothing happens for a while", draw_places, nothing_happens),
    (
        "an item comes between the look and the sleep",
        draw_one_place,
        item_between,
    ),
    (
        "room comes between the look and the sleep",
        draw_places,
        room_between,
    ),
    ("another one takes the item", draw_one_place, item_stolen),
    ("another one takes the room", draw_places, room_stolen),
    ("two use it at a time", draw_places, two_at_a_time),
    (
        "another one takes the room after the look",
        draw_one_place,
        room_after_look,
    ),
    (
        "another one takes the item after the look",
        draw_one_place,
        item_after_look,
    ),
    (
        "some wait for items and some for room",
        draw_one_place,
        both_kinds,
    ),
    (
        "a small get beside a large one",
        draw_three_places,
        small_beside_large,
    ),
    ("a large get makes room for two", draw_two_places, room_for_two),
    ("one dies after its put", draw_places, dies_after_put),
    ("one dies after its take", draw_two_places, dies_after_take),
    ("all at once", draw_crowd, all_at_once),
];

use Deed::{Get, Put};

/// A consumer waits for an item, and later a producer for room, and nobody does anything meanwhile.
fn nothing_happens(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let consumer = stage.start(&[Get(1)], None);
    stage.watch()?;
    let producer = stage.lead(&[Put(input.items[input.capacity])], None)?;
    stage.done(producer)?;
    stage.done(consumer)?;
    fill(stage, input)?;
    let producer = stage.start(&[Put(input.items[input.capacity])], None);
    stage.watch()?;
    let consumer = stage.lead(&[Get(1)], None)?;
    stage.done(consumer)?;
    stage.done(producer)
}

/// A consumer has looked and found nothing. Now an item is put.
fn item_between(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let consumer = stage.lead(&[Get(1)], after(Op::Look, 1))?;
    let producer = stage.lead(&[Put(input.items[0])], None)?;
    stage.release(consumer)?;
    stage.done(producer)?;
    stage.done(consumer)
}

/// A producer has looked and found no room. Now an item is taken.
fn room_between(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    fill(stage, input)?;
    let producer = stage.lead(&[Put(input.items[input.capacity])], after(Op::Look, 1))?;
    let consumer = stage.lead(&[Get(1)], None)?;
    stage.release(producer)?;
    stage.done(consumer)?;
    stage.done(producer)
}

/// A consumer sleeps. An item is put, and before the consumer gets a processor, another one has taken the item.
fn item_stolen(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let sleeper = sleeps(stage, Get(1))?;
    let producer = stage.lead(&[Put(input.items[0])], after(Op::Put, 1))?;
    stage.freeze(sleeper);
    stage.release(producer)?;
    stage.lead(&[Get(1)], None)?;
    stage.thaw(sleeper)?;
    stage.lead(&[Put(input.items[1])], None)?;
    stage.all_done()
}

/// A producer sleeps. An item is taken, and before the producer gets a processor, another one has put into its place.
fn room_stolen(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    fill(stage, input)?;
    let sleeper = sleeps(stage, Put(input.items[input.capacity]))?;
    let consumer = stage.lead(&[Get(1)], after(Op::Take, 1))?;
    stage.freeze(sleeper);
    stage.release(consumer)?;
    stage.lead(&[Put(input.items[input.capacity + 1])], None)?;
    stage.thaw(sleeper)?;
    stage.lead(&[Get(1)], None)?;
    stage.all_done()
}

/// A producer has seen room. If it lets the lock go then, another one comes, before it puts.
fn room_after_look(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let looks = stage.lead(&[Put(input.items[0])], after(Op::ReleaseAfterLook, 1))?;
    let other = stage.lead(&[Put(input.items[1])], None)?;
    stage.release(looks)?;
    stage.done(looks)?;
    let consumer = stage.lead(&[Get(1), Get(1)], None)?;
    stage.done(other)?;
    stage.done(consumer)
}

/// A consumer has seen an item. If it lets the lock go then, another one comes, before it takes.
fn item_after_look(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    fill(stage, input)?;
    let looks = stage.lead(&[Get(1)], after(Op::ReleaseAfterLook, 1))?;
    let other = stage.lead(&[Get(1)], None)?;
    stage.release(looks)?;
    stage.done(looks)?;
    stage.lead(&[Put(input.items[1])], None)?;
    stage.done(other)
}

/// While one is in the middle of a put or a take, another one comes.
fn two_at_a_time(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let item = |nth: usize| Put(input.items[nth]);
    let puts = stage.lead(&[item(0)], after(Op::Put, 1))?;
    let gets = stage.lead(&[Get(1)], None)?;
    stage.release(puts)?;
    stage.done(puts)?;
    stage.done(gets)?;
    stage.lead(&[item(1)], None)?;
    let gets = stage.lead(&[Get(1)], after(Op::Take, 1))?;
    let puts = stage.lead(&[item(2)], None)?;
    stage.release(gets)?;
    stage.done(gets)?;
    stage.done(puts)?;
    let gets = stage.lead(&[Get(1)], after(Op::Take, 1))?;
    let gets_too = stage.lead(&[Get(1)], None)?;
    stage.release(gets)?;
    stage.done(gets)?;
    stage.lead(&[item(3)], None)?;
    stage.done(gets_too)
}

/// One place. Consumers sleep and a producer sleeps, and whom a notice wakes is not for the answer to choose.
fn both_kinds(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let first = sleeps_held(stage, Get(1), after(Op::Take, 1))?;
    let second = sleeps(stage, Get(1))?;
    let producer = stage.lead(&[Put(input.items[0])], after(Op::Put, 1))?;
    // The item is there; neither consumer has a processor.
    stage.freeze(first);
    stage.freeze(second);
    stage.release(producer)?;
    let waits_for_room = sleeps(stage, Put(input.items[1]))?;
    stage.thaw(first)?;
    // The first has taken the item, and is held before it tells. The one whom it should wake has no processor.
    stage.freeze(waits_for_room);
    stage.thaw(second)?;
    stage.release(first)?;
    stage.thaw(waits_for_room)?;
    stage.done(first)?;
    stage.done(waits_for_room)?;
    stage.done(second)
}

/// One wants three items and one wants one. One is put.
fn small_beside_large(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let large = sleeps(stage, Get(3))?;
    let small = sleeps(stage, Get(1))?;
    let producer = stage.lead(&[Put(input.items[0])], after(Op::Put, 1))?;
    stage.freeze(small);
    stage.release(producer)?;
    stage.thaw(small)?;
    stage.done(small)?;
    let rest: Vec<Deed> = input.items[1..4].iter().map(|item| Put(*item)).collect();
    stage.lead(&rest, None)?;
    stage.done(large)
}

/// Two producers sleep. A get of two makes room for both.
fn room_for_two(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    fill(stage, input)?;
    let first = sleeps(stage, Put(input.items[input.capacity]))?;
    let second = sleeps(stage, Put(input.items[input.capacity + 1]))?;
    stage.lead(&[Get(2)], None)?;
    stage.done(first)?;
    stage.done(second)
}

/// Two consumers sleep. A producer dies between its put and its notice; another one puts.
fn dies_after_put(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let consumers = [sleeps(stage, Get(1))?, sleeps(stage, Get(1))?];
    let victim = stage.lead(&[Put(input.items[0])], after(Op::Put, 1))?;
    stage.kill(victim);
    let heir = stage.lead(&[Put(input.items[1])], None)?;
    stage.done(heir)?;
    stage.done(consumers[0])?;
    stage.done(consumers[1])
}

/// Two producers sleep. A consumer dies between its take and its notice; another consumer comes, finds nothing, and has to wait.
fn dies_after_take(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    fill(stage, input)?;
    let first = sleeps(stage, Put(input.items[input.capacity]))?;
    let second = sleeps(stage, Put(input.items[input.capacity + 1]))?;
    let victim = stage.lead(&[Get(2)], after(Op::Take, 2))?;
    stage.kill(victim);
    let heir = stage.lead(&[Get(2)], None)?;
    stage.done(first)?;
    stage.done(second)?;
    stage.done(heir)
}

/// Producers and consumers, any number of each, and nobody is led.
fn all_at_once(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    for deeds in &input.crowd {
        stage.start(deeds, None);
    }
    stage.all_done()
}

const fn after(op: Op, nth: usize) -> Option<Halt> {
    Some(Halt { op, nth })
}

/// Starts one that has nothing to get, or no room, and is asleep on return.
fn sleeps(stage: &mut Stage, deed: Deed) -> Result<Part, Stuck> {
    sleeps_held(stage, deed, None)
}

fn sleeps_held(stage: &mut Stage, deed: Deed, halt: Option<Halt>) -> Result<Part, Stuck> {
    stage.lead(&[deed], halt)
}

/// Puts as many items as there are places.
fn fill(stage: &mut Stage, input: &Input) -> Result<(), Stuck> {
    let deeds: Vec<Deed> = input.items[..input.capacity]
        .iter()
        .map(|item| Put(*item))
        .collect();
    let producer = stage.start(&deeds, None);
    stage.done(producer)
}

fn draw_with(draw: &mut Draw, capacity: usize) -> Input {
    let mut items: Vec<u64> = (1..=capacity as u64 + 8).map(|item| item * 10).collect();
    draw.shuffle(&mut items);
    Input {
        capacity,
        items,
        crowd: Vec::new(),
    }
}

fn draw_one_place(draw: &mut Draw) -> Input {
    draw_with(draw, 1)
}

fn draw_two_places(draw: &mut Draw) -> Input {
    draw_with(draw, 2)
}

fn draw_three_places(draw: &mut Draw) -> Input {
    draw_with(draw, 3)
}

fn draw_places(draw: &mut Draw) -> Input {
    let capacity = draw.size_in(1..=7);
    draw_with(draw, capacity)
}

fn draw_crowd(draw: &mut Draw) -> Input {
    let capacity = draw.size_in(1..=7);
    let total = draw.size(60);
    let producers = draw.size_in(1..=4);
    let consumers = draw.size_in(1..=4);
    let mut crowd = vec![Vec::new(); producers + consumers];
    let mut items: Vec<u64> = (1..=total as u64).map(|item| item * 10).collect();
    draw.shuffle(&mut items);
    for &item in &items {
        crowd[draw.number(0..=producers as u64 - 1) as usize].push(Put(item));
    }
    let mut left = total;
    while left > 0 {
        let count = (draw.number(0..=capacity as u64) as usize).min(left);
        left -= count;
        crowd[producers + draw.number(0..=consumers as u64 - 1) as usize].push(Get(count));
    }
    Input {
        capacity,
        items,
        crowd,
    }
}
