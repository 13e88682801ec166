//! expect: SERIAL
//! Who comes first stands first, and then has children. But to stand takes until the whole tree stands, the children too.

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
    let node = me();
    stand(node);
    let (count, rest) = branching.split_first().unwrap_or((&0, &[]));
    let recipe = Process::new(grow, rest.to_vec());
    let children: Vec<Child<Vec<Node>>> = (0..*count)
        .map(|_| recipe.start().expect("a process can be started"))
        .collect();
    let mut nodes = vec![node];
    for child in children {
        nodes.extend(child.join().expect("it returns its nodes"));
    }
    nodes
}
