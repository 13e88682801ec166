//! What a process has that a test must not leave: descriptors, mappings of shared memory, children.
//!
//! Two looks that differ are a leak; what is made once for all is made before the first.

/// Counted at one moment.
///
/// ```
/// use grader::Belongings;
///
/// let before = Belongings::of_this_process();
/// let (reader, writer) = std::io::pipe()?;
/// assert_ne!(Belongings::of_this_process(), before);
/// drop((reader, writer));
/// assert_eq!(Belongings::of_this_process(), before);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belongings {
    /// Open ones.
    pub descriptors: usize,
    /// Of nameless shared memory.
    pub shared_mappings: usize,
    /// Of the calling thread: those that run, and those for which nobody has waited.
    pub children: usize,
    /// Names of shared memory in the system.
    pub dev_shm: usize,
}

impl Belongings {
    /// Looks. What cannot be read counts as nothing.
    pub fn of_this_process() -> Self {
        let entries = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        Self {
            descriptors: entries("/proc/self/fd"),
            shared_mappings: maps.lines().filter(|line| line.contains("memfd:")).count(),
            children: children.split_whitespace().count(),
            dev_shm: entries("/dev/shm"),
        }
    }
}
