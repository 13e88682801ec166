//! The tracer: turns ptrace's reports into births, execs and ends, and lets the tracees go on.
//!
//! Every report but the last of a task leaves it stopped; whoever is stopped is resumed here, with exceptions: a
//! process in a group stop keeps it (`PTRACE_LISTEN`), and the main process is *held* at its end until the caller has
//! looked at what it leaves behind (and the killed for a while, where [`Linger`] is to show who does not wait for them). Positions are taken while the task is stopped, so no event of it can be misplaced.
//!
//! Knows nothing of budgets and deadlines.

use std::collections::HashMap;

use super::family::{Birth, Family};
use super::linger::Linger;
use super::outcome::Delivered;
use super::procfs;
use super::spec::Deaths;
use super::sys::{self, Report, Resume};
use crate::inject::Injector;
use core_process::{Signal, Status};

/// What the tracer knows of one thread.
struct Task {
    /// The process (thread group) that it belongs to.
    process: i32,
    /// It has passed its exit event.
    exiting: bool,
}

/// All traced threads of a run.
pub(crate) struct Tracees {
    tasks: HashMap<i32, Task>,
    main: i32,
    held: Option<i32>,
    main_over: bool,
    linger: Linger,
    /// Births, execs and ends so far: that they grow is progress.
    pub(crate) events: u64,
}

/// What a report is seen against.
pub(crate) struct Scene<'a> {
    pub(crate) family: &'a mut Family,
    pub(crate) injector: &'a mut Injector,
    pub(crate) position: &'a dyn Fn() -> u64,
}

impl Tracees {
    /// Begins with the main process, already attached and in the family.
    pub(crate) fn new(main: i32, deaths: Deaths) -> Tracees {
        let task = Task {
            process: main,
            exiting: false,
        };
        Tracees {
            tasks: HashMap::from([(main, task)]),
            main,
            held: None,
            main_over: false,
            linger: Linger::new(deaths),
            events: 0,
        }
    }

    /// Threads that are attached.
    pub(crate) fn threads(&self) -> usize {
        self.tasks.len()
    }

    /// The main process has ended and is held at its last moment, its children still its own.
    pub(crate) fn is_main_held(&self) -> bool {
        self.held.is_some()
    }

    /// Lets the dying go whose time has come.
    pub(crate) fn look_at_the_dying(&mut self, family: &mut Family, at: u64) {
        if self.is_main_held() {
            self.linger.let_go(family, at);
        } else {
            self.linger.look(family, at);
        }
    }

    /// Lets the held main process end, and from now on holds nobody.
    pub(crate) fn hold_nobody(&mut self, family: &mut Family, at: u64) {
        self.main_over = true;
        if let Some(tid) = self.held.take() {
            resume(tid, Resume::Free, 0);
        }
        self.linger.let_go(family, at);
    }

    /// Takes one report and lets the task go on.
    pub(crate) fn accept(&mut self, tid: i32, report: Report, scene: &mut Scene<'_>) {
        match report {
            Report::Exited(_) | Report::Signaled(_) => {
                if let Some(status) = ending(report) {
                    self.last_report(tid, status, scene);
                }
            }
            Report::Continued => {}
            Report::Event { event, signal } => self.event(tid, event, signal, scene),
            Report::Syscall => {
                self.meet(tid, None, scene);
                if let Some(pid) = self.process_of(tid) {
                    scene.injector.at_call(tid, pid, scene.family, (scene.position)());
                }
                self.go_on(tid, 0, scene);
            }
            Report::Signal(signal) => {
                self.meet(tid, None, scene);
                self.note_signal(tid, signal, scene);
                self.go_on(tid, signal, scene);
            }
        }
    }

    fn event(&mut self, tid: i32, event: i32, signal: i32, scene: &mut Scene<'_>) {
        self.meet(tid, None, scene);
        match event {
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                if let Ok(child) = sys::event_message(tid) {
                    self.meet(child as i32, Some((tid, event)), scene);
                }
                self.go_on(tid, 0, scene);
            }
            libc::PTRACE_EVENT_EXEC => {
                self.exec(tid, scene);
                self.go_on(tid, 0, scene);
            }
            libc::PTRACE_EVENT_EXIT => self.exit(tid, scene),
            libc::PTRACE_EVENT_STOP if is_stop_signal(signal) => {
                if let Some(member) = self.process_of(tid).and_then(|pid| scene.family.member(pid)) {
                    member.stopped = Some(signal);
                }
                resume(tid, Resume::Listen, 0);
            }
            libc::PTRACE_EVENT_STOP => {
                // The first stop of a newborn, or the end of a group stop.
                if let Some(member) = self.process_of(tid).and_then(|pid| scene.family.member(pid)) {
                    member.stopped = None;
                }
                self.go_on(tid, 0, scene);
            }
            _ => self.go_on(tid, 0, scene),
        }
    }

    /// Makes a task known, at its own first report or at its maker's, whichever comes first. In both cases it has not
    /// run an instruction yet.
    fn meet(&mut self, tid: i32, maker: Option<(i32, i32)>, scene: &mut Scene<'_>) {
        let maker_process = maker.and_then(|(tid, _)| self.process_of(tid));
        let is_attached = self.tasks.contains_key(&tid);
        if is_attached && maker.is_none() {
            return;
        }
        let stat = procfs::stat(tid);
        // It has reported before its maker did: it may even have ended meanwhile, and been waited for.
        let is_known = match &stat {
            Some(stat) => scene.family.knows(tid, stat.start),
            None => scene.family.place(tid).is_some(),
        };
        if is_known {
            if let (Some(maker), Some(member)) = (maker_process, scene.family.member(tid)) {
                member.record.made_by = maker;
            }
            return;
        }
        if is_attached {
            return;
        }
        let identity = procfs::identity(tid);
        let process = match (identity, maker) {
            (Some(identity), _) => identity.tgid,
            // Killed and reaped between its birth and now. Most clones are threads, and a thread leaves no record.
            (None, Some((_, libc::PTRACE_EVENT_CLONE))) => return,
            (None, _) => tid,
        };
        let start = stat.as_ref().map_or(0, |stat| stat.start);
        if process == tid {
            let ppid = identity
                .map(|identity| identity.ppid)
                .or(maker_process)
                .unwrap_or(0);
            let made_by = maker_process.unwrap_or(ppid);
            scene.family.born(Birth {
                pid: tid,
                ppid,
                made_by,
                start,
                at: (scene.position)(),
            });
            self.linger.born((scene.position)());
        }
        self.events += 1;
        self.tasks.insert(
            tid,
            Task {
                process,
                exiting: false,
            },
        );
    }

    fn exec(&mut self, tid: i32, scene: &mut Scene<'_>) {
        // All other threads are gone; the one that called exec has taken over the process's id. Its former id and
        // those that have not reported their end will not report it any more.
        self.tasks
            .retain(|other, task| task.process != tid || *other == tid);
        self.tasks.insert(
            tid,
            Task {
                process: tid,
                exiting: false,
            },
        );
        self.events += 1;
        if let Some(member) = scene.family.member(tid) {
            member.alive = true;
            member.record.ended_at = None;
            member.record.status = None;
            member.record.execs += 1;
            if let Some(name) = procfs::name(tid) {
                member.record.name = name;
            }
        }
        scene.injector.at_exec(tid);
    }

    fn exit(&mut self, tid: i32, scene: &mut Scene<'_>) {
        let Some(task) = self.tasks.get_mut(&tid) else {
            return resume(tid, Resume::Free, 0);
        };
        task.exiting = true;
        let pid = task.process;
        let is_last = !self
            .tasks
            .values()
            .any(|task| task.process == pid && !task.exiting);
        self.events += 1;
        if let Some(member) = scene.family.member(pid) {
            // A later thread's end overwrites: the process wrote until then.
            member.record.ended_at = Some((scene.position)());
            if let Some(name) = procfs::name(pid) {
                member.record.name = name;
            }
        }
        if !is_last {
            return resume(tid, Resume::Free, 0);
        }
        let status = sys::event_message(tid).ok().and_then(|word| status(word as i32));
        scene.family.ended(pid, status, (scene.position)());
        if pid == self.main && !self.main_over {
            self.held = Some(tid);
        } else if self.main_over || self.held.is_some() || !self.linger.hold(tid, pid, status) {
            resume(tid, Resume::Free, 0);
        }
    }

    fn last_report(&mut self, tid: i32, status: Status, scene: &mut Scene<'_>) {
        match self.tasks.remove(&tid) {
            Some(task) if task.process == tid => {
                self.tasks.retain(|_, task| task.process != tid);
                self.events += 1;
                scene.family.ended(tid, Some(status), (scene.position)());
                if tid == self.main {
                    // The warden is its parent, so the report has reaped it.
                    self.held = None;
                    if let Some(member) = scene.family.member(tid) {
                        member.gone = true;
                    }
                }
            }
            Some(_) => {}
            // Reported as a tracee already: now as a zombie that has become the warden's own child.
            None if scene.family.place(tid).is_some() => {
                if let Some(member) = scene.family.member(tid) {
                    member.gone = true;
                }
            }
            None => {
                let at = (scene.position)();
                scene
                    .family
                    .born(Birth {
                        pid: tid,
                        ppid: 0,
                        made_by: 0,
                        start: 0,
                        at,
                    })
                    .gone = true;
                scene.family.ended(tid, Some(status), at);
            }
        }
    }

    fn note_signal(&mut self, tid: i32, signal: i32, scene: &mut Scene<'_>) {
        let Some(signal) = Signal::new(signal).filter(|signal| *signal != Signal::CHLD) else {
            return;
        };
        let main_over = self.main_over || self.held.is_some();
        if let Some(member) = self.process_of(tid).and_then(|pid| scene.family.member(pid)) {
            let at = (scene.position)();
            member.record.signals.push(Delivered { signal, at });
            if main_over && member.told.is_none() {
                member.told = Some(signal);
            }
        }
    }

    fn go_on(&self, tid: i32, signal: i32, scene: &Scene<'_>) {
        let place = self.process_of(tid).and_then(|pid| scene.family.place(pid));
        let how = match place {
            Some(place) if scene.injector.counts_calls_of(place) => Resume::ToSyscall,
            _ => Resume::Free,
        };
        resume(tid, how, signal);
    }

    fn process_of(&self, tid: i32) -> Option<i32> {
        self.tasks.get(&tid).map(|task| task.process)
    }
}

/// The meaning of a wait status that says how a process ended.
pub(crate) fn status(word: i32) -> Option<Status> {
    ending(sys::decode(word))
}

/// How a process ended, if that is what was reported.
pub(crate) fn ending(report: Report) -> Option<Status> {
    match report {
        Report::Exited(code) => Some(Status::Exited(code)),
        Report::Signaled(signal) => Some(Signal::new(signal).map_or(Status::Unknown, Status::Signaled)),
        _ => None,
    }
}

fn is_stop_signal(signal: i32) -> bool {
    [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU].contains(&signal)
}

/// A tracee may be killed at any moment, even while it is stopped; its end is then reported, so an error here is not
/// lost.
fn resume(tid: i32, how: Resume, signal: i32) {
    let _ = sys::resume(tid, how, signal);
}
