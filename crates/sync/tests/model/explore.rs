//! Runs scenes in all their interleavings: once where nobody dies, and once for each step of each victim. Used by the models of the crates
//! above, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::scene::Scene;
use crate::stage::{self, Death, Sleeps, Stage};

/// Explores the scenes that the command line chooses, and prints the table.
pub(crate) fn explore_all(kinds: &[&'static [Scene]]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen =
        |scene: &&Scene| wanted.is_empty() || wanted.iter().any(|part| scene.name.contains(part.as_str()));
    let scenes: Vec<&Scene> = kinds.iter().copied().flatten().filter(chosen).collect();
    println!(
        "{:38} {:>9} {:>10} {:>7} {:>9} {:>10} {:>8}",
        "scene", "preempt.", "runs", "deaths", "preempt.", "runs", "seconds"
    );
    let next = Mutex::new(scenes.into_iter());
    let (passed, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some(scene) = next.lock().unwrap().next() else {
                        break;
                    };
                    let count = if explored(scene) { &passed } else { &failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (passed, failed) = (passed.into_inner(), failed.into_inner());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Explores a scene and prints its row; whether it holds.
fn explored(scene: &Scene) -> bool {
    let begin = Instant::now();
    let Some(peaceful) = explore(scene, Sleeps::Owed, None) else {
        println!("{:38} FAILED, nobody dies", scene.name);
        return false;
    };
    let (mut deaths, mut runs) = (0, 0);
    for &process in scene.victims {
        for step in 1.. {
            let death = Death { process, step };
            let Some(explored) = explore(scene, Sleeps::Bounded, Some(death)) else {
                println!(
                    "{:38} FAILED, process {process} dies before step {step}",
                    scene.name
                );
                return false;
            };
            runs += explored.runs;
            // A step that the victim reaches in no interleaving: it was killed at all that there are.
            if !explored.has_died {
                break;
            }
            deaths += 1;
        }
    }
    println!(
        "{:38} {:9} {:10} {:7} {:9} {:10} {:8.1}",
        scene.name,
        scene.preemptions + deeper(),
        peaceful.runs,
        deaths,
        scene.preemptions_with_death + deeper(),
        runs,
        begin.elapsed().as_secs_f64()
    );
    true
}

/// How many preemptions more than the scenes say, where there is time: `MODEL_DEEPER=1`.
fn deeper() -> usize {
    std::env::var("MODEL_DEEPER").map_or(0, |more| more.parse().unwrap())
}

struct Explored {
    runs: u64,
    has_died: bool,
}

/// All interleavings; `None` if one of them went wrong, which the panic has said.
fn explore(scene: &Scene, sleeps: Sleeps, death: Option<Death>) -> Option<Explored> {
    let (runs, has_died) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut model = loom::model::Builder::new();
    model.max_branches = 20_000;
    let preemptions = if death.is_none() {
        scene.preemptions
    } else {
        scene.preemptions_with_death
    };
    model.preemption_bound = Some(preemptions + deeper());
    let play = scene.play;
    let (count, seen) = (Arc::clone(&runs), Arc::clone(&has_died));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        model.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            play(&Stage::new(sleeps, death.into_iter().collect()));
            if stage::has_died() {
                seen.store(true, Ordering::Relaxed);
            }
        });
    }));
    if outcome.is_err() {
        println!("{}", stage::record());
    }
    outcome.ok().map(|()| Explored {
        runs: runs.load(Ordering::Relaxed),
        has_died: has_died.load(Ordering::Relaxed),
    })
}
