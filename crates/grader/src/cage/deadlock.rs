//! Who waits for whom: finds the processes that can never go on, and a ring among them.
//!
//! Pure. A process goes on if it is not blocked, or if *any* one that it waits for goes on (any writer of a pipe, any
//! child). Those for which that can never become true are dead-locked.

use std::collections::{HashMap, HashSet, VecDeque};

/// A process as a node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) pid: i32,
    /// It runs, sleeps for a time, or waits for something that could not be found out.
    pub(crate) may_go_on: bool,
    /// Processes that could make it go on.
    pub(crate) waits_for: Vec<i32>,
}

/// The shortest ring of dead-locked processes, each waiting for the next; of several, that with the earliest node.
/// A process that waits for itself alone is a ring of one, named only if there is no longer one.
pub(crate) fn ring(nodes: &[Node]) -> Vec<i32> {
    let stuck = deadlocked(nodes);
    let edges: HashMap<i32, &[i32]> = nodes
        .iter()
        .filter(|node| stuck.contains(&node.pid))
        .map(|node| (node.pid, &node.waits_for[..]))
        .collect();
    let order = nodes
        .iter()
        .map(|node| node.pid)
        .filter(|pid| stuck.contains(pid));
    let rings: Vec<Vec<i32>> = order.filter_map(|pid| back_to(pid, &edges)).collect();
    let shortest = rings
        .iter()
        .filter(|ring| ring.len() > 1)
        .min_by_key(|ring| ring.len());
    shortest.or_else(|| rings.first()).cloned().unwrap_or_default()
}

fn deadlocked(nodes: &[Node]) -> HashSet<i32> {
    let mut stuck: HashSet<i32> = nodes
        .iter()
        .filter(|node| !node.may_go_on)
        .map(|node| node.pid)
        .collect();
    loop {
        let freed: Vec<i32> = nodes
            .iter()
            .filter(|node| stuck.contains(&node.pid) && node.waits_for.iter().any(|pid| !stuck.contains(pid)))
            .map(|node| node.pid)
            .collect();
        if freed.is_empty() {
            return stuck;
        }
        for pid in freed {
            stuck.remove(&pid);
        }
    }
}

/// The shortest way from a process back to it; one through others is preferred to none.
fn back_to(start: i32, edges: &HashMap<i32, &[i32]>) -> Option<Vec<i32>> {
    let mut came_from: HashMap<i32, i32> = HashMap::new();
    let mut open = VecDeque::from([start]);
    let mut waits_for_itself = false;
    while let Some(pid) = open.pop_front() {
        for next in edges.get(&pid).copied().unwrap_or_default() {
            if *next == start {
                if pid == start {
                    waits_for_itself = true;
                    continue;
                }
                let mut ring = vec![pid];
                while let Some(before) = came_from.get(&ring[ring.len() - 1]) {
                    ring.push(*before);
                }
                ring.reverse();
                return Some(ring);
            }
            if edges.contains_key(next) && !came_from.contains_key(next) {
                came_from.insert(*next, pid);
                open.push_back(*next);
            }
        }
    }
    waits_for_itself.then(|| vec![start])
}

#[cfg(test)]
mod tests {
    use super::{Node, ring};

    fn stuck(pid: i32, waits_for: &[i32]) -> Node {
        Node {
            pid,
            may_go_on: false,
            waits_for: waits_for.to_vec(),
        }
    }

    #[test]
    fn two_that_wait_for_each_other() {
        assert_eq!(ring(&[stuck(1, &[2]), stuck(2, &[1])]), [1, 2]);
    }

    #[test]
    fn a_chain_into_a_ring_names_the_ring_alone() {
        assert_eq!(
            ring(&[stuck(1, &[2]), stuck(2, &[3]), stuck(3, &[4]), stuck(4, &[2])]),
            [2, 3, 4]
        );
    }

    #[test]
    fn one_that_holds_its_own_other_end() {
        assert_eq!(ring(&[stuck(1, &[2]), stuck(2, &[2])]), [2]);
        assert_eq!(
            ring(&[stuck(1, &[2]), stuck(2, &[2, 1])]),
            [1, 2],
            "a longer ring says more"
        );
    }

    #[test]
    fn any_helper_that_runs_frees_all() {
        let runs = Node {
            pid: 3,
            may_go_on: true,
            waits_for: vec![],
        };
        assert!(ring(&[stuck(1, &[2]), stuck(2, &[1, 3]), runs]).is_empty());
    }

    #[test]
    fn waiting_for_a_stopped_process_is_no_ring() {
        assert!(ring(&[stuck(1, &[2]), stuck(2, &[])]).is_empty());
    }
}
