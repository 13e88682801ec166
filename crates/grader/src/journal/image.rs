//! Static text as offsets: the judge and every process of an answer run the same file, at different addresses.
//!
//! Invariant: an offset is turned into text only after the whole of it was found to lie in a readable segment of the main
//! image and to be UTF-8, so a word that somebody scribbled over is shown as `?` and harms nobody.
#![allow(
    unsafe_code,
    reason = "reads the program headers that the dynamic linker lists, and text at checked offsets"
)]

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

struct Image {
    base: usize,
    readable: Vec<Range<usize>>,
}

/// The offset of `text` in the main image; `None` when it lies elsewhere (a heap, another library).
pub(crate) fn offset_of(text: &str) -> Option<u64> {
    let image = image();
    let offset = (text.as_ptr() as usize).checked_sub(image.base)?;
    image.holds(offset, text.len()).then_some(offset as u64)
}

/// The text of `len` bytes at `offset` of the main image, if it is one.
pub(crate) fn text_at(offset: u64, len: usize) -> Option<&'static str> {
    let image = image();
    let offset = usize::try_from(offset).ok()?;
    if !image.holds(offset, len) {
        return None;
    }
    // SAFETY: the range lies in one readable segment of the main image, which stays mapped for the life of the process.
    let bytes = unsafe { std::slice::from_raw_parts((image.base + offset) as *const u8, len) };
    std::str::from_utf8(bytes).ok()
}

impl Image {
    fn holds(&self, offset: usize, len: usize) -> bool {
        let Some(end) = offset.checked_add(len) else {
            return false;
        };
        self.readable
            .iter()
            .any(|segment| segment.start <= offset && end <= segment.end)
    }
}

fn image() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let mut image = Image {
            base: 0,
            readable: Vec::new(),
        };
        // SAFETY: the callback gets `image` back and has returned before `image` is used again.
        unsafe { libc::dl_iterate_phdr(Some(read_first), (&raw mut image).cast()) };
        image
    })
}

/// Called once: the dynamic linker lists the main program first, and a result other than 0 ends the walk.
unsafe extern "C" fn read_first(info: *mut libc::dl_phdr_info, _size: usize, image: *mut c_void) -> c_int {
    // SAFETY: `image` is the pointer that `image()` passed, and nobody else uses it during the call.
    let image = unsafe { &mut *image.cast::<Image>() };
    // SAFETY: the dynamic linker passes a valid entry.
    let info = unsafe { &*info };
    image.base = info.dlpi_addr as usize;
    // SAFETY: pointer and count are the entry's own.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    for header in headers {
        // Text stands in segments that nobody writes to: a writable one is left out, so what is read cannot change.
        if header.p_type == libc::PT_LOAD
            && header.p_flags & libc::PF_R != 0
            && header.p_flags & libc::PF_W == 0
        {
            let start = header.p_vaddr as usize;
            image.readable.push(start..start + header.p_filesz as usize);
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_text_has_an_offset_and_the_offset_leads_back() {
        let text = "a text of this test";
        let offset = offset_of(text).unwrap();
        assert_eq!(text_at(offset, text.len()), Some(text));
    }

    #[test]
    fn text_on_the_heap_and_wild_offsets_are_refused() {
        assert_eq!(offset_of(&String::from("on the heap")), None);
        assert_eq!(text_at(u64::MAX, 8), None);
        assert_eq!(text_at(0, usize::MAX), None);
    }
}
