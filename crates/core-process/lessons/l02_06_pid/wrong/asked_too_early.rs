//! expect: WRONG
//! The child's node is made where the child is started. An argument is computed there, so every child gets its parent's pid.

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    Node {
        pid: std::process::id(),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}

// region answer
pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    grow_below(me(), branching)
}

fn grow_below(node: Node, mut branching: Vec<usize>) -> Vec<Node> {
    let count = if branching.is_empty() {
        0
    } else {
        branching.remove(0)
    };
    let child = Node {
        pid: std::process::id(),
        parent: Some(node.pid),
        depth: node.depth + 1,
    };
    let recipe = Process::new(grow_below, (child, branching));
    // end region
    let children: Vec<Child<Vec<Node>>> = (0..count)
        .map(|_| recipe.start().expect("a process can be started"))
        .collect();
    let mut nodes = vec![node];
    stand(node);
    for child in children {
        nodes.extend(child.join().expect("it returns its nodes"));
    }
    nodes
}
