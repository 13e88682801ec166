//! `forkserver`: the client's side. A single-threaded copy of this program waits for requests and forks a child for each.
//!
//! Steps of a start, and what happens if somebody is killed there:
//!
//! 1. The request goes out: one packet with the block, the streams and the arguments' descriptors. Server
//!    killed before it reads: the block's pid word is 0; a new server gets the same request.
//! 2. The server forks a *sibling* (`sys/fork.rs`): a child of this process. The kernel writes its pid to the block inside the
//!    call. Server killed after it: the word is not 0, and the child is adopted by its pid, which cannot be reused, since it is
//!    our unreaped child.
//! 3. The answer brings the pidfd. From here on the server is of no importance to the child.
//!
//! If this process is killed: the server reads end-of-file and exits; a child that was just made finds that its parent is
//! another one and exits.

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{getegid, geteuid, getgid, getuid};

use super::server::{self, Answer};
use super::turn::Place;
use super::{BlockFile, Plan, StartBlock, Started, go, no_process, preload};
use crate::process::Options;
use crate::stdio::Stream;
use crate::sys::affinity::{self, Affinity};
use crate::sys::{fd, fdpass, fork, inherited, pidfd, poll, threads};
use crate::{Child, ChildError, StartError, StartMethod, Until, WaitError};

/// A running server, seen from its client.
struct Server {
    process: Child<()>,
    socket: OwnedFd,
    /// The environment and the directory that its forks begin with.
    environment: Vec<(OsString, OsString)>,
    current_dir: Option<std::path::PathBuf>,
    /// Whose it is, and its children's: this process's user and group at the launch, real and effective.
    owner: [u32; 4],
    /// The limits that it runs under: this process's at the launch.
    limits: [Option<(u64, u64)>; 2],
    /// The turn of the block that it has from the request before, to use it again.
    block: Option<u64>,
    /// On which processors it may run, where that is known: since it has said that it has made a child with them.
    affinity: Option<Affinity>,
    /// The processor that it was called to, and where it stays until it gets another affinity.
    called_to: Option<usize>,
}

/// Whether the last child was waited for as soon as it was started: then it, the server and this process took turns. (If the next one is
/// not, it begins up to a time slice later than it could have, once.)
static WAITED_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// So long after its start a wait for a child is still one at once.
const AT_ONCE: Duration = Duration::from_micros(50);

/// Somebody begins to wait for a child that was started then.
pub(crate) fn is_waited_for(started: Instant) {
    // Relaxed: it is a guess, and says nothing of any other memory.
    WAITED_AT_ONCE.store(started.elapsed() <= AT_ONCE, Ordering::Relaxed);
}

static SERVER: Place<Box<Server>> = Place::new();

/// The pid of the server that was launched last, to name it to who waits for another thread's turn.
static PID: AtomicU32 = AtomicU32::new(0);

/// Why a request brought no child.
enum Failed {
    /// The server has ended without an answer.
    Gone,
    Refused(StartError),
    /// There is an answer, and it could not be taken: no descriptor is free for the pidfd.
    Unheard(StartError),
    /// There was no answer in time, or the token was set.
    Late(StartError),
}

/// Whether a server can be started, and this kernel lets a fork be made a sibling.
pub(super) fn availability() -> Result<(), String> {
    super::spawn::availability()?;
    // The kernel does not change its mind.
    static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
    let asked = AVAILABLE.get_or_init(|| {
        fork::ThreadRegistration::of_this_thread()
            .map(drop)
            .map_err(|error| {
                format!("the kernel does not tell a thread's registrations (PR_GET_TID_ADDRESS): {error}")
            })
    });
    asked.clone()
}

pub(super) fn start(mut plan: Plan<'_>, until: &Until) -> Result<(Started, StartBlock), StartError> {
    let method = StartMethod::ForkServer;
    availability().map_err(|reason| StartError::Unavailable { method, reason })?;
    let mut running = SERVER
        .turn(until)
        .map_err(|why| late(why, "does another thread's start"))?;
    // A server that was killed is replaced once (CPython row C10); one that cannot live is an error.
    let mut replaced = false;
    loop {
        // Its children have its privileges: those that this process has given up must not come back by it.
        if let Some(other) = running.take_if(|server| server.owner != owner()) {
            other.end();
        }
        let server = match &mut *running {
            Some(server) => server,
            none => none.insert(Box::new(Server::launch()?)),
        };
        let changed = server.has_other_surroundings();
        plan.carry_options(changed)?;
        let (block, file) = plan.block()?;
        match server.request(&plan, &block, file, until) {
            Ok(Some(started)) => return Ok((started, block)),
            Ok(None) => {
                let missing = || no_process(std::io::ErrorKind::NotFound.into());
                let started = adopted(&block).unwrap_or_else(|| Err(missing()))?;
                return Ok((started, block));
            }
            // The limit may be the one that this process had when the server was launched.
            Err(Failed::Refused(StartError::Limit { .. })) if !replaced && server.limits != limits() => {
                if let Some(server) = running.take() {
                    server.end();
                }
            }
            Err(Failed::Refused(error)) => return Err(error),
            Err(Failed::Unheard(error) | Failed::Late(error)) => {
                // The child was made before the answer. The server goes: what it may say yet would be taken for the next answer.
                if let Some(server) = running.take() {
                    server.end();
                }
                let started = adopted(&block).unwrap_or_else(|| {
                    // Should it live on (as another user, whom this process may not signal), its child finds the block taken.
                    block.claim();
                    Err(error)
                })?;
                return Ok((started, block));
            }
            Err(Failed::Gone) => {
                let end = running.take().map(|server| {
                    let Server { process, socket, .. } = *server;
                    // Whatever made it silent: without its socket it ends.
                    drop(socket);
                    process.join()
                });
                if let Some(started) = adopted(&block) {
                    return Ok((started?, block));
                }
                if replaced || matches!(end, Some(Err(ChildError::Panicked { .. }))) {
                    let cause = end
                        .and_then(Result::err)
                        .map_or_else(|| "it ended".to_owned(), |error| error.to_string());
                    return Err(StartError::ForkServer { cause });
                }
            }
        }
        replaced = true;
    }
}

/// The child whose pid the kernel wrote down, though no pidfd came: the server could not make one, did not tell, or was not
/// heard.
fn adopted(block: &StartBlock) -> Option<Result<Started, StartError>> {
    match block.pid().load(Ordering::Relaxed) {
        0 => None,
        pid => {
            let pidfd = pidfd::adopt(pid).map_err(no_process);
            go::give(block);
            Some(pidfd.map(|pidfd| Started { pid, pidfd }))
        }
    }
}

fn owner() -> [u32; 4] {
    let ([user, effective], [group, effective_group]) = ([getuid(), geteuid()], [getgid(), getegid()]);
    [
        user.as_raw(),
        effective.as_raw(),
        group.as_raw(),
        effective_group.as_raw(),
    ]
}

/// The limits that can keep a server from making a child.
fn limits() -> [Option<(u64, u64)>; 2] {
    [Resource::RLIMIT_NOFILE, Resource::RLIMIT_NPROC].map(|resource| getrlimit(resource).ok())
}

impl Server {
    fn launch() -> Result<Self, StartError> {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| StartError::os("open the forkserver's socket", error.into()))?;
        let ours = fd::above_standard(ours)
            .map_err(|error| StartError::os("open the forkserver's socket", error))?;
        let work = preload::work_of_a_server(theirs.into())?;
        let options = Options {
            name: Some("forkserver".to_owned()),
            method: Some(StartMethod::Spawn),
            ..Options::default()
        };
        let state = super::start(super::Request {
            options: &options,
            work,
            is_helper: true,
            until: Until::forever(),
        })?;
        PID.store(state.pid, Ordering::Relaxed);
        Ok(Self {
            process: Child::new(state),
            socket: ours,
            environment: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().ok(),
            owner: owner(),
            limits: limits(),
            block: None,
            affinity: None,
            called_to: None,
        })
    }

    /// Ends the server and waits for it.
    fn end(self) {
        // End-of-file is its order to exit; the signal is for one that is not reading (stopped, or still preloading).
        drop(self.socket);
        // One that is another user's by now may not be signalled, and is not waited for.
        if self.process.kill().is_ok() {
            let _ = self.process.wait();
        }
    }

    /// Whether this process has changed its environment or directory since the server was started.
    fn has_other_surroundings(&self) -> bool {
        let mut known = self.environment.iter();
        let same = std::env::vars_os().all(|variable| known.next() == Some(&variable));
        !same || known.next().is_some() || self.current_dir != std::env::current_dir().ok()
    }

    /// Has the server make a child. `None`: it has, and has no pidfd of it.
    fn request(
        &mut self,
        plan: &Plan<'_>,
        block: &StartBlock,
        file: BlockFile,
        until: &Until,
    ) -> Result<Option<Started>, Failed> {
        let streams = plan.streams.each_ref().map(Stream::to_send);
        // It is known to have the block when it has made a child with it.
        let known = self.block.take();
        let has_it = block.turn().is_some() && block.turn() == known;
        // A child has the affinity of the thread that starts it.
        let affinity = Affinity::of_this_thread();
        let known_affinity = self.affinity.take();
        let is_called = WAITED_AT_ONCE.swap(false, Ordering::Relaxed)
            && has_it
            && affinity.is_some_and(|affinity| self.call_here(&affinity));
        if !is_called {
            self.called_to = None;
        }
        let request = server::Request {
            block: match block.turn() {
                Some(_) if has_it => server::Block::Same,
                Some(_) => server::Block::Again,
                None => server::Block::Once,
            },
            streams: streams.map(|stream| stream.is_some()),
            is_called,
        };
        let sent_affinity =
            affinity.filter(|affinity| is_called || known_affinity.as_ref() != Some(affinity));
        let mut bytes = [0; server::Request::MOST];
        let request = request.encode(sent_affinity.as_ref(), &mut bytes);
        let sent_block = (!has_it).then(|| file.as_fd());
        let descriptors: Vec<BorrowedFd<'_>> = sent_block
            .into_iter()
            .chain(streams.into_iter().flatten())
            .chain(plan.descriptors().iter().map(AsFd::as_fd))
            .collect();
        match fdpass::send(&self.socket, request, &descriptors) {
            Ok(()) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET)) => {
                return Err(Failed::Gone);
            }
            Err(error) => {
                return Err(Failed::Refused(StartError::os(
                    "send descriptors to the forkserver",
                    error,
                )));
            }
        }
        // Its number is free for the pidfd in the answer.
        drop(file);
        self.await_answer(until)?;
        let mut answer = [0; Answer::LENGTH];
        let (length, mut descriptors) = match fdpass::recv(&self.socket, &mut answer) {
            Ok(received) => received,
            Err(error) if error.raw_os_error() == Some(libc::ECONNRESET) => return Err(Failed::Gone),
            Err(error) => {
                // A packet whose descriptors find no number is an error without one.
                let code = error.raw_os_error().unwrap_or(libc::EMFILE);
                let error = std::io::Error::from_raw_os_error(code);
                return Err(Failed::Unheard(StartError::os("hear from the forkserver", error)));
            }
        };
        if length == 0 {
            return Err(Failed::Gone);
        }
        match (Answer::decode(&answer[..length]), descriptors.pop()) {
            (Some(Answer::Started { pid }), pidfd) => {
                // With one that is used once it has forgotten no other.
                self.block = block.turn().or(known);
                self.affinity = affinity.filter(|_| !is_called);
                Ok(pidfd.map(|pidfd| Started { pid, pidfd }))
            }
            (Some(Answer::Threads { threads }), _) => Err(Failed::Refused(StartError::ForkWithThreads {
                threads: threads as usize,
            })),
            (Some(Answer::Failed { code }), _) => Err(Failed::Refused(no_process(
                std::io::Error::from_raw_os_error(code),
            ))),
            _ => Err(Failed::Gone),
        }
    }

    /// Has the server run on the processor where this thread is, and nowhere else, until a request brings it its affinity back; whether
    /// it was called. It is to do what this thread waits for, so a second processor is of no use, and to wake one that is asleep takes
    /// some ten times as long as to give it this one. Its child begins here, too, and may move from its first instructions on.
    ///
    /// For a request that follows the end of a child that was waited for at once: this thread will wait again, and the server is
    /// waiting now. One that is running would have to be stopped and moved.
    fn call_here(&mut self, affinity: &Affinity) -> bool {
        let here = affinity::here();
        let Some(narrow) = affinity.narrowed_to(here) else {
            return false;
        };
        if !affinity::is_shared_fairly() {
            return false;
        }
        if self.called_to == Some(here) {
            return true;
        }
        // A pid is all that the call takes. It is the server's, unless that ends and is reaped by somebody else, and its number comes
        // round again, all between these two lines.
        let is_there = matches!(poll::is_readable(&self.process), Ok(false));
        if is_there {
            narrow.set_for(self.process.pid());
            self.called_to = Some(here);
        }
        is_there
    }

    /// Waits for an answer or the server's end. The socket alone would not do: a child that is stopped before it has closed its
    /// copy would keep end-of-file away.
    fn await_answer(&self, until: &Until) -> Result<(), Failed> {
        let ours = [self.socket.as_fd(), self.process.as_fd()];
        // The last may be there twice: there is always a third, without a list of its own.
        let token = until.token().map_or(ours[1], AsFd::as_fd);
        let mut all = [ours[0], ours[1], token].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        if let Err(error) = poll::poll_until(&mut all, until.deadline()) {
            return Err(Failed::Unheard(StartError::os(
                "wait for the forkserver",
                error.into(),
            )));
        }
        let [answer, end, token] = all.each_ref().map(|one| !one.revents().is_empty());
        if answer && all[0].revents().contains(PollFlags::IN) {
            Ok(())
        } else if answer || end {
            Err(Failed::Gone)
        } else if token {
            Err(Failed::Late(StartError::Stopped))
        } else {
            Err(Failed::Late(late(WaitError::TimedOut, "has not answered")))
        }
    }
}

/// The error of a start that waited for the server in vain.
fn late(why: WaitError, what: &str) -> StartError {
    let pid = PID.load(Ordering::Relaxed);
    match why {
        WaitError::Stopped => StartError::Stopped,
        WaitError::Os(error) => StartError::os("wait for the forkserver", error),
        WaitError::TimedOut => StartError::TimedOut {
            waited_for: match threads::state_of(pid) {
                Some(state) => format!("the forkserver (pid {pid}) {what}, and is {state}"),
                None => format!("the forkserver {what}"),
            },
        },
    }
}

/// Ends the server, if one runs, and waits for it.
pub(super) fn stop() {
    if let Ok(mut place) = SERVER.turn(&Until::forever())
        && let Some(server) = place.take()
    {
        server.end();
    }
}

/// The descriptors that this file keeps open in this process.
pub(crate) fn own_descriptors() -> Vec<i32> {
    let server = SERVER.turn(&Until::forever());
    server
        .iter()
        .flat_map(|place| place.as_ref())
        .flat_map(|server| [server.socket.as_raw_fd(), server.process.as_fd().as_raw_fd()])
        .collect()
}

/// In a forked child the server is its parent's: it must not be asked, and its socket must not stay open.
#[inline]
pub(super) fn after_fork() {
    if let Some(server) = SERVER.take_after_fork() {
        let server = ManuallyDrop::new(server);
        inherited::close(server.socket.as_raw_fd());
        inherited::close(server.process.as_fd().as_raw_fd());
        // Its memory is left alone: to free it would copy each of its pages.
    }
}
