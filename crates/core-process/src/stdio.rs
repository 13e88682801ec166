//! Where a child's standard streams lead.

use std::fs::File;
use std::io;
use std::mem::forget;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, OnceLock};

use crate::handle::lock;
use crate::sys::fd;

/// A standard stream of a child. By default stdin is null, as CPython's children have it (row P31), and the other two are
/// this process's.
#[derive(Debug, Clone)]
pub struct Stdio(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Inherit,
    Null,
    /// Shared, since a recipe can be cloned and started again.
    Descriptor(Arc<OwnedFd>),
}

impl Stdio {
    /// The stream of this process; null where that is closed.
    pub fn inherit() -> Self {
        Self(Kind::Inherit)
    }

    /// Reads end at once, writes vanish.
    pub fn null() -> Self {
        Self(Kind::Null)
    }

    /// Whether it is null, whatever this process has open.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0, Kind::Null)
    }

    /// A descriptor for the stream `number` of a child that is started now.
    pub(crate) fn open(&self, number: RawFd) -> io::Result<Stream> {
        match &self.0 {
            Kind::Descriptor(descriptor) if descriptor.as_raw_fd() > 2 => {
                Ok(Stream::Shared(descriptor.clone()))
            }
            Kind::Descriptor(descriptor) => fd::duplicate(descriptor)
                .map(Stream::Owned)
                .map_err(io::Error::from_raw_os_error),
            Kind::Inherit if is_open(number) => Ok(Stream::Inherited(number)),
            Kind::Inherit | Kind::Null => null(),
        }
    }
}

/// The null device, opened once: for most children of most programs it is stdin.
static NULL: Mutex<Option<Arc<OwnedFd>>> = Mutex::new(None);

/// A stream that leads nowhere.
fn null() -> io::Result<Stream> {
    let mut kept = lock(&NULL);
    if let Some(null) = kept.as_ref().filter(|null| is_null_device(null)) {
        return Ok(Stream::Shared(null.clone()));
    }
    // Somebody has closed what was kept (`closefrom`), and its number may be another's by now: it is not closed again.
    forget(kept.take());
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let null = fd::above_standard(null.into())?;
    if !is_null_device(&null) {
        return Ok(Stream::Owned(null));
    }
    let null = kept.insert(Arc::new(null));
    Ok(Stream::Shared(null.clone()))
}

fn is_null_device(descriptor: &OwnedFd) -> bool {
    rustix::fs::fstat(descriptor).is_ok_and(|status| {
        rustix::fs::FileType::from_raw_mode(status.st_mode).is_char_device()
            && status.st_rdev == rustix::fs::makedev(1, 3)
    })
}

/// The descriptor that this file keeps open in this process.
pub(crate) fn own_descriptors() -> Option<RawFd> {
    lock(&NULL).as_ref().map(AsRawFd::as_raw_fd)
}

fn is_open(number: RawFd) -> bool {
    match number {
        0 => rustix::io::fcntl_getfd(io::stdin()).is_ok(),
        1 => rustix::io::fcntl_getfd(io::stdout()).is_ok(),
        _ => rustix::io::fcntl_getfd(io::stderr()).is_ok(),
    }
}

impl<T: Into<OwnedFd>> From<T> for Stdio {
    /// A file, a pipe's end, a socket: `Stdio::from(File::create("log")?)`.
    fn from(descriptor: T) -> Self {
        Self(Kind::Descriptor(Arc::new(descriptor.into())))
    }
}

/// An open stream for one start.
#[derive(Debug)]
pub(crate) enum Stream {
    /// What the process that forks the child has there.
    Server,
    Inherited(RawFd),
    Owned(OwnedFd),
    Shared(Arc<OwnedFd>),
}

impl Stream {
    /// What `dup2` needs: nothing for a stream that is there already.
    pub(crate) fn source(&self) -> Option<RawFd> {
        match self {
            Self::Server | Self::Inherited(_) => None,
            Self::Owned(descriptor) => Some(descriptor.as_raw_fd()),
            Self::Shared(descriptor) => Some(descriptor.as_raw_fd()),
        }
    }

    /// The descriptor to send to a forkserver, which has none of this process's own.
    pub(crate) fn to_send(&self) -> Option<BorrowedFd<'_>> {
        Some(match self {
            Self::Server => return None,
            Self::Inherited(0) => standard(STDIN.get_or_init(io::stdin)),
            Self::Inherited(1) => standard(STDOUT.get_or_init(io::stdout)),
            Self::Inherited(_) => standard(STDERR.get_or_init(io::stderr)),
            Self::Owned(descriptor) => descriptor.as_fd(),
            Self::Shared(descriptor) => descriptor.as_fd(),
        })
    }
}

static STDIN: OnceLock<io::Stdin> = OnceLock::new();
static STDOUT: OnceLock<io::Stdout> = OnceLock::new();
static STDERR: OnceLock<io::Stderr> = OnceLock::new();

fn standard(stream: &'static impl AsFd) -> BorrowedFd<'static> {
    stream.as_fd()
}
