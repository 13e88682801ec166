//! The fuzz targets of `crates/ipc/fuzz` under stable Rust: every input of the checked-in corpus, and then random ones, 60 s in all.
//!
//! `IPC_FUZZ_SECONDS` makes it longer or shorter, `IPC_FUZZ_SEED` repeats a run. Each target runs in a process of its own, so that an
//! abort is a failure, too. The input at hand is in a file before it is played; the file of one that fails stays, and its path is
//! printed with the failure. Measured are: no panic, no abort, no hang (a watchdog), no descriptor left open, and no more memory than
//! a few times the bytes that were received.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that counts what the allocator is asked for, and whose seeds are its output"
)]
#![allow(unreachable_pub, reason = "the targets are a library elsewhere")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use core_process::{Process, StartMethod};

#[path = "../fuzz/src/lib.rs"]
mod targets;

core_process::divert_before_main!();

/// The seconds of all targets together.
const SECONDS: u64 = 60;
const TARGETS: u64 = 4;

/// An input that takes longer hangs.
const HANG: Duration = Duration::from_secs(20);

/// The longest input that is made here.
const LONGEST: usize = 4096;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    LIVE.set(LIVE.get() + change);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain thread-local cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those that `System` needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Target {
    name: &'static str,
    run: fn(&[u8]),
    /// What an input may cost beyond a few times its own bytes.
    allowance: usize,
    /// How many descriptors may be there for a while that were not there before.
    lingering: usize,
}

const FRAME: Target = Target {
    name: "frame",
    run: targets::frame::run,
    allowance: 64 << 10,
    lingering: 0,
};

/// A stranger who has gone is sent away when the listener looks next.
const HANDSHAKE: Target = Target {
    name: "handshake",
    run: targets::handshake::run,
    allowance: 64 << 10,
    lingering: 4,
};

const DESCRIPTORS: Target = Target {
    name: "descriptors",
    run: targets::descriptors::run,
    allowance: 256 << 10,
    lingering: 0,
};

/// What the queue's own memory holds can be got out of it: 64 KiB, and what was put.
const RING: Target = Target {
    name: "ring",
    run: targets::ring::run,
    allowance: 1 << 20,
    lingering: 0,
};

/// For each byte received so much may be allocated: a text of no letters takes one byte there and 24 here.
const FOR_EACH_BYTE: usize = 64;

#[test]
fn fuzz_frame() {
    fuzz(&FRAME);
}

#[test]
fn fuzz_handshake() {
    fuzz(&HANDSHAKE);
}

#[test]
fn fuzz_descriptors() {
    fuzz(&DESCRIPTORS);
}

#[test]
fn fuzz_ring() {
    fuzz(&RING);
}

fn fuzz(target: &Target) {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seconds = number("IPC_FUZZ_SECONDS").unwrap_or(SECONDS) / TARGETS;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = number("IPC_FUZZ_SEED").unwrap_or(now) | 1;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}-{seed}", target.name));
    println!("{}: seed {seed}, {seconds} s", target.name);
    let child = Process::new(play, (target.name.to_owned(), seed, seconds, file.clone()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    match child.join_timeout(Duration::from_secs(seconds) + 3 * HANG) {
        Ok(said) => {
            println!("{}: {said}", target.name);
            let _ = fs::remove_file(file);
        }
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            panic!(
                "{}, seed {seed}: {error}\nthe input is in {}",
                target.name,
                file.display()
            );
        }
    }
}

/// Which input is being played, for the watchdog; 0: none.
static PLAYING: AtomicU64 = AtomicU64::new(0);

fn play(name: String, seed: u64, seconds: u64, file: PathBuf) -> String {
    let all = [FRAME, HANDSHAKE, DESCRIPTORS, RING];
    let target = all.into_iter().find(|target| target.name == name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(&name);
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let corpus: Vec<Vec<u8>> = names.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty(), "{} has no inputs", folder.display());
    let record = File::create(&file).unwrap();
    thread::spawn(watch);

    // What is made once is made: buffers of the thread, listeners.
    corpus.iter().for_each(|input| (target.run)(input));
    let before = open();
    let mut random = Random(seed);
    let begin = Instant::now();
    let (mut played, mut most) = (0_u64, 0);
    let mut check = |input: &[u8]| {
        record.write_all_at(input, 0).unwrap();
        record.set_len(input.len() as u64).unwrap();
        played += 1;
        PLAYING.store(played, Ordering::Relaxed);
        let live = LIVE.get();
        PEAK.set(live);
        let outcome = catch_unwind(|| (target.run)(input));
        let cost = (PEAK.get() - live) as usize;
        PLAYING.store(0, Ordering::Relaxed);
        outcome.unwrap_or_else(|_| panic!("input {played} has broken a promise"));
        let allowed = FOR_EACH_BYTE * input.len() + target.allowance;
        assert!(cost <= allowed, "{} bytes cost {cost}", input.len());
        most = most.max(cost);
        if played.is_multiple_of(64) {
            let now = open();
            assert!(
                now <= before + target.lingering,
                "{now} descriptors, {before} before"
            );
        }
    };
    corpus.iter().for_each(|input| check(input));
    while begin.elapsed() < Duration::from_secs(seconds) {
        check(&random.changed(&corpus));
    }
    format!("{played} inputs, none of which took more than {most} bytes of memory")
}

fn open() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn watch() {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        thread::sleep(Duration::from_millis(500));
        let now = PLAYING.load(Ordering::Relaxed);
        if now == 0 || now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > HANG {
            eprintln!("input {now} hangs");
            std::process::abort();
        }
    }
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end.max(1)
    }

    /// A number that is likelier than others to be a border of something.
    fn number(&mut self) -> u64 {
        const BORDERS: [u64; 12] = [
            0,
            1,
            2,
            7,
            0xFF,
            1 << 16,
            u32::MAX as u64,
            1 << 32,
            1 << 62,
            i64::MAX as u64,
            1 << 63,
            u64::MAX,
        ];
        match self.below(3) {
            0 => BORDERS[self.below(BORDERS.len())],
            1 => BORDERS[self.below(BORDERS.len())]
                .wrapping_add(self.below(17) as u64)
                .wrapping_sub(8),
            _ => self.next() as u64,
        }
    }

    /// One of the inputs, changed in some places.
    fn changed(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(6) {
            let at = self.below(input.len() + 1);
            let rest = input.len() - at;
            match self.below(9) {
                0 if rest > 0 => input[at] ^= 1 << self.below(8),
                1 if rest > 0 => input[at] = self.number() as u8,
                2 => input.truncate(at),
                3 => input.insert(at, self.number() as u8),
                4 if rest > 0 => drop(input.remove(at)),
                5 if rest >= 8 => {
                    let number = self.number().to_le_bytes();
                    input[at..at + 8].copy_from_slice(&number);
                }
                6 => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len() + 1);
                    let end = from + self.below(other.len() - from + 1);
                    input.splice(at..at, other[from..end].iter().copied());
                }
                7 => {
                    let block = input[at..at + self.below(rest + 1)].to_vec();
                    input.splice(at..at, block);
                }
                _ => {
                    let count = self.below(64);
                    input.extend((0..count).map(|_| self.next() as u8));
                }
            }
        }
        input.truncate(LONGEST);
        input
    }
}
