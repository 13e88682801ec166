//! expect: WRONG
//! The operating system knows every process's parent, so it is asked. It answers with the parent of today.

use core_process::{Child, Process, current, is_main};

use super::check::{Node, stand};

// region answer
pub fn me() -> Node {
    let parent = std::os::unix::process::parent_id();
    Node {
        pid: std::process::id(),
        parent: if is_main() { None } else { Some(parent) },
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
