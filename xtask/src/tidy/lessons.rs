//! Lessons: no folder without all its parts.
//!
//! Invariant: looks at files and at `lesson.toml`; whether the variants get their verdicts is for `verify`.

use grader::Verdict;

use crate::course::Course;
use crate::failure::Failure;
use crate::folder::{Folder, Role};

/// A text is this long, in words, code not counted.
const WORDS: std::ops::RangeInclusive<usize> = 600..=1500;
/// A lesson has at least so many wrong answers.
const WRONG: usize = 3;

/// What is missing or does not fit.
pub(crate) fn check(course: &Course) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for folder in course.lessons()? {
        let shown = course.shown(&folder.path);
        let (module, entry) = course.entry(&folder.id.to_string())?;
        if module.crate_name != folder.crate_name {
            problems.push(format!(
                "{shown}: lesson {} belongs to the crate {}",
                folder.id, module.crate_name
            ));
        }
        match folder.lesson() {
            Err(failure) => problems.push(failure.to_string()),
            Ok(lesson) => {
                if lesson.folder() != folder.name() {
                    problems.push(format!(
                        "{shown}: id and slug of lesson.toml name the folder {}",
                        lesson.folder()
                    ));
                }
                for (given, wanted) in [(&lesson.title, &entry.title), (&lesson.title_ru, &entry.title_ru)] {
                    if given != wanted {
                        problems.push(format!(
                            "{shown}/lesson.toml: title {given:?}; the programme says {wanted:?}"
                        ));
                    }
                }
                for need in lesson.needs.iter().filter(|need| course.entry(need).is_err()) {
                    problems.push(format!("{shown}/lesson.toml: needs {need}, which is no lesson"));
                }
                let text = folder.text("README.md").unwrap_or_default();
                let sections = lesson
                    .verdicts
                    .values()
                    .filter_map(|meaning| meaning.reread.as_deref());
                for section in sections.filter(|section| !has_heading(&text, section)) {
                    problems.push(format!(
                        "{shown}/README.md: no heading {section:?}, which lesson.toml sends the learner to"
                    ));
                }
            }
        }
        problems.extend(
            parts(&folder)
                .into_iter()
                .map(|problem| format!("{shown}: {problem}")),
        );
    }
    Ok(problems)
}

fn parts(folder: &Folder) -> Vec<String> {
    let mut problems = Vec::new();
    for name in [
        "lesson.toml",
        "README.md",
        "example.rs",
        "example.stdout",
        "exercise.rs",
        "solution.rs",
        "check.rs",
    ] {
        if !folder.file(name).is_file() {
            problems.push(format!("{name} is missing"));
        }
    }
    let variants = folder.variants();
    let count = |role: Role| variants.iter().filter(|variant| variant.role == role).count();
    if count(Role::Alternative) == 0 {
        problems.push("no alternative right answer (alt_*.rs)".to_owned());
    }
    if count(Role::Wrong) < WRONG {
        problems.push(format!(
            "{} wrong answers, {WRONG} are asked for (wrong/*.rs)",
            count(Role::Wrong)
        ));
    }
    for variant in variants.iter().filter(|variant| variant.role == Role::Wrong) {
        let text = folder.text(&variant.file).unwrap_or_default();
        if let Err(problem) = expectation(&text) {
            problems.push(format!("{}: {problem}", variant.file));
        }
    }
    let words = words(&folder.text("README.md").unwrap_or_default());
    if !WORDS.contains(&words) {
        problems.push(format!(
            "README.md has {words} words; {} to {} are asked for",
            WORDS.start(),
            WORDS.end()
        ));
    }
    problems
}

/// `//! expect: RACE` on the first line, then why a learner writes it.
fn expectation(text: &str) -> Result<Verdict, String> {
    let mut lines = text.lines();
    let first = lines
        .next()
        .and_then(|line| line.strip_prefix("//! expect:"))
        .map(str::trim);
    let verdict: Verdict = first
        .ok_or("the first line is not `//! expect: VERDICT`")?
        .parse()
        .map_err(|error| format!("{error}"))?;
    if verdict.is_pass() {
        return Err("a wrong answer cannot expect PASS".into());
    }
    let why = lines
        .take_while(|line| line.starts_with("//!"))
        .any(|line| line.trim_start_matches("//!").trim().len() > 20);
    if why {
        Ok(verdict)
    } else {
        Err("say after the first line why a learner writes it".into())
    }
}

fn has_heading(text: &str, heading: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading)
}

/// Words outside of fenced blocks.
fn words(text: &str) -> usize {
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fenced && !fence && !line.starts_with("<!--")
        })
        .map(|line| {
            line.split_whitespace()
                .filter(|word| word.chars().any(char::is_alphanumeric))
                .count()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_declares_its_verdict_and_why_it_is_written() {
        let good = "//! expect: RACE\n//! Reads before it waits, since on one machine it happened to work.\nfn f() {}\n";
        assert_eq!(expectation(good), Ok(Verdict::Race));
        for bad in [
            "fn f() {}\n",
            "//! expect: PASS\n//! A long enough reason to write.\n",
            "//! expect: RACE\n//! short\n",
            "//! expect: SLOW\n",
        ] {
            assert!(expectation(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn code_does_not_count_as_words() {
        assert_eq!(
            words("# A title\nTwo words - `here`.\n```rust\nlet a = 1;\n```\n<!-- region a.rs#b -->\n"),
            5
        );
    }
}
