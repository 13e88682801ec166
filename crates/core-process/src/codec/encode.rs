//! Values to bytes.
//!
//! Invariant: what is written is postcard's format, byte for byte, and a sequence has as many elements as it says.
//! Written here and not taken from the crate `postcard`, whose errors forget the message of a `Serialize` that
//! refuses, and which has no limit of depth: a value that the other side cannot take must fail on this one.
//! This file does not know of descriptors.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{EncodeError, MOST_LEVELS, block};

/// Appends a value to `bytes`.
#[inline]
pub(super) fn append<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    Writer { bytes, depth: 0 }.value(value)
}

impl serde::ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

struct Writer<'b> {
    bytes: &'b mut Vec<u8>,
    /// How many values are open around the next one.
    depth: usize,
}

impl<'b> Writer<'b> {
    #[inline]
    fn varint(&mut self, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.short_varint(value),
            Err(_) => self.long_varint(value),
        }
    }

    /// At most ten bytes, appended at once.
    #[inline]
    fn short_varint(&mut self, mut value: u64) {
        let mut digits = [0; 10];
        let mut count = 0;
        while value >= 0x80 && count < 9 {
            digits[count] = value as u8 | 0x80;
            value >>= 7;
            count += 1;
        }
        digits[count] = value as u8;
        // All ten and then fewer: a copy of a fixed size is no call.
        let end = self.bytes.len() + count + 1;
        self.bytes.extend_from_slice(&digits);
        self.bytes.truncate(end);
    }

    #[cold]
    fn long_varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Small numbers of either sign become small ones without: 0, -1, 1, -2, ...
    fn zigzag(&mut self, value: i128) {
        self.varint(((value << 1) ^ (value >> 127)) as u128);
    }

    fn block(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u128);
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a value: bytes as a block, and others by their own steps.
    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let Some(bytes) = block::of(value) else {
            return value.serialize(self);
        };
        self.enter()?;
        self.block(bytes);
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), EncodeError> {
        if self.depth == MOST_LEVELS {
            let why =
                format!("it is nested deeper than {MOST_LEVELS} levels; a flat list of parts can be sent");
            return Err(EncodeError::Value(why));
        }
        self.depth += 1;
        Ok(())
    }

    fn inside<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.enter()?;
        self.value(value)?;
        self.depth -= 1;
        Ok(())
    }

    /// Opens a part whose number of elements is not written, because the type says it.
    fn parts(&mut self, count: usize) -> Result<Parts<'_, 'b>, EncodeError> {
        self.enter()?;
        Ok(Parts {
            writer: self,
            announced: Some(count),
            written: 0,
            start: 0,
        })
    }
}

macro_rules! numbers {
    ($($method:ident: $number:ty => $way:ident as $wide:ty;)*) => {$(
        fn $method(self, value: $number) -> Result<(), EncodeError> {
            self.$way(value as $wide);
            Ok(())
        }
    )*};
}

macro_rules! plain_bytes {
    ($($method:ident: $number:ty;)*) => {$(
        fn $method(self, value: $number) -> Result<(), EncodeError> {
            self.bytes.extend_from_slice(&value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a, 'b> Serializer for &'a mut Writer<'b> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Parts<'a, 'b>;
    type SerializeTuple = Parts<'a, 'b>;
    type SerializeTupleStruct = Parts<'a, 'b>;
    type SerializeTupleVariant = Parts<'a, 'b>;
    type SerializeMap = Parts<'a, 'b>;
    type SerializeStruct = Parts<'a, 'b>;
    type SerializeStructVariant = Parts<'a, 'b>;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_u16: u16 => varint as u128;
        serialize_u32: u32 => varint as u128;
        serialize_u64: u64 => varint as u128;
        serialize_u128: u128 => varint as u128;
        serialize_i16: i16 => zigzag as i128;
        serialize_i32: i32 => zigzag as i128;
        serialize_i64: i64 => zigzag as i128;
        serialize_i128: i128 => zigzag as i128;
    }

    plain_bytes! {
        serialize_u8: u8;
        serialize_i8: i8;
        serialize_f32: f32;
        serialize_f64: f64;
    }

    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.serialize_u8(value.into())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.serialize_bytes(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.block(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_u8(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.bytes.push(1);
        self.inside(value)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, index: u32, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_u32(index)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.inside(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.varint(index.into());
        self.inside(value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Parts<'a, 'b>, EncodeError> {
        self.enter()?;
        let start = self.bytes.len();
        if let Some(len) = len {
            self.varint(len as u128);
        }
        Ok(Parts {
            writer: self,
            announced: len,
            written: 0,
            start,
        })
    }

    fn serialize_tuple(self, len: usize) -> Result<Parts<'a, 'b>, EncodeError> {
        self.parts(len)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Parts<'a, 'b>, EncodeError> {
        self.parts(len)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        len: usize,
    ) -> Result<Parts<'a, 'b>, EncodeError> {
        self.varint(index.into());
        self.parts(len)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Parts<'a, 'b>, EncodeError> {
        // `flatten` makes such a map. It could be written, but never read: the bytes do not say what they are.
        let unknown = "a map whose size is not known beforehand, as #[serde(flatten)] makes it, has no place in the format";
        self.serialize_seq(Some(len.ok_or_else(|| EncodeError::custom(unknown))?))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Parts<'a, 'b>, EncodeError> {
        self.parts(len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        len: usize,
    ) -> Result<Parts<'a, 'b>, EncodeError> {
        self.varint(index.into());
        self.parts(len)
    }
}

/// The elements of a sequence, a map, or a type with fields.
struct Parts<'a, 'b> {
    writer: &'a mut Writer<'b>,
    /// What was said before the first element; `None` until the last one is written.
    announced: Option<usize>,
    written: usize,
    /// Where the number of elements belongs that is not known yet.
    start: usize,
}

impl Parts<'_, '_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.written += 1;
        self.writer.value(value)
    }

    fn finish(self) -> Result<(), EncodeError> {
        self.writer.depth -= 1;
        match self.announced {
            Some(announced) if announced != self.written => Err(EncodeError::Value(format!(
                "it announced {announced} elements and has {}",
                self.written
            ))),
            Some(_) => Ok(()),
            None => {
                let elements = self.writer.bytes.split_off(self.start);
                self.writer.varint(self.written as u128);
                self.writer.bytes.extend_from_slice(&elements);
                Ok(())
            }
        }
    }
}

macro_rules! parts {
    ($($name:ident: $method:ident($($key:ident)?);)*) => {$(
        impl $name for Parts<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(_key);
    SerializeStructVariant: serialize_field(_key);
}

impl SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.part(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        // A pair is one element.
        self.writer.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
