//! expect: WRONG
//! A pid never changes, so it is asked for once and kept. `fork` copies the memory, and the parent's pid with it.

use std::sync::OnceLock;

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

// region answer
static PID: OnceLock<u32> = OnceLock::new();

pub fn me() -> Node {
    Node {
        pid: *PID.get_or_init(std::process::id),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}
// end region

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let (count, rest) = branching
        .split_first()
        .map_or((0, vec![]), |(count, rest)| (*count, rest.to_vec()));
    let children: Vec<Child<Vec<Node>>> = (0..count)
        .map(|_| {
            Process::new(grow, rest.clone())
                .start()
                .expect("a process can be started")
        })
        .collect();
    let mut nodes = vec![me()];
    stand(nodes[0]);
    for child in children {
        nodes.extend(child.join().expect("it returns its nodes"));
    }
    nodes
}
