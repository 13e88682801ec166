//! Checks of lesson 2.1: a process says what it is, asked in the main process, in children of every kind, and by other threads.

use core_process::{Process, StartMethod};
use grader::{Draw, Evidence, Findings, Scenario, Verdict};
use serde::{Deserialize, Serialize};

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// The main process: nobody of this program started it.
    Main,
    /// A process that was started from the main one (depth 1), from a child of it (depth 2), and so on.
    Child {
        /// How many starts lie between the main process and this one.
        depth: usize,
    },
}

/// What one process of the line answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answers {
    pid: u32,
    main_thread: Who,
    second_thread: Who,
}

/// The situations that an answer is put into: a line of processes, each started by the one before.
pub fn scenarios<A>(who: A) -> Vec<Scenario>
where
    A: Fn() -> Who + Copy + Send + 'static,
{
    vec![Scenario::new(
        "a line of processes",
        draw,
        move |line| ask_all(who, line),
        judge,
    )]
}

fn draw(draw: &mut Draw) -> Vec<StartMethod> {
    let methods = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];
    let length = draw.size_in(1..=4);
    draw.list(length, |draw| *draw.pick(&methods))
}

/// Asks this process, then starts the rest of the line; returns the answers from here to its end.
fn ask_all<A>(who: A, mut line: Vec<StartMethod>) -> Vec<Answers>
where
    A: Fn() -> Who + Copy + Send + 'static,
{
    let second_thread = std::thread::spawn(who)
        .join()
        .expect("the answer does not panic in a second thread");
    let mut answers = vec![Answers {
        pid: std::process::id(),
        main_thread: who(),
        second_thread,
    }];
    if let Some(method) = line.pop() {
        let rest = Process::new(move |line: Vec<StartMethod>| ask_all(who, line), line).method(method);
        let child = rest.start().expect("a process can be started");
        answers.extend(child.join().expect("the answer does not panic in a child"));
    }
    answers
}

fn judge(line: &Vec<StartMethod>, seen: &Evidence<Vec<Answers>>, found: &mut Findings) {
    let Some(answers) = &seen.value else { return };
    assert_eq!(answers.len(), line.len() + 1, "each process of the line answers");
    for (depth, answer) in answers.iter().enumerate() {
        let pid = answer.pid;
        let (is, method) = match depth {
            0 => (Who::Main, "the main process".to_owned()),
            // The line is eaten from its end.
            _ => (
                Who::Child { depth },
                format!("started by {}", line[line.len() - depth]),
            ),
        };
        let id = if depth == 0 { "main" } else { "depth" };
        found.check(id, Verdict::Wrong, answer.main_thread == is, || {
            format!(
                "pid {pid} ({method}) is {is:?}; its answer was {:?}",
                answer.main_thread
            )
        });
        found.check("thread", Verdict::Wrong, answer.second_thread == is, || {
            format!(
                "pid {pid} ({method}) is {is:?}; a second thread of it answered {:?}",
                answer.second_thread
            )
        });
    }
}
