//! expect: LIMIT
//! Every child gets the list that its parent got, so each has as many children as the first, and so on without end.

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    Node {
        pid: std::process::id(),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let count = branching.first().copied().unwrap_or(0);
    let recipe = Process::new(grow, branching);
    let children: Vec<Child<Vec<Node>>> = (0..count)
        .map(|_| recipe.start().expect("a process can be started"))
        .collect();
    let node = me();
    stand(node);
    let mut nodes = vec![node];
    for child in children {
        nodes.extend(child.join().expect("it returns its nodes"));
    }
    nodes
}
