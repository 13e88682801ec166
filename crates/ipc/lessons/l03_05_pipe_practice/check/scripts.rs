//! The scripts of lesson 3.5: who writes to whom, who waits for what, who dies.

use std::collections::BTreeMap;

use grader::Draw;

use super::station::{Station, Step};

/// What one run is given.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) stations: Vec<Station>,
    /// So many send a burst before the main process goes on.
    pub(super) burst: u32,
    /// These are dead before the main process goes on.
    pub(super) dead: Vec<u32>,
}

fn input(scripts: Vec<Vec<Step>>) -> Input {
    let stations = (0..)
        .zip(scripts)
        .map(|(number, script)| Station { number, script });
    Input {
        stations: stations.collect(),
        burst: 0,
        dead: Vec::new(),
    }
}

/// Any letters in any order; now and then one is waited for that was sent before.
pub(super) fn draw_letters(draw: &mut Draw) -> Input {
    let count = draw.size(6);
    let mut scripts = vec![Vec::new(); count];
    let mut sent: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let letters = if count == 0 { 0 } else { draw.size(30) };
    for _ in 0..letters {
        let last = count as u64 - 1;
        let (from, to) = (draw.number(0..=last) as u32, draw.number(0..=last) as u32);
        scripts[from as usize].push(Step::Send { to, count: 1 });
        *sent.entry((from, to)).or_default() += 1;
        if draw.one_in(3) {
            scripts[to as usize].push(Step::Hear {
                from,
                count: sent[&(from, to)],
            });
        }
    }
    input(scripts)
}

/// Each writes when it has heard from the one after it, and the first one of all writes back down the line.
pub(super) fn draw_chain(draw: &mut Draw) -> Input {
    let count = draw.size_in(2..=6) as u32;
    let letters = draw.number(1..=3) as u32;
    let script = |me: u32| {
        let up = (me + 1 < count).then_some(Step::Hear {
            from: me + 1,
            count: letters,
        });
        let on = me.checked_sub(1).map(|to| Step::Send { to, count: letters });
        let down = me.checked_sub(1).map(|from| Step::Hear { from, count: letters });
        let back = (me + 1 < count).then_some(Step::Send {
            to: me + 1,
            count: letters,
        });
        up.into_iter().chain(on).chain(down).chain(back).collect()
    };
    input((0..count).map(script).collect())
}

/// All letters lie in the pipes before the main process looks at one.
pub(super) fn draw_burst(draw: &mut Draw) -> Input {
    let count = draw.size_in(1..=5) as u32;
    let script = |_| {
        let to = draw.number(0..=u64::from(count) - 1) as u32;
        let letters = draw.number(2..=9) as u32;
        vec![Step::Send { to, count: letters }, Step::Sent]
    };
    let scripts = (0..count).map(script).collect();
    Input {
        burst: count,
        ..input(scripts)
    }
}

/// Some write and are dead before the main process looks; one dies when it has heard from another; the others write to the dead.
pub(super) fn draw_deaths(draw: &mut Draw) -> Input {
    let living = draw.size_in(1..=3) as u32;
    let early = draw.size_in(1..=3) as u32;
    let count = living + early + 1;
    let late = count - 1;
    let mut scripts: Vec<Vec<Step>> = Vec::new();
    for me in 0..living {
        let mut script = vec![Step::Send { to: late, count: 1 }];
        // Those that are dead get letters, too, and the living get letters after them.
        let dead = living + draw.number(0..=u64::from(early)) as u32;
        script.push(Step::Mourn { station: dead });
        script.push(Step::Send { to: dead, count: 2 });
        script.push(Step::Send {
            to: (me + 1) % living,
            count: 2,
        });
        scripts.push(script);
    }
    for _ in 0..early {
        let to = draw.number(0..=u64::from(living) - 1) as u32;
        let letters = draw.number(1..=5) as u32;
        scripts.push(vec![Step::Send { to, count: letters }, Step::Die]);
    }
    scripts.push(vec![
        Step::Hear { from: 0, count: 1 },
        Step::Send { to: 0, count: 3 },
        Step::Die,
    ]);
    Input {
        dead: (living..late).collect(),
        ..input(scripts)
    }
}

/// Some close, one may die, and one looks whether the main process sleeps, since there is nothing to do for it.
pub(super) fn draw_silence(draw: &mut Draw) -> Input {
    let closed = draw.size_in(1..=3) as u32;
    let dead = draw.size_in(0..=1) as u32;
    let watcher = closed + dead;
    let mut scripts: Vec<Vec<Step>> = Vec::new();
    for _ in 0..closed {
        scripts.push(vec![Step::Send {
            to: watcher,
            count: 1,
        }]);
    }
    for _ in 0..dead {
        scripts.push(vec![
            Step::Send {
                to: watcher,
                count: 1,
            },
            Step::Die,
        ]);
    }
    let mut script: Vec<Step> = (0..watcher).map(|from| Step::Hear { from, count: 1 }).collect();
    script.push(Step::Watch {
        closed: (0..closed).collect(),
        dead: (closed..watcher).collect(),
    });
    script.push(Step::Send { to: 0, count: 1 });
    scripts.push(script);
    input(scripts)
}
