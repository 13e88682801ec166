//! Checks of lesson 2.6: what a process says of its pid, its parent and its depth, held against the kernel's own record.

use std::panic::Location;

use core_process::probe::{self, Phase};
use core_process::{ParentDeath, Process, StartMethod};
use grader::work::{Counter, Gate, Rendezvous, note};
use grader::{Draw, Event, Evidence, Findings, Place, Scenario, Source, Verdict};
use serde::{Deserialize, Serialize};

/// What a process says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Node {
    /// Its pid.
    pub pid: u32,
    /// The pid of the process that started it; `None` in the main process.
    pub parent: Option<u32>,
    /// How many starts lie between the main process and this one.
    pub depth: usize,
}

/// The second function that the learner writes: grows a tree below the calling process, and returns all its nodes.
///
/// The first number says how many children the calling process has, the second how many each of these has, and so on.
pub type Grow = fn(branching: Vec<usize>) -> Vec<Node>;

/// The number of processes that the tree will have.
const SIZE: Counter = Counter::named("size of the tree");
const TREE: Rendezvous = Rendezvous::named("the whole tree");
const HERE: Gate = Gate::named("the orphan is here");
const TOLD: Gate = Gate::named("the orphan has told");
const ORPHAN: Counter = Counter::named("orphan");

/// Says who the calling process is, and stays until the whole tree stands. Start the children before.
#[track_caller]
pub fn stand(node: Node) {
    write_down(node, Some(Location::caller()));
    TREE.meet(SIZE.value() as u32);
}

const NODE: &str = "node";

/// Writes down what a process says of itself, beside who it is.
fn tell(node: Node) {
    write_down(node, None);
}

fn write_down(node: Node, caller: Option<&'static Location<'static>>) {
    note_starter();
    let value = i64::from(node.parent.unwrap_or(0)) | (node.depth as i64) << 32;
    probe::emit(NODE, Phase::Point, u64::from(node.pid), value, caller);
}

/// Writes down the parent of now. It counts once a process, the first time, when the one that started it is sure to live.
fn note_starter() {
    note(STARTER, i64::from(std::os::unix::process::parent_id()));
}

const STARTER: &str = "started by";

/// What a process said of itself.
fn said(event: &Event) -> Node {
    let parent = event.value as u32;
    Node {
        pid: event.object as u32,
        parent: (parent != 0).then_some(parent),
        depth: (event.value >> 32) as usize,
    }
}

/// The situations that an answer is put into.
pub fn scenarios<M>(me: M, grow: Grow) -> Vec<Scenario>
where
    M: Fn() -> Node + Copy + Send + 'static,
{
    vec![
        Scenario::new(
            "asked everywhere",
            |_| (),
            move |()| ask_everywhere(me),
            judge_asked,
        ),
        Scenario::new(
            "an orphan",
            draw_method,
            move |input: Method| ask_an_orphan(me, input.0),
            judge_orphan,
        ),
        Scenario::new(
            "a tree",
            draw_tree,
            move |input: Tree| plant(grow, input),
            judge_tree,
        ),
    ]
}

const METHODS: [StartMethod; 3] = [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

/// Asks the main process, then a child of every kind; of each the first thread and a second one.
fn ask_everywhere<M>(me: M)
where
    M: Fn() -> Node + Copy + Send + 'static,
{
    let both_threads = move || {
        tell(me());
        std::thread::spawn(move || tell(me()))
            .join()
            .expect("the answer does not panic in a second thread");
    };
    // Names say nothing of the place in the tree.
    core_process::rename("conductor");
    both_threads();
    for method in METHODS {
        let child = Process::new(both_threads, ())
            .name(format!("asked:by:{method}"))
            .method(method)
            .start()
            .expect("a process can be started");
        child.join().expect("the answer does not panic in a child");
    }
}

/// How the processes of a run are started.
pub struct Method(StartMethod);

fn draw_method(draw: &mut Draw) -> Method {
    Method(*draw.pick(&METHODS))
}

/// Starts a process that starts another one and ends; the other one is asked when its parent is gone.
fn ask_an_orphan<M>(me: M, method: StartMethod)
where
    M: Fn() -> Node + Copy + Send + 'static,
{
    let orphan = move || {
        ORPHAN.fetch_add(u64::from(std::process::id()));
        note_starter();
        HERE.open();
        if let Some(parent) = core_process::parent() {
            parent.join().expect("a parent can be waited for");
        }
        tell(me());
        TOLD.open();
    };
    let middle = move |method: StartMethod| {
        note_starter();
        let recipe = Process::new(orphan, ())
            .method(method)
            .on_parent_death(ParentDeath::Continue);
        let child = recipe.start().expect("a process can be started");
        HERE.wait();
        drop(child);
        core_process::exit_now(0)
    };
    let middle = Process::new(move |method: StartMethod| -> () { middle(method) }, method).method(method);
    let middle = middle.start().expect("a process can be started");
    middle.wait().expect("it is our child");
    TOLD.wait();
    // It is nobody's child here, so its end cannot be waited for, only seen.
    let pid = ORPHAN.value();
    while std::fs::exists(format!("/proc/{pid}")).unwrap_or(false) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// What one run is given.
pub struct Tree {
    branching: Vec<usize>,
}

impl Tree {
    /// How many processes stand at each depth.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![1];
        for children in &self.branching {
            widths.push(widths[widths.len() - 1] * children);
        }
        widths
    }
}

fn draw_tree(draw: &mut Draw) -> Tree {
    let depth = draw.size(3);
    let mut branching = draw.list(depth, |draw| draw.number(1..=3) as usize);
    // Now and then nobody is started at the end of the list.
    if draw.one_in(4) {
        branching.push(0);
    }
    while (Tree {
        branching: branching.clone(),
    })
    .widths()
    .iter()
    .sum::<usize>()
        > 16
    {
        branching.remove(0);
    }
    Tree { branching }
}

fn plant(grow: Grow, tree: Tree) -> Vec<Node> {
    SIZE.fetch_add(tree.widths().iter().sum::<usize>() as u64);
    grow(tree.branching)
}

fn judge_asked(_: &(), seen: &Evidence<()>, found: &mut Findings) {
    let told: Vec<&Event> = seen.journal.named(NODE).collect();
    assert!(
        seen.value.is_none() || told.len() == 8,
        "four processes are asked twice"
    );
    for event in told {
        judge_node(event, seen, found);
    }
}

fn judge_orphan(_: &Method, seen: &Evidence<()>, found: &mut Findings) {
    let told: Vec<&Event> = seen.journal.named(NODE).collect();
    found.check("itself", Verdict::NotAProcess, told.len() == 1, || {
        "the process whose parent had ended gave no answer".to_owned()
    });
    for event in told {
        judge_node(event, seen, found);
    }
}

fn judge_tree(input: &Tree, seen: &Evidence<Vec<Node>>, found: &mut Findings) {
    let told: Vec<&Event> = seen.journal.named(NODE).collect();
    let lines = || told.iter().map(|event| line(event)).collect::<Vec<_>>();
    let size: usize = input.widths().iter().sum();
    let shape = &input.branching;

    let mut speakers: Vec<i32> = told.iter().map(|event| event.pid).collect();
    speakers.sort_unstable();
    speakers.dedup();
    let real = speakers
        .iter()
        .all(|pid| *pid == seen.main_pid || seen.is_descendant(*pid) || !seen.exact);
    found
        .check(
            "itself",
            Verdict::NotAProcess,
            real && speakers.len() == told.len() && told.len() == size,
            || {
                format!(
                    "a tree of {shape:?} has {size} processes; `stand` was called {} times, by {} processes (pids {speakers:?})",
                    told.len(),
                    speakers.len()
                )
            },
        )
        .show_lines(lines);
    for event in &told {
        judge_node(event, seen, found);
    }

    for event in &told {
        let Some(depth) = depth_of(seen, event.pid) else {
            continue;
        };
        let wanted = input.branching.get(depth).copied().unwrap_or(0);
        let of_it = |child: &&i32| starter_of(seen, **child) == Some(event.pid);
        let children: Vec<i32> = speakers.iter().filter(of_it).copied().collect();
        found
            .check("shape", Verdict::Wrong, children.len() == wanted, || {
                format!(
                    "pid {} stands at depth {depth}, where {shape:?} asks for {wanted} children; it has {} (pids {children:?})",
                    event.pid,
                    children.len()
                )
            })
            .show_lines(lines)
            .at(first_start(seen));
    }

    let early = stood_before_its_children(seen);
    found
        .overlap("together", seen.meetings("the whole tree"), || {
            let met = seen.journal.about("the whole tree");
            let came = met.filter(|event| event.phase == Phase::Begin).count();
            let first = seen.descendants().find(|child| {
                child
                    .ended_at
                    .is_some_and(|end| told.iter().any(|event| event.seq >= end))
            });
            match first {
                _ if early.is_some() => format!(
                    "pid {} called `stand` before it had started its children, and `stand` waited for them in vain",
                    early.unwrap_or_default()
                ),
                Some(child) => format!(
                    "pid {} had already ended when others of the {size} processes were not there yet",
                    child.pid
                ),
                None => format!("{came} of the {size} processes came, and waited for the others in vain"),
            }
        })
        .show_lines(lines)
        .at(first_start(seen));

    if let Some(nodes) = &seen.value {
        let mut returned = nodes.clone();
        let mut all: Vec<Node> = told.iter().map(|event| said(event)).collect();
        returned.sort();
        all.sort();
        let missing: Vec<u32> = all
            .iter()
            .filter(|node| !returned.contains(node))
            .map(|node| node.pid)
            .collect();
        found
            .check("list", Verdict::Wrong, returned == all, || {
                format!(
                    "the tree has {} nodes, {} were returned; missing are those of pids {missing:?}",
                    all.len(),
                    returned.len()
                )
            })
            .show_lines(lines);
    }
}

/// A process that came to stand and started a child after that.
fn stood_before_its_children(seen: &Evidence<Vec<Node>>) -> Option<i32> {
    let starts = |pid: i32, after: u64| {
        let start = |event: &Event| event.source == Source::Library && event.name == "start";
        seen.journal
            .by_pid(pid)
            .any(|event| start(event) && event.seq > after)
    };
    seen.journal
        .about("the whole tree")
        .find(|event| event.phase == Phase::Begin && starts(event.pid, event.seq))
        .map(|event| event.pid)
}

/// Holds what a process said of itself against the kernel's record of it.
fn judge_node(event: &Event, seen: &Evidence<impl Sized>, found: &mut Findings) {
    let node = said(event);
    let pid = event.pid;
    let who = match (pid == seen.main_pid, event.tid == pid) {
        (true, true) => format!("pid {pid} (main)"),
        (true, false) => format!("a second thread of pid {pid} (main)"),
        (false, true) => format!("pid {pid}"),
        (false, false) => format!("a second thread of pid {pid}"),
    };
    found
        .check("own_pid", Verdict::Wrong, node.pid as i32 == pid, || {
            let what = match node.pid as i32 {
                said if said == event.tid => ", which is the number of the thread".to_owned(),
                said if seen.process(said).is_some() => ", which is another process of the tree".to_owned(),
                _ => String::new(),
            };
            format!("{who} says that its pid is {}{what}", node.pid)
        })
        .show_lines(|| family(seen, pid, event.seq))
        .at(event.location.as_ref());
    let parent = starter_of(seen, pid).map(|pid| pid as u32);
    let shown = |parent: Option<u32>| parent.map_or_else(|| "nobody".to_owned(), |pid| format!("pid {pid}"));
    found
        .check("parent", Verdict::Wrong, node.parent == parent, || {
            let stranger = node.parent.filter(|pid| seen.process(*pid as i32).is_none());
            format!(
                "{who} was started by {}; it says {}{}",
                if pid == seen.main_pid {
                    "nobody of the program".to_owned()
                } else {
                    shown(parent)
                },
                shown(node.parent),
                stranger.map_or("", |_| ", which is no process of the program")
            )
        })
        .show_lines(|| family(seen, pid, event.seq));
    if let Some(depth) = depth_of(seen, pid) {
        found.check("depth", Verdict::Wrong, node.depth == depth, || {
            format!("{who} stands at depth {depth}; it says {}", node.depth)
        });
    }
}

/// The process that started `pid`, by the kernel's word; `None` for the main one.
fn starter_of(seen: &Evidence<impl Sized>, pid: i32) -> Option<i32> {
    if pid == seen.main_pid {
        return None;
    }
    // Without ptrace the kernel is asked by the process itself, while the parent lives.
    let record = seen
        .process(pid)
        .filter(|_| seen.exact)
        .map(|process| process.ppid);
    record.or_else(|| {
        let mut own = seen.journal.by_pid(pid).filter(|event| event.name == STARTER);
        own.next().map(|event| event.value as i32)
    })
}

/// The line of processes from the main one to `pid`, and who had ended at `at`.
fn family(seen: &Evidence<impl Sized>, pid: i32, at: u64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut next = Some(pid);
    while let Some(pid) = next {
        next = starter_of(seen, pid);
        let gone = seen
            .process(pid)
            .and_then(|process| process.ended_at)
            .is_some_and(|end| end <= at);
        let of = next.map_or_else(
            || "(main)".to_owned(),
            |starter| format!("started by pid {starter}"),
        );
        let ended = if gone { ", had ended by then" } else { "" };
        // A process that does not come from the main one has a starter of which nothing is known.
        lines.push(if next.is_none() && pid != seen.main_pid {
            format!("pid {pid}{ended}")
        } else {
            format!("pid {pid} {of}{ended}")
        });
    }
    lines.reverse();
    lines
}

/// Where the answer starts its first process.
fn first_start(seen: &Evidence<impl Sized>) -> Option<&Place> {
    seen.descendants().find_map(|child| seen.started_at(child.pid))
}

/// How many starts lie between the main process and this one, by the kernel's word.
fn depth_of(seen: &Evidence<impl Sized>, mut pid: i32) -> Option<usize> {
    let mut depth = 0;
    while pid != seen.main_pid {
        pid = starter_of(seen, pid)?;
        depth += 1;
    }
    Some(depth)
}

fn line(event: &Event) -> String {
    let node = said(event);
    let parent = node
        .parent
        .map_or_else(|| "nobody".to_owned(), |pid| format!("pid {pid}"));
    format!(
        "pid {} stands and says: pid {}, started by {parent}, depth {}",
        event.pid, node.pid, node.depth
    )
}
