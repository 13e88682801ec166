//! Lesson 2.6, another right answer: the parent tells each child what it cannot ask; the pids of a generation are gathered by
//! `join_all`, in the order of their ends.

use core_process::{Child, Process, Until, current, is_main, join_all, parent};

use super::check::{Node, stand};

/// What the calling process says of itself.
pub fn me() -> Node {
    let me = current();
    let parent = if is_main() { None } else { parent() };
    Node {
        pid: me.pid,
        parent: parent.map(|parent| parent.pid()),
        depth: me.path.len(),
    }
}

/// Grows a tree below the calling process and returns all its nodes.
pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    grow_below(None, 0, branching)
}

fn grow_below(parent: Option<u32>, depth: usize, mut branching: Vec<usize>) -> Vec<Node> {
    let pid = std::process::id();
    let count = if branching.is_empty() {
        0
    } else {
        branching.remove(0)
    };
    let recipe = Process::new(grow_below, (Some(pid), depth + 1, branching));
    let children: Vec<Child<Vec<Node>>> = (0..count)
        .map(|_| recipe.start().expect("a process can be started"))
        .collect();
    let mut nodes = vec![Node { pid, parent, depth }];
    stand(nodes[0]);
    for (_, below) in join_all(&children, Until::forever()).finished {
        nodes.extend(below.expect("it returns its nodes"));
    }
    nodes
}
