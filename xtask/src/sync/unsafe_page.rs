//! The table in `docs/UNSAFE.md`: every file with unsafe code, and why.
//!
//! Invariant: the table is written between its two markers; the text around it is written by hand and never touched.

use std::fmt::Write as _;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::sync::Generated;
use crate::tidy::{files, unsafe_code};

const BEGIN: &str = "<!-- table: written by `cargo xtask sync` -->\n";
const END: &str = "<!-- end of the table -->";

/// The page with its table filled.
pub(crate) fn generated(course: &Course) -> Result<Generated, Failure> {
    let text = files::read(course, "docs/UNSAFE.md")?;
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| {
        Failure::new(
            Kind::Rule,
            format!(
                "docs/UNSAFE.md: the markers {:?} and {END:?} are missing",
                BEGIN.trim()
            ),
        )
    })?;
    let mut table = String::from("| file | why | blocks |\n| --- | --- | --- |\n");
    for file in unsafe_code::opt_ins(course)? {
        let _ = writeln!(
            table,
            "| [`{0}`](../{0}) | {1} | {2} |",
            file.file,
            file.reason.replace('|', "\\|"),
            file.blocks
        );
    }
    Ok(Generated {
        path: course.root.join("docs/UNSAFE.md"),
        text: format!("{before}{BEGIN}{table}{END}{after}"),
    })
}
