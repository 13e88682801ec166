//! The objects against models of a few lines: random sequences of operations by three threads, one after another, on the real objects in
//! real shared memory, must come out as the model says. A sequence that does not is shrunk to a small one.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Debug;
use std::sync::mpsc::channel;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sync::{Barrier, BarrierError, BoundedSemaphore, Event, RLock, RwLock};

const ACTORS: usize = 3;

/// Each actor is a thread, and does its operations when it is its turn; every outcome is compared.
fn play<'a, Op, Out>(
    operations: &[(usize, Op)],
    actor: impl Fn() -> Box<dyn FnMut(Op) -> Out + 'a> + Sync,
    mut model: impl FnMut(usize, Op) -> Out,
) -> Result<(), TestCaseError>
where
    Op: Copy + Debug + Send,
    Out: Debug + PartialEq + Send,
{
    std::thread::scope(|scope| {
        let actors: Vec<_> = (0..ACTORS)
            .map(|_| {
                let ((tell, told), (answer, answered)) = (channel::<Op>(), channel());
                let actor = &actor;
                scope.spawn(move || {
                    let mut act = actor();
                    for operation in told {
                        answer.send(act(operation)).unwrap();
                    }
                });
                (tell, answered)
            })
            .collect();
        for (step, &(who, operation)) in operations.iter().enumerate() {
            actors[who].0.send(operation).unwrap();
            let found = actors[who].1.recv().unwrap();
            let expected = model(who, operation);
            prop_assert_eq!(
                found,
                expected,
                "step {}, {:?} by thread {}",
                step,
                operation,
                who
            );
        }
        Ok(())
    })
}

fn sequence<Op: Debug + Clone + 'static>(operations: Vec<Op>) -> impl Strategy<Value = Vec<(usize, Op)>> {
    prop::collection::vec((0..ACTORS, prop::sample::select(operations)), 0..40)
}

#[derive(Clone, Copy, Debug)]
enum OnLock {
    TryLock,
    Unlock,
    IsMine,
    IsLocked,
}

#[derive(Clone, Copy, Debug)]
enum OnSemaphore {
    TryAcquire,
    GiveBack,
    Release,
    Available,
}

#[derive(Clone, Copy, Debug)]
enum OnEvent {
    Set,
    Clear,
    IsSet,
    WaitNot,
}

#[derive(Clone, Copy, Debug)]
enum OnRwLock {
    TryRead,
    EndRead,
    TryWrite,
    EndWrite,
}

#[derive(Clone, Copy, Debug)]
enum OnBarrier {
    TryWait,
    Abort,
    Reset,
    IsBroken,
    Waiting,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_rlock_counts_the_levels_of_one_thread(
        operations in sequence(vec![OnLock::TryLock, OnLock::TryLock, OnLock::Unlock, OnLock::IsMine, OnLock::IsLocked])
    ) {
        let lock = RLock::new().unwrap();
        let (mut owner, mut depth) = (None, 0);
        play(
            &operations,
            || {
                let (lock, mut guards) = (&lock, Vec::new());
                Box::new(move |operation| match operation {
                    OnLock::TryLock => lock.try_lock().map_or(0, |guard| {
                        guards.push(guard);
                        guards.last().map_or(0, |guard| guard.depth())
                    }),
                    OnLock::Unlock => u32::from(guards.pop().is_some()),
                    OnLock::IsMine => u32::from(lock.is_mine()),
                    OnLock::IsLocked => u32::from(lock.is_locked()),
                })
            },
            |who, operation| match operation {
                OnLock::TryLock if owner.is_none_or(|owner| owner == who) => {
                    owner = Some(who);
                    depth += 1;
                    depth
                }
                OnLock::TryLock => 0,
                OnLock::Unlock if owner == Some(who) => {
                    depth -= 1;
                    owner = owner.filter(|_| depth > 0);
                    1
                }
                OnLock::Unlock => 0,
                OnLock::IsMine => u32::from(owner == Some(who)),
                OnLock::IsLocked => u32::from(owner.is_some()),
            },
        )?;
    }

    #[test]
    fn a_bounded_semaphore_keeps_its_permits(
        permits in 0_u32..4,
        operations in sequence(vec![
            OnSemaphore::TryAcquire, OnSemaphore::TryAcquire, OnSemaphore::GiveBack, OnSemaphore::Release, OnSemaphore::Available,
        ])
    ) {
        let semaphore = BoundedSemaphore::new(permits).unwrap();
        let (mut free, mut held) = (permits, [0; ACTORS]);
        play(
            &operations,
            || {
                let (semaphore, mut mine) = (&semaphore, Vec::new());
                Box::new(move |operation| match operation {
                    OnSemaphore::TryAcquire => u32::from(semaphore.try_acquire().map(|permit| mine.push(permit)).is_ok()),
                    OnSemaphore::GiveBack => u32::from(mine.pop().is_some()),
                    OnSemaphore::Release => u32::from(semaphore.release().is_ok()),
                    OnSemaphore::Available => semaphore.available(),
                })
            },
            |who, operation| match operation {
                OnSemaphore::TryAcquire if free > 0 => {
                    free -= 1;
                    held[who] += 1;
                    1
                }
                OnSemaphore::GiveBack if held[who] > 0 => {
                    free += 1;
                    held[who] -= 1;
                    1
                }
                // All permits that may exist do.
                OnSemaphore::TryAcquire | OnSemaphore::GiveBack | OnSemaphore::Release => 0,
                OnSemaphore::Available => free,
            },
        )?;
    }

    #[test]
    fn an_event_is_what_it_was_set_to_last(
        operations in sequence(vec![OnEvent::Set, OnEvent::Clear, OnEvent::IsSet, OnEvent::WaitNot])
    ) {
        let event = Event::new().unwrap();
        let mut is_set = false;
        play(
            &operations,
            || {
                let event = &event;
                Box::new(move |operation| match operation {
                    OnEvent::Set => { event.set(); true }
                    OnEvent::Clear => { event.clear(); false }
                    OnEvent::IsSet => event.is_set(),
                    OnEvent::WaitNot => event.wait_timeout(std::time::Duration::ZERO).is_ok(),
                })
            },
            |_, operation| {
                match operation {
                    OnEvent::Set => is_set = true,
                    OnEvent::Clear => is_set = false,
                    OnEvent::IsSet | OnEvent::WaitNot => {}
                }
                is_set
            },
        )?;
    }

    #[test]
    fn a_read_write_lock_lets_many_read_or_one_write(
        operations in sequence(vec![OnRwLock::TryRead, OnRwLock::EndRead, OnRwLock::TryWrite, OnRwLock::EndWrite])
    ) {
        let lock = RwLock::new().unwrap();
        let (mut reads, mut writer) = ([0_u32; ACTORS], None);
        play(
            &operations,
            || {
                let (lock, mut reading, mut writing) = (&lock, Vec::new(), None);
                Box::new(move |operation| match operation {
                    OnRwLock::TryRead => lock.try_read().map(|guard| reading.push(guard)).is_ok(),
                    OnRwLock::EndRead => reading.pop().is_some(),
                    OnRwLock::TryWrite => lock.try_write().map(|guard| writing = Some(guard)).is_ok(),
                    OnRwLock::EndWrite => writing.take().is_some(),
                })
            },
            |who, operation| match operation {
                OnRwLock::TryRead if writer.is_none() => { reads[who] += 1; true }
                OnRwLock::EndRead if reads[who] > 0 => { reads[who] -= 1; true }
                OnRwLock::TryWrite if writer.is_none() && reads == [0; ACTORS] => { writer = Some(who); true }
                OnRwLock::EndWrite if writer == Some(who) => { writer = None; true }
                _ => false,
            },
        )?;
    }

    #[test]
    fn a_barrier_is_broken_by_an_abort_until_a_reset(
        parties in 1_u32..3,
        operations in sequence(vec![
            OnBarrier::TryWait, OnBarrier::Abort, OnBarrier::Reset, OnBarrier::IsBroken, OnBarrier::Waiting,
        ])
    ) {
        let barrier = Barrier::new(parties).unwrap();
        let mut is_broken = false;
        play(
            &operations,
            || {
                let barrier = &barrier;
                Box::new(move |operation| match operation {
                    OnBarrier::TryWait => match barrier.try_wait() {
                        Ok(place) => format!("place {place}"),
                        Err(BarrierError::WouldBlock) => "would block".to_owned(),
                        Err(BarrierError::Broken) => "broken".to_owned(),
                        Err(other) => other.to_string(),
                    },
                    OnBarrier::Abort => { barrier.abort(); String::new() }
                    OnBarrier::Reset => { barrier.reset(); String::new() }
                    OnBarrier::IsBroken => barrier.is_broken().to_string(),
                    OnBarrier::Waiting => barrier.waiting().to_string(),
                })
            },
            |_, operation| match operation {
                OnBarrier::TryWait if is_broken => "broken".to_owned(),
                OnBarrier::TryWait if parties == 1 => "place 0".to_owned(),
                OnBarrier::TryWait => "would block".to_owned(),
                OnBarrier::Abort => { is_broken = true; String::new() }
                OnBarrier::Reset => { is_broken = false; String::new() }
                OnBarrier::IsBroken => is_broken.to_string(),
                OnBarrier::Waiting => "0".to_owned(),
            },
        )?;
    }
}
