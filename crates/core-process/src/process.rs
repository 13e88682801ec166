//! The recipe for a process: a target, its arguments, and how to start it.
//!
//! Invariant: a recipe is never running. Each `start` makes a new child, which is a [`Child`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::start::{self, Request, Work};
use crate::{Child, StartError, StartMethod, Stdio, Target, Until, codec, target};

/// What a child does when its parent has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ParentDeath {
    /// It ends at once (CPython leaves it running as an orphan, row X07).
    #[default]
    Exit,
    /// It goes on; [`parent`](crate::parent) tells it. Nobody will read its result.
    Continue,
}

/// All of a recipe but target and arguments.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    pub(crate) daemon: bool,
    pub(crate) method: Option<StartMethod>,
    pub(crate) parent_death: ParentDeath,
    pub(crate) environment: Vec<Change>,
    pub(crate) current_dir: Option<PathBuf>,
    pub(crate) stdio: [Stdio; 3],
}

/// One change to the environment, in the order given.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Set(OsString, OsString),
    Remove(OsString),
    Clear,
}

impl Change {
    /// Refuses what no environment can hold.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let (name, value) = match self {
            Self::Set(name, value) => (name.as_os_str(), value.as_os_str()),
            Self::Remove(name) => (name.as_os_str(), OsStr::new("")),
            Self::Clear => return Ok(()),
        };
        let (bytes, zero) = (name.as_bytes(), value.as_bytes().contains(&0));
        if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) || zero {
            let why = format!(
                "the environment cannot hold {name:?}={value:?}: a name is not empty and has no `=`, and neither has a NUL byte"
            );
            return Err(StartError::Argument(why));
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            daemon: false,
            method: None,
            parent_death: ParentDeath::Exit,
            environment: Vec::new(),
            current_dir: None,
            stdio: [Stdio::null(), Stdio::inherit(), Stdio::inherit()],
        }
    }
}

/// The builder methods that [`Process`] and [`ForkProcess`] share.
macro_rules! options {
    () => {
        /// A name, to find it by and to be seen in `ps` (the first 15 bytes); it need not be unique.
        pub fn name(mut self, name: impl Into<String>) -> Self {
            self.options.name = Some(name.into());
            self
        }

        /// Terminated when this process ends, rather than waited for; it may have no children (CPython rows P25, P26).
        pub fn daemon(mut self) -> Self {
            self.options.daemon = true;
            self
        }

        /// Whether the child outlives this process; by default it does not.
        pub fn on_parent_death(mut self, policy: ParentDeath) -> Self {
            self.options.parent_death = policy;
            self
        }

        /// Sets a variable of the child's environment, which otherwise is this process's at the start.
        pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
            let change = Change::Set(name.as_ref().to_owned(), value.as_ref().to_owned());
            self.options.environment.push(change);
            self
        }

        /// Takes a variable out of the child's environment.
        pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
            self.options
                .environment
                .push(Change::Remove(name.as_ref().to_owned()));
            self
        }

        /// Takes all variables out, those set so far included.
        pub fn env_clear(mut self) -> Self {
            self.options.environment.push(Change::Clear);
            self
        }

        /// The child's working directory, which otherwise is this process's at the start.
        pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
            self.options.current_dir = Some(dir.as_ref().to_owned());
            self
        }

        /// Where the child reads; null by default.
        pub fn stdin(mut self, stream: impl Into<Stdio>) -> Self {
            self.options.stdio[0] = stream.into();
            self
        }

        /// Where the child prints; this process's stdout by default.
        pub fn stdout(mut self, stream: impl Into<Stdio>) -> Self {
            self.options.stdio[1] = stream.into();
            self
        }

        /// Where the child reports; this process's stderr by default.
        pub fn stderr(mut self, stream: impl Into<Stdio>) -> Self {
            self.options.stdio[2] = stream.into();
            self
        }
    };
}

/// A recipe: what to run in a process of its own, with which arguments, and how.
///
/// ```
/// use core_process::Process;
///
/// fn add(a: u64, b: u64) -> u64 {
///     a + b
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     core_process::init();
///     let recipe = Process::new(add, (40, 2)).name("adder");
///     let (first, second) = (recipe.start()?, recipe.start()?);
///     assert_ne!(first.pid(), second.pid());
///     assert_eq!((first.join()?, second.join()?), (42, 42));
///     Ok(())
/// }
/// ```
///
/// A target that captures is refused by the compiler, which says to pass values as arguments. A recipe whose arguments can be
/// cloned can be cloned.
#[must_use = "a recipe does nothing until it is started"]
pub struct Process<F, A, M> {
    args: A,
    options: Options,
    target: PhantomData<fn() -> (F, M)>,
}

// By hand: a derived one would ask for `F: Debug` and `M: Clone`, which no function and no marker has.
impl<F, A: Clone, M> Clone for Process<F, A, M> {
    fn clone(&self) -> Self {
        Self {
            args: self.args.clone(),
            options: self.options.clone(),
            target: PhantomData,
        }
    }
}

impl<F, A, M> fmt::Debug for Process<F, A, M> {
    /// What it would start (CPython row P43); the arguments are not shown, they need not be printable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("target", &format_args!("{}", target::name_of::<F>()))
            .field("name", &self.options.name)
            .field("method", &self.options.method)
            .field("daemon", &self.options.daemon)
            .finish_non_exhaustive()
    }
}

impl<F, A, M> Process<F, A, M>
where
    F: Target<A, M>,
    A: Serialize + DeserializeOwned,
{
    /// A recipe for `target(args)`: `()` for no argument, the value itself for one, a tuple for more. Arguments are copied to
    /// the child by value at each start; what the child does to its copy stays there.
    pub fn new(target: F, args: A) -> Self {
        // The type is all there is to a target; taking the value proves that there is one.
        let _ = target;
        Self {
            args,
            options: Options::default(),
            target: PhantomData,
        }
    }

    options!();

    /// How to start it; by default what [`start_method`](crate::start_method) says.
    pub fn method(mut self, method: StartMethod) -> Self {
        self.options.method = Some(method);
        self
    }

    /// Starts a child. It runs beside this process from now on; `join` waits for its value.
    ///
    /// # Errors
    /// [`StartError`]: this process never called `init`, is a daemon, is at a limit, or has arguments that cannot be encoded.
    /// Nothing is left behind then. What goes wrong *in* the child is told by `join`.
    #[track_caller]
    pub fn start(&self) -> Result<Child<F::Output>, StartError> {
        self.start_as(false, Until::forever())
    }

    /// [`start`](Self::start), and no waiting beyond `until`: a duration, an instant, a stop token, or a token with a duration.
    ///
    /// By `spawn` and `fork` this process waits for nobody, and it is the same as `start`. The forkserver may have to be waited for: it
    /// loads what [`set_forkserver_preload`](crate::set_forkserver_preload) says, it does another thread's start first, or somebody
    /// has stopped it (`SIGSTOP`). One that has the request and does not answer in time is killed, so that the request is void whatever
    /// becomes of it; the next start launches another, which loads anew: give it the time for that. A child that it had made
    /// already is no error: it is started.
    ///
    /// ```
    /// use core_process::Process;
    /// use std::time::Duration;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     core_process::init();
    ///     let child = Process::new(|| 6 * 7, ()).start_until(Duration::from_secs(10))?;
    ///     assert_eq!(child.join()?, 42);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`StartError::TimedOut`] names the forkserver and what it does instead; [`StartError::Stopped`]; else as for `start`.
    #[track_caller]
    pub fn start_until(&self, until: impl Into<Until>) -> Result<Child<F::Output>, StartError> {
        self.start_as(false, until.into())
    }

    /// [`start_until`](Self::start_until) with a duration.
    ///
    /// # Errors
    /// As for `start_until`.
    #[track_caller]
    pub fn start_timeout(&self, timeout: Duration) -> Result<Child<F::Output>, StartError> {
        self.start_until(timeout)
    }

    /// Starts a process of the library's own: it is in no list of children, has no number, and is ended with this process.
    pub(crate) fn start_helper(&self) -> Result<Child<F::Output>, StartError> {
        self.start_as(true, Until::forever())
    }

    #[track_caller]
    fn start_as(&self, is_helper: bool, until: Until) -> Result<Child<F::Output>, StartError> {
        let target = target::name_of::<F>();
        let entry = target::offset_of::<F, A, M>().ok_or(StartError::NotInImage { target })?;
        let arguments = codec::encode(&self.args)?;
        let request = Request {
            options: &self.options,
            work: Work::Entry { entry, arguments },
            is_helper,
            until,
        };
        Ok(Child::new(start::start(request)?))
    }
}

/// A recipe for a closure that may capture anything: started by `fork`, it finds its captures in the copied memory.
///
/// Refused while this process has more than one thread ([`StartError::ForkWithThreads`]).
///
/// ```
/// use core_process::ForkProcess;
///
/// fn main() {
///     core_process::init();
///     let words = vec!["fork", "copies", "memory"];
///     let child = ForkProcess::new(move || words.join(" ")).start().unwrap();
///     assert_eq!(child.join().unwrap(), "fork copies memory");
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a recipe does nothing until it is started"]
pub struct ForkProcess<F> {
    closure: F,
    options: Options,
}

impl<F, T> ForkProcess<F>
where
    F: Fn() -> T,
    T: Serialize + DeserializeOwned,
{
    /// A recipe for `closure()` in a copy of this process.
    pub fn new(closure: F) -> Self {
        Self {
            closure,
            options: Options {
                method: Some(StartMethod::Fork),
                ..Options::default()
            },
        }
    }

    options!();

    /// Forks a child that runs the closure and ends.
    ///
    /// # Errors
    /// As for [`Process::start`], and [`StartError::ForkWithThreads`].
    #[track_caller]
    pub fn start(&self) -> Result<Child<T>, StartError> {
        let run =
            || codec::encode(&(self.closure)()).map_err(|error| target::Failure::Result(error.to_string()));
        let request = Request {
            options: &self.options,
            work: Work::Closure(&run),
            is_helper: false,
            until: Until::forever(),
        };
        Ok(Child::new(start::start(request)?))
    }
}
