//! expect: SERIAL
//! Each child is started and joined in one go. The map is right, and the tree that it shows has never stood.

use core_process::{Process, current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    Node {
        pid: std::process::id(),
        parent: parent().map(|parent| parent.pid()),
        depth: current().depth,
    }
}

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let node = me();
    let mut nodes = vec![node];
    if let Some((count, rest)) = branching.split_first() {
        for _ in 0..*count {
            let child = Process::new(grow, rest.to_vec())
                .start()
                .expect("a process can be started");
            nodes.extend(child.join().expect("it returns its nodes"));
        }
    }
    stand(node);
    nodes
}
