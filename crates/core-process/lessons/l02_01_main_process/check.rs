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
    name: String,
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
        move |line| act(who, line),
        judge,
    )]
}

/// How one process of the line is started.
#[derive(Debug, Serialize, Deserialize)]
struct Start {
    method: StartMethod,
    /// The name that it is given; `None` for the automatic one.
    name: Option<String>,
}

/// What one run is given.
pub struct Line {
    /// The name that the main process gives itself.
    renamed: Option<String>,
    /// The processes below it; the last is started first.
    starts: Vec<Start>,
}

fn draw(draw: &mut Draw) -> Line {
    let methods = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];
    // Names say nothing: some look like the automatic name of another place in the tree.
    let names = [None, Some("worker"), Some("Process-2:1:1"), Some("MainProcess")];
    let length = draw.size_in(1..=4);
    let starts = draw.list(length, |draw| Start {
        method: *draw.pick(&methods),
        name: draw.pick(&names).map(str::to_owned),
    });
    let renamed = draw.one_in(2).then(|| "conductor".to_owned());
    Line { renamed, starts }
}

fn act<A>(who: A, line: Line) -> Vec<Answers>
where
    A: Fn() -> Who + Copy + Send + 'static,
{
    if let Some(name) = line.renamed {
        core_process::rename(name);
    }
    ask_all(who, line.starts)
}

/// Asks this process, then starts the rest of the line; returns the answers from here to its end.
fn ask_all<A>(who: A, mut starts: Vec<Start>) -> Vec<Answers>
where
    A: Fn() -> Who + Copy + Send + 'static,
{
    let second_thread = std::thread::spawn(who)
        .join()
        .expect("the answer does not panic in a second thread");
    let mut answers = vec![Answers {
        pid: std::process::id(),
        name: core_process::current().name,
        main_thread: who(),
        second_thread,
    }];
    if let Some(Start { method, name }) = starts.pop() {
        let mut rest = Process::new(move |starts: Vec<Start>| ask_all(who, starts), starts).method(method);
        if let Some(name) = name {
            rest = rest.name(name);
        }
        let child = rest.start().expect("a process can be started");
        answers.extend(child.join().expect("the answer does not panic in a child"));
    }
    answers
}

fn judge(line: &Line, seen: &Evidence<Vec<Answers>>, found: &mut Findings) {
    let Some(answers) = &seen.value else { return };
    let starts = &line.starts;
    assert_eq!(
        answers.len(),
        starts.len() + 1,
        "each process of the line answers"
    );
    for (depth, answer) in answers.iter().enumerate() {
        let (pid, name) = (answer.pid, &answer.name);
        let (is, how) = match depth {
            0 => (Who::Main, "the main process".to_owned()),
            // The line is eaten from its end.
            _ => (
                Who::Child { depth },
                format!("started by {}", starts[starts.len() - depth].method),
            ),
        };
        let id = if depth == 0 { "main" } else { "depth" };
        found.check(id, Verdict::Wrong, answer.main_thread == is, || {
            format!(
                "pid {pid} ({how}, named {name:?}) is {is:?}; its answer was {:?}",
                answer.main_thread
            )
        });
        found.check("thread", Verdict::Wrong, answer.second_thread == is, || {
            format!(
                "pid {pid} ({how}, named {name:?}) is {is:?}; a second thread of it answered {:?}",
                answer.second_thread
            )
        });
    }
}
