//! `ShareableList`: a list of fixed length in shared memory under a name: `multiprocessing.shared_memory.ShareableList`.
//!
//! The layout is CPython's, so either side can attach to the other's list:
//!
//! | where | what |
//! | --- | --- |
//! | 0 | how many slots: an `i64` |
//! | 8 | where each slot begins in the data, and where the last one ends: `i64`s |
//! | then | the data: multiples of 8 bytes |
//! | then | a format of `struct` for each slot, 8 bytes: `q`, `d`, `xxxxxxx?`, `xxxxxx?x` (None), `16s` |
//! | then | a code for each slot: 1 for a text, 2 for bytes, 3 for None, else 0 |
//!
//! Invariant: what is read from the memory is checked before it is used, since another program may have written it. There is no lock; who
//! writes while others read needs one beside the list.

use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::array::OutOfBounds;
use crate::shared_memory::SharedMemory;

/// What a slot of a [`ShareableList`] has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ListItem {
    /// An `int` of 64 bits.
    Int(i64),
    /// A `float`.
    Float(f64),
    /// A `bool`.
    Bool(bool),
    /// A `str`.
    Str(String),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `None`.
    None,
}

/// Why a list, or a slot of one, is not to be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListError {
    /// There is no such slot.
    OutOfBounds(OutOfBounds),
    /// A text or bytes are longer than the slot, which was made for as much as its first item needed.
    TooLong {
        /// Bytes of the slot.
        capacity: usize,
        /// Bytes of the item.
        found: usize,
    },
    /// A text or bytes end with a zero byte, which the layout does not tell from the filling. (CPython loses it without a word.)
    TrailingNul,
    /// The memory is not a list, or has been overwritten.
    Malformed(&'static str),
    /// As [`SharedMemory::create`] and [`SharedMemory::attach`].
    Os(io::Error),
}

/// A list of fixed length whose slots have an int, a float, a bool, a text, bytes, or None, in shared memory under a name.
///
/// A slot has room for as much as its first item needs: 8 bytes, and for texts and bytes the next multiple of 8 above their length. It may
/// get an item of another type that fits.
///
/// ```
/// use ipc::{ListItem, ShareableList};
///
/// let list = ShareableList::new([ListItem::from(7), "seven".into(), ListItem::None])?;
/// let same = ShareableList::attach(list.name())?; // in another program, CPython's too
/// same.set(0, 8.5.into())?;
/// assert_eq!(list.get(0)?, ListItem::Float(8.5));
/// assert_eq!(list.index(&"seven".into())?, Some(1));
/// # Ok::<(), ipc::ListError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ShareableList {
    memory: SharedMemory,
    len: usize,
}

/// The unit of the data: what a number takes.
const WORD: usize = 8;

/// The longest slot whose format has room in 8 bytes, a multiple of 8.
const LONGEST: usize = 9_999_992;

impl ShareableList {
    /// A list of these items under a new name.
    ///
    /// # Errors
    /// [`ListError::Os`], [`ListError::TrailingNul`].
    pub fn new(items: impl IntoIterator<Item = ListItem>) -> Result<Self, ListError> {
        Self::with_name(None, items)
    }

    /// A list of these items under this name.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn named(name: &str, items: impl IntoIterator<Item = ListItem>) -> Result<Self, ListError> {
        Self::with_name(Some(name), items)
    }

    fn with_name(name: Option<&str>, items: impl IntoIterator<Item = ListItem>) -> Result<Self, ListError> {
        let items: Vec<ListItem> = items.into_iter().collect();
        let len = items.len();
        let room = |item: &ListItem| item.text().map_or(WORD, |text| WORD * (text.len() / WORD + 1));
        if let Some(found) = items.iter().map(room).find(|&room| room > LONGEST) {
            let capacity = LONGEST;
            return Err(ListError::TooLong { capacity, found });
        }
        let data: usize = items.iter().map(room).sum();
        let size = (len + 2) * WORD + data + len * WORD + len;
        let memory =
            SharedMemory::create_with(name, size, crate::Tracking::WithOwner).map_err(ListError::Os)?;
        let list = Self { memory, len };
        list.put(0, &(len as i64).to_le_bytes());
        let mut offset = 0;
        for (index, item) in items.iter().enumerate() {
            list.put((index + 1) * WORD, &(offset as i64).to_le_bytes());
            offset += room(item);
            list.put((index + 2) * WORD, &(offset as i64).to_le_bytes());
        }
        for (index, item) in items.into_iter().enumerate() {
            list.set(index, item)?;
        }
        Ok(list)
    }

    /// The list that has this name.
    ///
    /// # Errors
    /// [`ListError::Os`] (`NotFound`), [`ListError::Malformed`].
    pub fn attach(name: &str) -> Result<Self, ListError> {
        Self::of(SharedMemory::attach(name).map_err(ListError::Os)?)
    }

    /// The list in this memory, if it is one.
    fn of(memory: SharedMemory) -> Result<Self, ListError> {
        let mut list = Self { memory, len: 0 };
        let len =
            usize::try_from(list.number(0)?).map_err(|_| ListError::Malformed("its length is negative"))?;
        // Each slot takes 8 bytes of data, an offset, a format and a code.
        if len > list.memory.size() / (3 * WORD + 1) {
            return Err(ListError::Malformed("its memory is too small for its length"));
        }
        list.len = len;
        for index in 0..len {
            list.slot(index)?;
        }
        Ok(list)
    }

    /// The name of its memory.
    pub fn name(&self) -> &str {
        self.memory.name()
    }

    /// Its memory.
    pub fn shared_memory(&self) -> &SharedMemory {
        &self.memory
    }

    /// How many slots it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The item of a slot.
    ///
    /// # Errors
    /// [`ListError::OutOfBounds`], [`ListError::Malformed`].
    pub fn get(&self, index: usize) -> Result<ListItem, ListError> {
        let (start, capacity) = self.slot(index)?;
        let format = self.format_of(index)?;
        let bytes = self.bytes(start, capacity)?;
        let word = || -> Result<[u8; WORD], ListError> {
            let word = bytes.first_chunk::<WORD>();
            word.copied().ok_or(ListError::Malformed("a slot is too small"))
        };
        match (format.as_str(), self.bytes(self.code_at(index)?, 1)?[0]) {
            ("q", _) => Ok(ListItem::Int(i64::from_le_bytes(word()?))),
            ("d", _) => Ok(ListItem::Float(f64::from_le_bytes(word()?))),
            ("xxxxxxx?", _) => Ok(ListItem::Bool(word()?[7] != 0)),
            ("xxxxxx?x", _) => Ok(ListItem::None),
            (text, code) if text.ends_with('s') => {
                let end = bytes
                    .iter()
                    .rposition(|&byte| byte != 0)
                    .map_or(0, |last| last + 1);
                let bytes = bytes[..end].to_vec();
                match code {
                    1 => String::from_utf8(bytes)
                        .map(ListItem::Str)
                        .map_err(|_| ListError::Malformed("a text is not UTF-8")),
                    _ => Ok(ListItem::Bytes(bytes)),
                }
            }
            _ => Err(ListError::Malformed("a slot has an unknown format")),
        }
    }

    /// Puts an item into a slot, of another type too if it fits.
    ///
    /// # Errors
    /// [`ListError::TooLong`], [`ListError::TrailingNul`], and as [`get`](Self::get). Nothing has changed.
    pub fn set(&self, index: usize, item: ListItem) -> Result<(), ListError> {
        let (start, capacity) = self.slot(index)?;
        let (code_at, format_at) = (self.code_at(index)?, self.format_at(index)?);
        let (format, code, mut bytes) = match &item {
            ListItem::Int(value) => ("q".to_owned(), 0, value.to_le_bytes().to_vec()),
            ListItem::Float(value) => ("d".to_owned(), 0, value.to_le_bytes().to_vec()),
            ListItem::Bool(value) => (
                "xxxxxxx?".to_owned(),
                0,
                vec![0, 0, 0, 0, 0, 0, 0, (*value).into()],
            ),
            ListItem::None => ("xxxxxx?x".to_owned(), 3, vec![0; WORD]),
            ListItem::Str(text) => (format!("{capacity}s"), 1, text.clone().into_bytes()),
            ListItem::Bytes(bytes) => (format!("{capacity}s"), 2, bytes.clone()),
        };
        if bytes.len() > capacity {
            return Err(ListError::TooLong {
                capacity,
                found: bytes.len(),
            });
        }
        if item.text().is_some_and(|text| text.last() == Some(&0)) {
            return Err(ListError::TrailingNul);
        }
        bytes.resize(capacity, 0);
        let mut padded = format.into_bytes();
        padded.resize(WORD, 0);
        self.put(start, &bytes);
        self.put(format_at, &padded);
        self.put(code_at, &[code]);
        Ok(())
    }

    /// All items, one after another.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn to_vec(&self) -> Result<Vec<ListItem>, ListError> {
        (0..self.len).map(|index| self.get(index)).collect()
    }

    /// How often an item occurs.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn count(&self, item: &ListItem) -> Result<usize, ListError> {
        Ok(self.to_vec()?.iter().filter(|found| *found == item).count())
    }

    /// The first slot that has the item; `None` if there is none.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn index(&self, item: &ListItem) -> Result<Option<usize>, ListError> {
        Ok(self.to_vec()?.iter().position(|found| found == item))
    }

    /// The formats of `struct` of all slots, as CPython's `format`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn format(&self) -> Result<String, ListError> {
        (0..self.len).map(|index| self.format_of(index)).collect()
    }

    fn format_of(&self, index: usize) -> Result<String, ListError> {
        let bytes = self.bytes(self.format_at(index)?, WORD)?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(WORD);
        String::from_utf8(bytes[..end].to_vec())
            .map_err(|_| ListError::Malformed("a slot has an unknown format"))
    }

    /// Where the data of a slot begin in the memory, and how many bytes it has.
    fn slot(&self, index: usize) -> Result<(usize, usize), ListError> {
        crate::array::is_inside(index..index.saturating_add(1), self.len).map_err(ListError::OutOfBounds)?;
        let [start, end] = [index + 1, index + 2].map(|word| self.number(word * WORD));
        let (start, end) = (usize::try_from(start?), usize::try_from(end?));
        match (start, end) {
            (Ok(start), Ok(end)) if start <= end && end <= self.memory.size() => {
                Ok(((self.len + 2) * WORD + start, end - start))
            }
            _ => Err(ListError::Malformed("a slot lies outside of the memory")),
        }
    }

    fn format_at(&self, index: usize) -> Result<usize, ListError> {
        let (start, capacity) = self.slot(self.len - 1)?;
        Ok(start + capacity + index * WORD)
    }

    fn code_at(&self, index: usize) -> Result<usize, ListError> {
        Ok(self.format_at(self.len)? + index)
    }

    fn number(&self, offset: usize) -> Result<i64, ListError> {
        let bytes = self.bytes(offset, WORD)?;
        match bytes.first_chunk() {
            Some(bytes) => Ok(i64::from_le_bytes(*bytes)),
            None => unreachable!("as many were read"),
        }
    }

    fn bytes(&self, offset: usize, len: usize) -> Result<Vec<u8>, ListError> {
        let range = offset..offset.saturating_add(len);
        self.memory
            .read(range)
            .map_err(|_| ListError::Malformed("its memory is too small"))
    }

    /// Into a place that was checked.
    fn put(&self, offset: usize, bytes: &[u8]) {
        let put = self.memory.write(offset, bytes);
        debug_assert!(put.is_ok(), "{put:?}");
    }
}

impl ListItem {
    /// The bytes of a text or of bytes.
    fn text(&self) -> Option<&[u8]> {
        match self {
            Self::Str(text) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::None => None,
        }
    }
}

macro_rules! from {
    ($($ty:ty => $item:ident),*) => {$(
        impl From<$ty> for ListItem {
            fn from(value: $ty) -> Self {
                Self::$item(value.into())
            }
        }
    )*};
}

from! { i64 => Int, i32 => Int, f64 => Float, bool => Bool, &str => Str, String => Str, &[u8] => Bytes, Vec<u8> => Bytes }

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds(error) => error.fmt(f),
            Self::TooLong { capacity, found } => {
                write!(f, "an item of {found} bytes for a slot of {capacity}")
            }
            Self::TrailingNul => f.write_str("a text or bytes that end with a zero byte would lose it"),
            Self::Malformed(why) => write!(f, "this is no shareable list: {why}"),
            Self::Os(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ListError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::OutOfBounds(error) => Some(error),
            Self::Os(error) => Some(error),
            _ => None,
        }
    }
}

impl Serialize for ShareableList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.memory.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ShareableList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        Self::of(SharedMemory::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
