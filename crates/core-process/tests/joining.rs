//! Waiting for a child: when it returns, what it leaves, who may.
#![allow(clippy::unwrap_used, reason = "a test")]

mod gate;
mod isolated;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use core_process::{
    Child, ChildError, ForkProcess, JoinError, Process, SignalError, StartMethod, Status, StopSource, Until,
    WaitError, active_children, exit, join_all, wait_any,
};
use gate::{Gate, gate};
use isolated::by_each_method;

core_process::divert_before_main!();

fn behind(gate: Gate) -> u8 {
    gate.pass();
    7
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The letter of a process's state; `None` where the kernel's table does not have it.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits for the end and leaves the zombie.
fn ended(child: &impl AsFd) {
    wait_any(&[child], Until::forever()).unwrap();
}

#[test]
fn p16_is_alive_from_the_start_to_the_end() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        assert!(child.is_alive());
        // Who did not start it may ask, and is told the truth; CPython refuses.
        let seen = ForkProcess::new(|| (child.is_alive(), child.status() == Status::Running))
            .start()
            .unwrap();
        assert_eq!(seen.join().unwrap(), (true, true));
        opener.open();
        ended(&child);
        let seen = ForkProcess::new(|| (child.is_alive(), child.status()))
            .start()
            .unwrap();
        assert_eq!(seen.join().unwrap(), (false, Status::Unknown));
        assert!(!child.is_alive());
        assert_eq!(state(child.pid()), None, "reaped");
        assert_eq!(child.join().unwrap(), 7, "nobody took the value");
    }
    by_each_method(case);
}

#[test]
fn p17_join_waits_reaps_and_may_be_repeated() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        assert_eq!(active_children().len(), 1);
        std::thread::scope(|scope| {
            let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| child.join())).collect();
            opener.open();
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), Ok(7));
            }
        });
        assert_eq!(state(child.pid()), None);
        assert!(active_children().is_empty());
        assert_eq!((child.join(), child.try_join()), (Ok(7), Some(Ok(7))));
        assert_eq!(child.join_timeout(Duration::ZERO), Ok(7));
    }
    by_each_method(case);
}

#[test]
fn p18_a_join_with_a_limit_says_that_it_timed_out() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        let begin = Instant::now();
        let limit = Duration::from_millis(20);
        assert_eq!(child.join_timeout(limit), Err(JoinError::TimedOut));
        assert!(begin.elapsed() >= limit);
        assert_eq!(child.join_timeout(Duration::ZERO), Err(JoinError::TimedOut));
        assert_eq!(
            child.join_until(begin),
            Err(JoinError::TimedOut),
            "a moment that has passed"
        );
        assert!(matches!(child.wait_until(begin), Err(WaitError::TimedOut)));
        let stop = StopSource::new().unwrap();
        stop.stop();
        assert_eq!(child.join_until(&stop.token()), Err(JoinError::Stopped));
        assert!(child.is_alive());
        opener.open();
        assert_eq!(child.join_timeout(isolated::WATCHDOG), Ok(7));
    }
    by_each_method(case);
}

#[test]
fn p19_who_did_not_start_a_child_cannot_join_or_signal_it() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        let creator = std::process::id();
        let stranger = ForkProcess::new(|| {
            let refused = ChildError::NotParent { creator };
            assert_eq!(child.join(), Err(refused.clone()));
            assert_eq!(child.try_join(), Some(Err(refused.clone())));
            assert_eq!(
                child.join_timeout(Duration::ZERO),
                Err(JoinError::Failed(refused.clone()))
            );
            assert_eq!(child.wait(), Err(refused));
            assert!(matches!(child.wait_until(Duration::ZERO), Err(WaitError::Os(_))));
            for refused in [child.terminate(), child.kill(), child.interrupt()] {
                assert!(matches!(refused, Err(SignalError::NotParent { creator: by }) if by == creator));
            }
            assert!(active_children().is_empty(), "it is no child of this process");
        });
        stranger.start().unwrap().join().unwrap();
        opener.open();
        assert_eq!(child.join(), Ok(7));
    }
    by_each_method(case);
}

#[test]
fn p20_a_dropped_child_costs_nothing_and_a_running_one_stays_known() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let recipe = Process::new(behind, gate).method(method);
        // The first start opens what the library keeps.
        let first = recipe.start().unwrap();
        opener.open();
        first.join().unwrap();
        drop(first);
        let before = descriptors();

        let child = recipe.start().unwrap();
        assert_eq!(descriptors(), before + 1);
        opener.open();
        child.join().unwrap();
        drop(child);
        assert_eq!(descriptors(), before);

        let pid = recipe.start().unwrap().pid();
        assert_eq!(descriptors(), before + 1, "it runs, and is waited for at the end");
        let found = active_children().pop().unwrap();
        assert_eq!(found.pid(), pid);
        opener.open();
        assert_eq!(found.wait().unwrap(), Status::Exited(0));
        drop(found);
        assert_eq!(descriptors(), before);
    }
    by_each_method(case);
}

#[test]
fn p21_a_child_is_a_descriptor_that_gets_ready_at_its_end() {
    fn case(method: StartMethod) {
        let (opener, gate) = gate();
        let (_never, closed) = self::gate();
        let waiting = Process::new(behind, closed).method(method).start().unwrap();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        let both = [&waiting, &child];
        assert!(matches!(
            wait_any(&both, Duration::ZERO),
            Err(WaitError::TimedOut)
        ));
        opener.open();
        assert_eq!(wait_any(&both, Until::forever()).unwrap(), [1]);
        assert_eq!(wait_any(&both, Until::forever()).unwrap(), [1], "it stays ready");
        child.join().unwrap();
        assert_eq!(
            wait_any(&both, Until::forever()).unwrap(),
            [1],
            "after the join, too"
        );
        waiting.kill().unwrap();
        waiting.wait().unwrap();
    }
    by_each_method(case);
}

#[test]
fn p39_many_children_each_with_its_code() {
    fn case(method: StartMethod) {
        let start = |code| {
            Process::new(|code: i32| -> () { exit(code) }, code)
                .method(method)
                .start()
                .unwrap()
        };
        let children: Vec<Child<()>> = (0..24).map(start).collect();
        let all = join_all(&children, Until::forever());
        assert!(all.running.is_empty());
        assert_eq!(all.finished.len(), children.len());
        for (at, result) in all.finished {
            assert_eq!(result, Err(ChildError::Exited { code: at as i32 }));
        }
        assert!(active_children().is_empty());
    }
    by_each_method(case);
}

#[test]
fn p40_an_ended_child_is_a_zombie_until_somebody_looks() {
    fn case(method: StartMethod) {
        let recipe = Process::new(|| (), ()).method(method);
        let zombie = || {
            let child = recipe.start().unwrap();
            ended(&child);
            assert_eq!(state(child.pid()), Some('Z'));
            child
        };
        let looks: [fn(&Child<()>); 5] = [
            |child| child.join().unwrap(),
            |child| assert!(child.try_join().is_some()),
            |child| assert!(!child.is_alive()),
            |child| assert_eq!(child.status(), Status::Exited(0)),
            |_| assert!(active_children().is_empty()),
        ];
        for look in looks {
            let child = zombie();
            look(&child);
            assert_eq!(state(child.pid()), None);
        }
        let pid = {
            let child = zombie();
            child.pid()
        };
        assert_eq!(state(pid), None, "dropping it looks");

        // One that was given up while it ran: the next start looks.
        let (opener, gate) = gate();
        let child = Process::new(behind, gate).method(method).start().unwrap();
        let (pid, pidfd) = (child.pid(), child.as_fd().try_clone_to_owned().unwrap());
        drop(child);
        opener.open();
        ended(&pidfd);
        assert_eq!(state(pid), Some('Z'));
        recipe.start().unwrap().join().unwrap();
        assert_eq!(state(pid), None);
    }
    by_each_method(case);
}
