//! expect: WRONG
//! The depth is counted from the automatic name: `Process-1:2` stands at depth 2. Under another name it stands there too.

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

pub fn me() -> Node {
    let parent = parent().map(|parent| parent.pid());
    Node {
        pid: std::process::id(),
        parent,
        depth: match parent {
            None => 0,
            Some(_) => current().name.matches(':').count() + 1,
        },
    }
}

pub fn grow(branching: Vec<usize>) -> Vec<Node> {
    let (count, rest) = branching.split_first().unwrap_or((&0, &[]));
    let recipe = Process::new(grow, rest.to_vec());
    let children: Vec<Child<Vec<Node>>> = (0..*count)
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
