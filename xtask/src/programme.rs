//! The programme: the 69 lessons of the course, in teaching order, whether they are written yet or not.
//!
//! Invariant: ids are unique and stand in order; a module belongs to one crate. It reads `docs/programme.toml`, compiled
//! in, and does not look at the folders of lessons.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::lesson_id::LessonId;

/// The whole course.
#[derive(Debug, Deserialize)]
pub(crate) struct Programme {
    /// The modules, in order.
    pub(crate) modules: Vec<Module>,
}

/// A module of the course: the lessons of one crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Module {
    /// From 1.
    pub(crate) number: u8,
    /// English title.
    pub(crate) title: String,
    /// Russian title.
    pub(crate) title_ru: String,
    /// The crate whose folder holds the lessons.
    #[serde(rename = "crate")]
    pub(crate) crate_name: String,
    /// The lessons, in order.
    pub(crate) lessons: Vec<Entry>,
}

/// A lesson in the programme.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Its number.
    #[serde(deserialize_with = "id")]
    pub(crate) id: LessonId,
    /// English title.
    pub(crate) title: String,
    /// Russian title.
    pub(crate) title_ru: String,
}

impl Programme {
    /// The programme of this course.
    pub(crate) fn of_the_course() -> &'static Programme {
        static PROGRAMME: OnceLock<Programme> = OnceLock::new();
        PROGRAMME.get_or_init(|| {
            toml::from_str(include_str!("../../docs/programme.toml"))
                .expect("docs/programme.toml is compiled in, and a test reads it")
        })
    }

    /// Every lesson with its module, in order.
    pub(crate) fn lessons(&self) -> impl Iterator<Item = (&Module, &Entry)> {
        self.modules
            .iter()
            .flat_map(|module| module.lessons.iter().map(move |entry| (module, entry)))
    }

    /// The lesson with this number.
    pub(crate) fn find(&self, wanted: LessonId) -> Option<(&Module, &Entry)> {
        self.lessons().find(|(_, entry)| entry.id == wanted)
    }
}

impl Entry {
    /// The title as the end of a folder's name: `child_processes`.
    pub(crate) fn slug(&self) -> String {
        let mut slug = String::new();
        for letter in self.title.chars() {
            if letter.is_ascii_alphanumeric() {
                slug.push(letter.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('_') && letter != '\'' {
                slug.push('_');
            }
        }
        let slug = slug.trim_end_matches('_');
        slug.strip_prefix("the_").unwrap_or(slug).to_owned()
    }
}

fn id<'de, D: serde::Deserializer<'de>>(from: D) -> Result<LessonId, D::Error> {
    let text = String::deserialize(from)?;
    text.parse()
        .map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programme_has_69_lessons_in_order_in_10_modules() {
        let programme = Programme::of_the_course();
        let sizes: Vec<usize> = programme
            .modules
            .iter()
            .map(|module| module.lessons.len())
            .collect();
        assert_eq!(sizes, [7, 11, 8, 7, 5, 6, 12, 7, 5, 1]);
        let mut expected = Vec::new();
        for (module, size) in programme.modules.iter().zip(&sizes) {
            expected.extend((1..=*size as u8).map(|number| LessonId {
                module: module.number,
                number,
            }));
        }
        let ids: Vec<LessonId> = programme.lessons().map(|(_, entry)| entry.id).collect();
        assert_eq!(ids, expected);
        assert_eq!(ids.len(), 69);
    }

    #[test]
    fn every_lesson_has_both_titles() {
        for (module, entry) in Programme::of_the_course().lessons() {
            assert!(!entry.title.is_empty() && entry.title.is_ascii(), "{}", entry.id);
            assert!(!entry.title_ru.is_empty(), "{}", entry.id);
            assert!(
                !module.title_ru.is_ascii() || module.number == 8,
                "{}",
                module.number
            );
        }
    }

    #[test]
    fn a_title_gives_the_name_of_a_folder() {
        let slug = |module, number| {
            Programme::of_the_course()
                .find(LessonId { module, number })
                .unwrap()
                .1
                .slug()
        };
        assert_eq!(slug(2, 2), "child_processes");
        assert_eq!(slug(2, 1), "main_process");
        assert_eq!(slug(2, 10), "join_method");
        assert_eq!(slug(6, 5), "managers_server_process");
    }
}
