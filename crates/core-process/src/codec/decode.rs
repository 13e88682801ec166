//! Bytes to values.
//!
//! Invariant, for any bytes at all: no panic, no overflow of the stack, and nothing allocated for what the bytes
//! only claim. So there are three bounds: of depth, of the memory reserved ahead, and of the elements that take no
//! bytes (a list of a billion `()` is five bytes). The crate `postcard`, whose format it is, has none of them.
//! This file does not know of descriptors.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use super::{DecodeError, MOST_LEVELS, block};

/// How many elements of a message may take no bytes.
const MOST_EMPTY: usize = 1 << 16;

/// For so many bytes of the message one element is reserved ahead, and for the first so many in any case.
const RESERVED: usize = 64;

/// A value and how many bytes follow it.
#[inline]
pub(super) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, usize), DecodeError> {
    let mut reader = Reader {
        bytes,
        depth: 0,
        ahead: bytes.len() / RESERVED + RESERVED,
        empty: 0,
    };
    let value = reader.value(PhantomData::<T>)?;
    Ok((value, reader.bytes.len()))
}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

fn wrong<T>(why: &str) -> Result<T, DecodeError> {
    Err(DecodeError::Value(why.to_owned()))
}

struct Reader<'de> {
    /// What is not read yet.
    bytes: &'de [u8],
    /// How many values are open around the next one.
    depth: usize,
    /// How many elements may still be reserved before they have come.
    ahead: usize,
    /// How many elements have taken no bytes.
    empty: usize,
}

impl<'de> Reader<'de> {
    #[inline]
    fn take(&mut self, count: usize) -> Result<&'de [u8], DecodeError> {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return wrong("the bytes end inside it");
        };
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.bytes.split_first_chunk() else {
            return wrong("the bytes end inside it");
        };
        self.bytes = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// A number of at most `bits` bits, seven in each byte, the lowest first.
    #[inline]
    fn varint(&mut self, bits: u32) -> Result<u128, DecodeError> {
        // Up to nine bytes fill no 64 bits; what ends among them is read without the wide numbers.
        if bits >= 64 {
            let mut value = 0;
            for (at, &byte) in self.bytes.iter().take(9).enumerate() {
                value |= u64::from(byte & 0x7F) << (7 * at);
                if byte < 0x80 {
                    self.bytes = &self.bytes[at + 1..];
                    return Ok(value.into());
                }
            }
        }
        self.any_varint(bits)
    }

    fn any_varint(&mut self, bits: u32) -> Result<u128, DecodeError> {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7F);
            if shift >= bits || (bits - shift < 7 && part >> (bits - shift) != 0) {
                return wrong("a number is too large");
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    fn zigzag(&mut self, bits: u32) -> Result<i128, DecodeError> {
        let value = self.varint(bits)?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    fn len(&mut self) -> Result<usize, DecodeError> {
        self.varint(usize::BITS).map(|len| len as usize)
    }

    fn block(&mut self) -> Result<&'de [u8], DecodeError> {
        let len = self.len()?;
        self.take(len)
    }

    fn text(&mut self) -> Result<&'de str, DecodeError> {
        str::from_utf8(self.block()?).map_err(|_| DecodeError::Value("a text is not UTF-8".to_owned()))
    }

    /// Reads a value: bytes as a block, and others by their own steps.
    #[inline]
    fn value<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        if !block::is_wanted::<S>() {
            return seed.deserialize(self);
        }
        let bytes = self.inside(Self::block)?;
        Ok(block::into(bytes.to_vec()))
    }

    /// Reads what is nested inside the present value.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == MOST_LEVELS {
            return wrong(&format!("it is nested deeper than {MOST_LEVELS} levels"));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Reads `len` elements, of which some are reserved ahead while they come.
    fn elements<T>(
        &mut self,
        len: usize,
        read: impl FnOnce(Elements<'_, 'de>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        // Half of what is left, so that sequences inside this one have something too.
        let ahead = len.min(self.bytes.len()).min(self.ahead / 2);
        self.ahead -= ahead;
        let value = self.inside(|reader| {
            read(Elements {
                reader,
                left: len,
                ahead,
            })
        })?;
        self.ahead += ahead;
        Ok(value)
    }
}

macro_rules! numbers {
    ($($method:ident => $visit:ident($number:ty) by $way:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let value = self.$way(<$number>::BITS)?;
            visitor.$visit(value as $number)
        }
    )*};
}

macro_rules! plain_bytes {
    ($($method:ident => $visit:ident($number:ty);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(<$number>::from_le_bytes(self.array()?))
        }
    )*};
}

macro_rules! same_as {
    ($($method:ident($($argument:ty),*) => $other:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, DecodeError> {
            self.$other(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_u16 => visit_u16(u16) by varint;
        deserialize_u32 => visit_u32(u32) by varint;
        deserialize_u64 => visit_u64(u64) by varint;
        deserialize_u128 => visit_u128(u128) by varint;
        deserialize_i16 => visit_i16(i16) by zigzag;
        deserialize_i32 => visit_i32(i32) by zigzag;
        deserialize_i64 => visit_i64(i64) by zigzag;
        deserialize_i128 => visit_i128(i128) by zigzag;
    }

    plain_bytes! {
        deserialize_u8 => visit_u8(u8);
        deserialize_i8 => visit_i8(i8);
        deserialize_f32 => visit_f32(f32);
        deserialize_f64 => visit_f64(f64);
    }

    same_as! {
        deserialize_string() => deserialize_str;
        deserialize_byte_buf() => deserialize_bytes;
        deserialize_unit_struct(&'static str) => deserialize_unit;
        deserialize_identifier() => deserialize_any;
        deserialize_ignored_any() => deserialize_any;
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        wrong(
            "the bytes do not say what they are, which #[serde(untagged)], #[serde(tag)], #[serde(flatten)] and a \
             `Value` of any type would need",
        )
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            _ => wrong("a bool is neither 0 nor 1"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let mut characters = self.text()?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => visitor.visit_char(character),
            _ => wrong("a character is not one character"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_bytes(self.block()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.inside(|reader| visitor.visit_some(reader)),
            _ => wrong("an option is neither 0 nor 1"),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.inside(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let len = self.len()?;
        self.elements(len, |elements| visitor.visit_seq(elements))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let len = self.len()?;
        self.elements(len, |elements| visitor.visit_map(elements))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.inside(|reader| visitor.visit_seq(Fields { reader, left: len }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(Variant { reader: self })
    }
}

/// The elements of a sequence or a map, as many as the bytes claim.
struct Elements<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
    /// How many of them may be reserved before they have come.
    ahead: usize,
}

impl<'de> Elements<'_, 'de> {
    /// Whether there is one more; counts those that take no bytes.
    fn next<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let before = self.reader.bytes.len();
        let value = self.reader.value(seed)?;
        if self.reader.bytes.len() == before {
            self.reader.empty += 1;
            if self.reader.empty > MOST_EMPTY {
                return wrong("too many elements take no bytes");
            }
        }
        Ok(Some(value))
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.ahead))
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        self.next(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        self.reader.value(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(self.ahead))
    }
}

/// The fields of a tuple, a struct or a variant, as many as the type has.
struct Fields<'a, 'de> {
    reader: &'a mut Reader<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        self.reader.value(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The content of an enum: the index of its variant, and what the variant holds.
struct Variant<'a, 'de> {
    reader: &'a mut Reader<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), DecodeError> {
        let index: U32Deserializer<DecodeError> = (self.reader.varint(u32::BITS)? as u32).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        self.reader.inside(|reader| reader.value(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.reader.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.tuple_variant(fields.len(), visitor)
    }
}
