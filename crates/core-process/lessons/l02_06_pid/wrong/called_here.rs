//! expect: NOT_A_PROCESS
//! The recursion is right, and calls itself instead of starting a process.

use core_process::{current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    Node {
        pid: std::process::id(),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let mut nodes = vec![me()];
    stand(nodes[0]);
    if let Some((count, rest)) = branching.split_first() {
        for _ in 0..*count {
            nodes.extend(grow(rest.to_vec()));
        }
    }
    nodes
}
