//! expect: WRONG
//! The kernel's number of the calling thread. In a main thread it is the pid, so it looks right for a long time.

use core_process::{Child, Process, current, parent};

use super::check::{Node, stand};

// region answer
pub fn me() -> Node {
    // A link to `<pid>/task/<thread>`.
    let own = std::fs::read_link("/proc/thread-self").expect("this is Linux");
    let number = own
        .file_name()
        .and_then(|name| name.to_str())
        .expect("it has a name");
    Node {
        pid: number.parse().expect("the name is a number"),
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
