//! Starting: what the three methods share, and the choice between them.
//!
//! A start writes a launch message and the encoded arguments to a [`StartBlock`], makes a direct child of this process that
//! holds the block's descriptor, and keeps the block's mapping and the child's pidfd.

mod block;
pub(crate) mod bootstrap;
mod fork;
mod forkserver;
mod go;
pub(crate) mod kept;
mod launch;
mod method;
mod outcome;
mod preload;
mod server;
mod spawn;
mod turn;

use std::os::fd::{OwnedFd, RawFd};
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Instant;

pub(crate) use block::{StartBlock, State};
pub(crate) use forkserver::{is_waited_for, own_descriptors};
pub(crate) use kept::BlockFile;
pub(crate) use launch::Launch;
pub use method::{
    AlreadySet, Context, StartMethod, UnknownMethod, available_methods, reset_start_method, set_start_method,
    start_method,
};
pub use preload::{PreloadPanic, set_forkserver_preload, set_forkserver_preload_with};

use crate::codec::Encoded;
use crate::error::STEP_PROCESS;
use crate::handle::ChildState;
use crate::probe::{self, Phase};
use crate::process::{Change, Options, ParentDeath};
use crate::stdio::Stream;
use crate::sys::image::main_image;
use crate::target::Failure;
use crate::{StartError, Until, authkey, current, exit, registry, returns};

/// What a child is to do.
pub(crate) enum Work<'a> {
    /// Call the entry at this offset.
    Entry { entry: u64, arguments: Encoded },
    /// Call this closure, in a copy of this process.
    Closure(&'a dyn Fn() -> Result<Encoded, Failure>),
}

/// One start.
pub(crate) struct Request<'a> {
    pub(crate) options: &'a Options,
    pub(crate) work: Work<'a>,
    pub(crate) is_helper: bool,
    /// How long to wait for a server.
    pub(crate) until: Until,
}

/// A process that was made for a block.
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
}

/// All that a method needs to make the process.
pub(crate) struct Plan<'a> {
    pub(crate) launch: Launch,
    pub(crate) options: &'a Options,
    pub(crate) work: Work<'a>,
    pub(crate) streams: [Stream; 3],
    pub(crate) home: Arc<OwnedFd>,
}

impl Plan<'_> {
    /// The block for this plan, with its launch message as it stands now and its arguments.
    fn block(&self) -> Result<(StartBlock, BlockFile), StartError> {
        let launch =
            postcard::to_stdvec(&self.launch).map_err(|error| StartError::Argument(error.to_string()))?;
        let arguments = match &self.work {
            Work::Entry { arguments, .. } => &arguments.bytes[..],
            Work::Closure(_) => &[],
        };
        self.block_with(&launch, arguments)
    }

    /// The block for a child that has this plan in its memory.
    fn block_without_message(&self) -> Result<(StartBlock, BlockFile), StartError> {
        self.block_with(&[], &[])
    }

    fn block_with(&self, launch: &[u8], arguments: &[u8]) -> Result<(StartBlock, BlockFile), StartError> {
        let (entry, descriptors) = match &self.work {
            Work::Entry { entry, arguments } => (*entry, arguments.descriptors.len() as u32),
            Work::Closure(_) => (0, 0),
        };
        let header = block::Header {
            parent: std::process::id(),
            descriptors,
            entry,
            build_id: main_image().build_id(),
            token: authkey::random_token(),
        };
        let contents = block::Contents {
            header,
            launch,
            arguments,
        };
        StartBlock::create(&contents)
            .map_err(|error| StartError::os("reserve the memory of the start", error))
    }

    /// Writes into the launch what a forked child has to do itself: the environment and the directory, where the recipe changes
    /// them, or where the process that forks has others than this one.
    fn carry_options(&mut self, differs: bool) -> Result<(), StartError> {
        if differs || !self.options.environment.is_empty() {
            let variables = spawn::environment(&self.options.environment);
            self.launch.environment =
                Some(variables.into_iter().map(|(n, v)| (n.into(), v.into())).collect());
        }
        self.launch.current_dir = match &self.options.current_dir {
            Some(dir) => Some(dir.clone().into_os_string().into()),
            None if differs => {
                let dir = std::env::current_dir()
                    .map_err(|error| StartError::os("find this process's working directory", error))?;
                Some(dir.into_os_string().into())
            }
            None => None,
        };
        Ok(())
    }

    /// For each standard stream the descriptor to put there, if it is to change.
    fn stream_sources(&self) -> [Option<RawFd>; 3] {
        let [stdin, stdout, stderr] = &self.streams;
        [stdin.source(), stdout.source(), stderr.source()]
    }

    /// The descriptors of the arguments.
    fn descriptors(&self) -> &[OwnedFd] {
        match &self.work {
            Work::Entry { arguments, .. } => &arguments.descriptors,
            Work::Closure(_) => &[],
        }
    }
}

/// Starts a child by the method that its recipe names, or the default.
#[track_caller]
pub(crate) fn start(request: Request<'_>) -> Result<Arc<ChildState>, StartError> {
    let me = current();
    if !bootstrap::is_initialised() {
        return Err(StartError::NotInitialised);
    }
    if me.is_daemon && !request.is_helper {
        return Err(StartError::Daemon);
    }
    exit::register();
    registry::sweep();

    let options = request.options;
    options.environment.iter().try_for_each(Change::check)?;
    let method = options.method.unwrap_or_else(start_method);
    let number = if request.is_helper {
        0
    } else {
        registry::next_number()
    };
    let path: Vec<u32> = me.path.iter().copied().chain([number]).collect();
    let name = options.name.clone().unwrap_or_else(|| automatic_name(&path));
    let launch = Launch {
        name: name.clone(),
        identity: path,
        daemon: options.daemon,
        method,
        parent_name: me.name,
        survives_parent: options.parent_death == ParentDeath::Continue,
        authkey: authkey::of_this_process(),
        environment: None,
        current_dir: None,
    };
    let open = |number| {
        let stream = &options.stdio[number as usize];
        if method == StartMethod::ForkServer && number == 0 && stream.is_null() {
            return Ok(Stream::Server);
        }
        stream
            .open(number)
            .map_err(|error| StartError::os("open a standard stream of the child", error))
    };
    let plan = Plan {
        launch,
        options,
        work: request.work,
        streams: [open(0)?, open(1)?, open(2)?],
        home: returns::sender().map_err(|error| StartError::os("open the way home for results", error))?,
    };
    let (started, block) = match method {
        StartMethod::Spawn => spawn::start(&plan)?,
        StartMethod::Fork => fork::start(plan)?,
        StartMethod::ForkServer => forkserver::start(plan, &request.until)?,
    };
    probe::emit(
        "start",
        Phase::Point,
        u64::from(started.pid),
        method as i64,
        Some(Location::caller()),
    );
    let state = Arc::new(ChildState {
        pid: started.pid,
        pidfd: started.pidfd,
        name: Mutex::new(name),
        daemon: options.daemon,
        method,
        started: Instant::now(),
        creator: std::process::id(),
        ended: Mutex::new(None),
        block: Mutex::new(block),
        returned: Mutex::new(None),
        is_helper: request.is_helper,
    });
    registry::add(state.clone());
    Ok(state)
}

/// `Process-1`, or `Process-1:2` for the second child of the first (CPython row P07).
fn automatic_name(path: &[u32]) -> String {
    let numbers: Vec<String> = path.iter().map(u32::to_string).collect();
    format!("Process-{}", numbers.join(":"))
}

/// Takes the descriptors, and writes nothing where there are none: what is written in a forked child is copied.
#[inline]
fn take_all(descriptors: &mut Vec<OwnedFd>) -> Vec<OwnedFd> {
    if descriptors.is_empty() {
        return Vec::new();
    }
    std::mem::take(descriptors)
}

/// The failure of the call that makes a process.
fn no_process(error: std::io::Error) -> StartError {
    StartError::os(STEP_PROCESS, error)
}
