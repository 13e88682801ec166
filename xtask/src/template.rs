//! The template of a lesson: a small lesson that is complete and grades itself.
//!
//! Invariant: what it makes keeps every rule of `tidy::lessons` and passes `verify`; an author changes it step by step and
//! sees at once what breaks.

use crate::programme::Entry;

const FILES: &[(&str, &str)] = &[
    ("lesson.toml", include_str!("../templates/lesson.toml")),
    ("README.md", include_str!("../templates/README.md")),
    ("example.rs", include_str!("../templates/example.rs")),
    ("example.stdout", include_str!("../templates/example.stdout")),
    ("exercise.rs", include_str!("../templates/exercise.rs")),
    ("solution.rs", include_str!("../templates/solution.rs")),
    (
        "alt_wait_first.rs",
        include_str!("../templates/alt_wait_first.rs"),
    ),
    (
        "wrong/in_the_parent.rs",
        include_str!("../templates/wrong/in_the_parent.rs"),
    ),
    (
        "wrong/leaves_a_helper.rs",
        include_str!("../templates/wrong/leaves_a_helper.rs"),
    ),
    (
        "wrong/own_number.rs",
        include_str!("../templates/wrong/own_number.rs"),
    ),
    ("check.rs", include_str!("../templates/check.rs")),
];

/// The files of a new lesson: name in the folder, and text.
pub(crate) fn files(entry: &Entry, slug: &str) -> Vec<(&'static str, String)> {
    let fill = |text: &str| {
        text.replace("{{id}}", &entry.id.to_string())
            .replace("{{slug}}", slug)
            .replace("{{title}}", &entry.title)
            .replace("{{title_ru}}", &entry.title_ru)
    };
    FILES.iter().map(|(name, text)| (*name, fill(text))).collect()
}
