//! `ShareableList`: its slots, and CPython on the other side.
#![allow(clippy::unwrap_used, reason = "a test")]

use core_process::Process;
use ipc::{ListError, ListItem, ShareableList, SharedMemory};

core_process::divert_before_main!();

mod python;
use python::python;

fn items() -> [ListItem; 7] {
    [
        7.into(),
        (-2.5).into(),
        true.into(),
        "seven".into(),
        b"bytes\0in".to_vec().into(),
        ListItem::None,
        "".into(),
    ]
}

fn set_first(list: ShareableList) -> ListItem {
    list.set(0, i64::MIN.into()).unwrap();
    list.get(3).unwrap()
}

#[test]
fn m23_slots_have_items_of_six_types_and_a_capacity() {
    let list = ShareableList::new(items()).unwrap();
    assert_eq!(list.to_vec().unwrap(), items());
    let child = Process::new(set_first, list.clone()).start().unwrap();
    assert_eq!(child.join().unwrap(), "seven".into());
    assert_eq!(list.get(0).unwrap(), i64::MIN.into());
    match list.set(3, "eight bytes and more".into()) {
        Err(ListError::TooLong {
            capacity: 8,
            found: 20,
        }) => {}
        other => panic!("{other:?}"),
    }
    list.set(3, "12345678".into()).unwrap();
    assert_eq!(list.get(3).unwrap(), "12345678".into());
    assert!(matches!(list.get(7), Err(ListError::OutOfBounds(_))));
    assert!(matches!(list.set(7, 1.into()), Err(ListError::OutOfBounds(_))));
    assert!(ShareableList::new([]).unwrap().is_empty());
}

#[test]
fn m24_a_slot_gets_another_type_if_it_fits() {
    let list = ShareableList::new(items()).unwrap();
    for item in items()
        .into_iter()
        .filter(|item| *item != ListItem::Bytes(b"bytes\0in".to_vec()))
    {
        for index in 0..7 {
            list.set(index, item.clone()).unwrap();
            assert_eq!(list.get(index).unwrap(), item);
        }
    }
}

/// CPython loses trailing zeros, and takes characters for bytes when it measures a slot.
#[test]
fn m25_trailing_zeros_are_refused_and_a_text_of_many_bytes_has_its_room() {
    let list = ShareableList::new(items()).unwrap();
    assert!(matches!(list.set(3, "a\0".into()), Err(ListError::TrailingNul)));
    assert!(matches!(
        ShareableList::new([b"\0".to_vec().into()]),
        Err(ListError::TrailingNul)
    ));
    list.set(3, "a\0b".into()).unwrap();
    assert_eq!(list.get(3).unwrap(), "a\0b".into());
    let wide = ShareableList::new(["\u{1F980}\u{1F980}\u{1F980}".into(), 1.into()]).unwrap();
    assert_eq!(
        wide.to_vec().unwrap(),
        ["\u{1F980}\u{1F980}\u{1F980}".into(), 1.into()]
    );
}

#[test]
fn m26_count_index_format_and_len() {
    let list = ShareableList::new([1.into(), 2.into(), 1.into(), "x".into()]).unwrap();
    assert_eq!((list.len(), list.count(&1.into()).unwrap()), (4, 2));
    assert_eq!(list.index(&2.into()).unwrap(), Some(1));
    assert_eq!(list.index(&3.into()).unwrap(), None);
    assert_eq!(list.format().unwrap(), "qqq8s");
}

#[test]
fn m23_python_reads_ours_and_we_read_pythons() {
    let list = ShareableList::new(items()).unwrap();
    let script = "import sys; from multiprocessing.shared_memory import ShareableList\n\
                  l = ShareableList(name=sys.argv[1]); print(list(l), l.format, l.count(7))\n\
                  l[3] = 'python'; l[0] = None; l.shm.close()";
    let Some(said) = python(script, &[list.name()]) else {
        return;
    };
    let expected = "[7, -2.5, True, 'seven', b'bytes\\x00in', None, ''] qdxxxxxxx?8s16sxxxxxx?x8s 1";
    assert_eq!(said, expected);
    assert_eq!(list.get(3).unwrap(), "python".into());
    assert_eq!(list.get(0).unwrap(), ListItem::None);

    let script = "from multiprocessing.shared_memory import ShareableList; import sys\n\
                  l = ShareableList([7, -2.5, True, 'seven', b'bytes\\0in', None, '']); print(l.shm.name, flush=True)\n\
                  sys.stdin.readline(); print(l[6], flush=True); l.shm.close(); l.shm.unlink()";
    let mut python = python::Running::start(script, &[]).unwrap();
    let theirs = ShareableList::attach(&python.line()).unwrap();
    assert_eq!(theirs.to_vec().unwrap(), items());
    theirs.set(6, "rust".into()).unwrap();
    python.go_on();
    assert_eq!(python.line(), "rust");
}

#[test]
fn memory_that_is_no_list_is_refused() {
    let memory = SharedMemory::create(100).unwrap();
    for words in [
        [-1_i64, 0, 0],
        [i64::MAX, 0, 0],
        [4, 0, 8],
        [2, 8, 0],
        [1, 0, i64::MAX],
        [1, -8, 0],
    ] {
        for (index, word) in words.iter().enumerate() {
            memory.write(index * 8, &word.to_le_bytes()).unwrap();
        }
        let list = ShareableList::attach(memory.name());
        assert!(matches!(list, Err(ListError::Malformed(_))), "{words:?}");
    }
    let list = ShareableList::new(items()).unwrap();
    let size = list.shared_memory().size();
    for at in 0..size {
        let before = list.shared_memory().read(at..at + 1).unwrap();
        list.shared_memory().write(at, &[0xff]).unwrap();
        // Whatever it says, it says it without a panic.
        drop((list.to_vec(), ShareableList::attach(list.name())));
        list.shared_memory().write(at, &before).unwrap();
    }
    assert_eq!(list.to_vec().unwrap(), items());
}
