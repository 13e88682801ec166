//! A lesson's number, as `2.11`.
//!
//! Invariant: ordered as the course is taught (2.9 before 2.10), and always a number of the form module.lesson.
//! It does not know whether the lesson exists.

use std::fmt;
use std::str::FromStr;

/// Module and number of a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LessonId {
    /// The module, from 1.
    pub(crate) module: u8,
    /// The number in the module, from 1.
    pub(crate) number: u8,
}

impl LessonId {
    /// The beginning of a folder's or a file's name: `l02_11`.
    pub(crate) fn prefix(self) -> String {
        format!("l{:02}_{:02}", self.module, self.number)
    }

    /// The number in a folder's or file's name, such as `l02_11_main_guard`.
    pub(crate) fn from_file_name(name: &str) -> Option<LessonId> {
        let mut parts = name.strip_prefix('l')?.splitn(3, '_');
        let id = LessonId {
            module: digits(parts.next()?)?,
            number: digits(parts.next()?)?,
        };
        (name.starts_with(&id.prefix())).then_some(id)
    }
}

impl fmt::Display for LessonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.module, self.number))
    }
}

impl FromStr for LessonId {
    type Err = NotAnId;

    /// Reads `2.11`, and forgives `02.11`, `2-11`, `2_11` and a folder's name.
    fn from_str(text: &str) -> Result<LessonId, NotAnId> {
        let text = text.trim();
        if let Some(id) = LessonId::from_file_name(text) {
            return Ok(id);
        }
        text.split_once(['.', '-', '_'])
            .and_then(|(module, number)| {
                Some(LessonId {
                    module: digits(module)?,
                    number: digits(number)?,
                })
            })
            .ok_or(NotAnId)
    }
}

/// The text is not a lesson's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lesson's number has the form 2.11")
    }
}

fn digits(text: &str) -> Option<u8> {
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_a_person_types_are_read() {
        let wanted = LessonId {
            module: 2,
            number: 11,
        };
        for text in ["2.11", " 02.11 ", "2-11", "2_11", "l02_11_main_guard", "l02_11"] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
        for text in ["", "2", "2.", ".2", "2.x", "+2.1", "2.1.1", "2.999", "lock"] {
            assert_eq!(text.parse::<LessonId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn ids_are_ordered_as_they_are_taught() {
        let id = |text: &str| text.parse::<LessonId>().unwrap();
        assert!(id("2.9") < id("2.10"));
        assert!(id("2.11") < id("3.1"));
    }
}
