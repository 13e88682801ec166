//! A megabyte through shared memory: a new segment for each message, against one that is used again.
//!
//! `cargo bench -p core-process --bench pool`. One process is both ends, so that no start and no wake-up is in the figures: the sender's
//! copy in, the descriptor's duplicate, the receiver's mapping and copy out.
#![allow(clippy::unwrap_used, reason = "a benchmark")]
#![allow(missing_docs, reason = "criterion's macros make functions without")]

use std::os::fd::AsFd;

use core_process::shm::{Bounds, Pool, Segment};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const MESSAGE: usize = 1 << 20;

fn megabyte(criterion: &mut Criterion) {
    let message = vec![7_u8; MESSAGE];
    let mut received = vec![0_u8; MESSAGE];
    let mut group = criterion.benchmark_group("a megabyte");
    group
        .throughput(Throughput::Bytes(MESSAGE as u64))
        .sample_size(30);

    group.bench_function("new segments", |bencher| {
        bencher.iter(|| {
            let sent = Segment::create("bench", MESSAGE).unwrap();
            sent.write_bytes(0, &message);
            let descriptor = sent.as_fd().try_clone_to_owned().unwrap();
            Segment::open(descriptor, MESSAGE)
                .unwrap()
                .copy_to(0, &mut received);
        });
    });
    let (sender, receiver) = (Pool::new(Bounds::default()), Pool::new(Bounds::default()));
    group.bench_function("a pool, used again", |bencher| {
        bencher.iter(|| {
            let loan = sender.take(MESSAGE).unwrap();
            loan.write_bytes(0, &message);
            let borrowed = receiver.receive(loan.lend().unwrap(), MESSAGE).unwrap();
            borrowed.copy_to(0, &mut received);
        });
    });
    assert_eq!(sender.made(), 1);
    group.bench_function("a pool, new each time", |bencher| {
        bencher.iter(|| {
            let loan = Pool::new(Bounds::default()).take(MESSAGE).unwrap();
            loan.write_bytes(0, &message);
            let receiver = Pool::new(Bounds::default());
            let borrowed = receiver.receive(loan.lend().unwrap(), MESSAGE).unwrap();
            borrowed.copy_to(0, &mut received);
        });
    });
    group.finish();
}

criterion_group!(benches, megabyte);
criterion_main!(benches);
