//! What each process of a storm does, and the promises that it checks meanwhile.

use std::io::{PipeReader, Read, Write};
use std::sync::atomic::Ordering::SeqCst;

use core_process::Fd;
use serde::{Deserialize, Serialize};

use crate::notes::{ATTEMPTED, CAME, DONE, INSIDE, MOST, Notes, PRODUCERS, REDELIVERED};
use crate::subject::{From, Got, To};

/// So many values may be on their way where nothing else is a bound.
const ON_THEIR_WAY: u32 = 2000;

/// A value that shows whose it is, and whether it is whole.
#[derive(Serialize, Deserialize)]
pub(crate) struct Value {
    producer: u32,
    serial: u32,
    /// Each byte is the serial number's lowest.
    text: Vec<u8>,
    /// In which the number of the producer and of the value lie.
    file: Option<Fd<PipeReader>>,
}

impl Value {
    fn new(producer: u32, serial: u32, len: usize, has_file: bool) -> Self {
        let file = has_file.then(|| {
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(&producer.to_le_bytes()).unwrap();
            writer.write_all(&serial.to_le_bytes()).unwrap();
            Fd::from(reader)
        });
        Self {
            producer,
            serial,
            text: vec![serial as u8; len],
            file,
        }
    }

    /// Whether it is as it was put.
    fn is_whole(&self) -> bool {
        let file_is_own = self.file.as_ref().is_none_or(|file| {
            let (mut producer, mut serial) = ([0; 4], [0; 4]);
            let mut reader: &PipeReader = file;
            reader.read_exact(&mut producer).is_ok()
                && reader.read_exact(&mut serial).is_ok()
                && (u32::from_le_bytes(producer), u32::from_le_bytes(serial)) == (self.producer, self.serial)
        });
        file_is_own
            && (self.producer as usize) < PRODUCERS
            && self.text.iter().all(|byte| *byte == self.serial as u8)
    }
}

/// Most are small; some go over every edge, and some make the ring grow.
fn length(random: &mut fastrand::Rng) -> usize {
    match random.u32(..1000) {
        0 => random.usize(100_000..400_000),
        1..10 => random.usize(1000..40_000),
        _ => random.usize(0..150),
    }
}

/// Puts one value after another until the storm is over.
pub(crate) fn produce(to: To, notes: Notes, me: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    // What the one before began to put is there or not: its number is not given again.
    let mut serial = notes.value(ATTEMPTED + 4 * me);
    while !notes.is_over() {
        if serial + 1 >= MOST || notes.on_their_way() > ON_THEIR_WAY {
            std::thread::yield_now();
            continue;
        }
        serial += 1;
        let has_file = to.carries_files() && serial.is_multiple_of(2);
        let value = Value::new(me as u32, serial, length(&mut random), has_file);
        notes.word(ATTEMPTED + 4 * me).store(serial, SeqCst);
        if let Err(error) = to.put(&value) {
            notes.violated(&format!("a put: {error}"));
        }
        notes.word(DONE + 4 * me).store(serial, SeqCst);
    }
}

/// Gets one value after another until the end.
pub(crate) fn consume(from: From, notes: Notes, me: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    // Of each producer: what one process gets comes in the order in which it was put.
    let mut last = [0; PRODUCERS];
    loop {
        notes.word(INSIDE + 4 * me).store(1, SeqCst);
        match from.get() {
            Ok(Got::Value(value)) => {
                if !value.is_whole() {
                    notes.violated("a torn value");
                    continue;
                }
                let producer = value.producer as usize;
                if value.serial <= last[producer] {
                    notes.violated(&format!(
                        "value {} of {producer} came after {}",
                        value.serial, last[producer]
                    ));
                }
                last[producer] = value.serial;
                if notes.got(producer, value.serial) {
                    notes.violated(&format!("value {} of {producer} came twice", value.serial));
                }
                notes.add(CAME);
            }
            Ok(Got::Task(item)) => {
                if !item.is_whole() {
                    notes.violated("a torn value");
                    continue;
                }
                if item.deliveries() > 1 {
                    notes.add(REDELIVERED);
                } else {
                    notes.add(CAME);
                }
                if random.u8(..) < 8 {
                    item.nack();
                } else {
                    let had_come = notes.got(item.producer as usize, item.serial);
                    if had_come && item.deliveries() == 1 {
                        notes.violated(&format!(
                            "task {} of {} was done, and is given as new",
                            item.serial, item.producer
                        ));
                    }
                    item.task_done();
                }
            }
            Ok(Got::End) => {
                notes.word(INSIDE + 4 * me).store(0, SeqCst);
                return;
            }
            Err(error) => notes.violated(&format!("a get: {error}")),
        }
        notes.word(INSIDE + 4 * me).store(0, SeqCst);
    }
}
