//! The main image of this process: where it is mapped, which parts of it are code, and its build id.
//!
//! Invariant: an offset is turned into a code address only after it was found to lie in an executable segment of the main
//! image. Offsets are the same in every process that runs the same file; addresses are not.
#![allow(
    unsafe_code,
    reason = "reads the program headers that the dynamic linker lists"
)]

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

/// Length of a GNU build id made by SHA-1; longer ones are cut.
const BUILD_ID_LENGTH: usize = 20;

pub(crate) struct Image {
    base: usize,
    code: Vec<Range<usize>>,
    build_id: [u8; BUILD_ID_LENGTH],
}

/// The image of this process.
pub(crate) fn main_image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut image = Image {
            base: 0,
            code: Vec::new(),
            build_id: [0; BUILD_ID_LENGTH],
        };
        // SAFETY: the callback gets `image` back and ends before `image` is used again.
        unsafe { libc::dl_iterate_phdr(Some(read_first), (&raw mut image).cast()) };
        image
    })
}

impl Image {
    pub(crate) fn build_id(&self) -> [u8; BUILD_ID_LENGTH] {
        self.build_id
    }

    /// The offset of a code address, if it lies in this image's code.
    pub(crate) fn offset_of(&self, address: usize) -> Option<u64> {
        let offset = address.checked_sub(self.base)?;
        self.is_code(offset).then_some(offset as u64)
    }

    /// The address of a code offset, if it lies in this image's code.
    pub(crate) fn address_of(&self, offset: u64) -> Option<usize> {
        let offset = usize::try_from(offset).ok()?;
        if self.is_code(offset) {
            self.base.checked_add(offset)
        } else {
            None
        }
    }

    fn is_code(&self, offset: usize) -> bool {
        self.code.iter().any(|segment| segment.contains(&offset))
    }
}

/// Called once, for the main program, which the dynamic linker lists first.
unsafe extern "C" fn read_first(info: *mut libc::dl_phdr_info, _size: usize, image: *mut c_void) -> c_int {
    // SAFETY: `image` is the pointer that `main_image` passed.
    let image = unsafe { &mut *image.cast::<Image>() };
    // SAFETY: the dynamic linker passes a valid entry.
    let info = unsafe { &*info };
    image.base = info.dlpi_addr as usize;
    // SAFETY: the entry's own pointer and count.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum as usize) };
    for header in headers {
        let start = header.p_vaddr as usize;
        let range = start..start + header.p_memsz as usize;
        if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0 {
            image.code.push(range);
        } else if header.p_type == libc::PT_NOTE {
            // SAFETY: a note segment of the mapped image is readable memory of this length.
            let notes = unsafe { std::slice::from_raw_parts((image.base + start) as *const u8, range.len()) };
            if let Some(id) = find_build_id(notes) {
                let length = id.len().min(BUILD_ID_LENGTH);
                image.build_id[..length].copy_from_slice(&id[..length]);
            }
        }
    }
    1
}

/// The description of the first note of owner `GNU` and type 3 (`NT_GNU_BUILD_ID`).
fn find_build_id(mut notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    while notes.len() >= 12 {
        let word = |at: usize| u32::from_ne_bytes([notes[at], notes[at + 1], notes[at + 2], notes[at + 3]]);
        let (name_length, length, kind) = (word(0) as usize, word(4) as usize, word(8));
        let name_end = 12 + name_length.next_multiple_of(4);
        let end = name_end + length.next_multiple_of(4);
        if kind == NT_GNU_BUILD_ID && notes.get(12..12 + name_length) == Some(b"GNU\0") {
            return notes.get(name_end..name_end + length);
        }
        notes = notes.get(end..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_an_offset_and_the_offset_leads_back_to_it() {
        let address = find_build_id as *const () as usize;
        let offset = main_image().offset_of(address).unwrap();
        assert_eq!(main_image().address_of(offset), Some(address));
    }

    #[test]
    fn data_and_wild_offsets_are_refused() {
        static DATA: u64 = 7;
        assert_eq!(main_image().offset_of(&raw const DATA as usize), None);
        assert_eq!(main_image().address_of(u64::MAX), None);
        assert_eq!(main_image().address_of(0), None);
    }

    #[test]
    fn a_build_id_is_found_among_other_notes() {
        let mut notes = Vec::new();
        for (kind, text) in [(1_u32, [1_u8; 4]), (3, [9; 4])] {
            notes.extend(4_u32.to_ne_bytes());
            notes.extend(4_u32.to_ne_bytes());
            notes.extend(kind.to_ne_bytes());
            notes.extend(b"GNU\0");
            notes.extend(text);
        }
        assert_eq!(find_build_id(&notes), Some(&[9_u8; 4][..]));
        assert_eq!(find_build_id(&notes[..20]), None);
        assert_ne!(main_image().build_id(), [0; BUILD_ID_LENGTH]);
    }
}
