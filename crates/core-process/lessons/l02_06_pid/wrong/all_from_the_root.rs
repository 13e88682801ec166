//! expect: WRONG
//! The main process counts how many nodes there are and starts them all. That is a broom and not a tree.

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    Node {
        pid: std::process::id(),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}

fn stand_alone() -> Node {
    let node = me();
    stand(node);
    node
}

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let mut width = 1;
    let mut children: Vec<Child<Node>> = Vec::new();
    for count in branching {
        width *= count;
        for _ in 0..width {
            children.push(
                Process::new(stand_alone, ())
                    .start()
                    .expect("a process can be started"),
            );
        }
    }
    let mut nodes = vec![stand_alone()];
    nodes.extend(
        children
            .iter()
            .map(|child| child.join().expect("it returns its node")),
    );
    nodes
}
