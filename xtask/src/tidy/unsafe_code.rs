//! `unsafe`: opted into by file, and each block with the fact that makes it sound.
//!
//! Invariant: the workspace denies `unsafe_code`; a file that needs it says so with a reason, in its head or (a test
//! module, a macro) where it is needed; docs/UNSAFE.md is written from those reasons. Whether the fact is true is for a reader to judge.

use crate::course::Course;
use crate::failure::Failure;
use crate::tidy::{files, source};

/// A file with unsafe code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptIn {
    /// The file.
    pub(crate) file: String,
    /// Why it needs unsafe code: the reason of its attribute.
    pub(crate) reason: String,
    /// How many unsafe blocks and impls it has.
    pub(crate) blocks: usize,
}

/// Places where the rule is broken.
pub(crate) fn check(course: &Course) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for file in files::ending_with(course, ".rs")? {
        let text = files::read(course, &file)?;
        let found = in_file(&text, &source::code(&text));
        problems.extend(
            found
                .into_iter()
                .map(|(line, problem)| format!("{file}:{line}: {problem}")),
        );
    }
    Ok(problems)
}

/// Every file with unsafe code, in order.
pub(crate) fn opt_ins(course: &Course) -> Result<Vec<OptIn>, Failure> {
    let mut found = Vec::new();
    for file in files::ending_with(course, ".rs")? {
        let text = files::read(course, &file)?;
        let code = source::code(&text);
        if has_word(&code, "unsafe") {
            let blocks = code.lines().filter(|line| is_block(line)).count();
            found.push(OptIn {
                reason: reason(&text, &code),
                blocks,
                file,
            });
        }
    }
    Ok(found)
}

/// The reason in `#![allow(unsafe_code, reason = "...")]`.
fn reason(text: &str, code: &str) -> String {
    let Some(attribute) = code.find("unsafe_code") else {
        return String::new();
    };
    let rest = &text[attribute..];
    let quoted = rest
        .split_once("reason = \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    quoted
        .map(|(reason, _)| reason.split_whitespace().collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

fn in_file(text: &str, code: &str) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    // `unsafe_code,` is the lint in an attribute, since a reason follows it; a module of that name is not.
    let opted_in = code.contains("unsafe_code,");
    if opted_in && !has_word(code, "unsafe") {
        problems.push((1, "opts into unsafe code and has none".to_owned()));
    }
    if has_word(code, "unsafe") && !opted_in {
        problems.push((
            1,
            "has unsafe code without #![allow(unsafe_code, reason = \"...\")]".to_owned(),
        ));
    }
    for (index, line) in code.lines().enumerate() {
        if is_block(line) && !has_reason(&lines, index) {
            problems.push((
                index + 1,
                "unsafe without a `// SAFETY:` comment above it".to_owned(),
            ));
        }
    }
    problems
}

fn is_block(line: &str) -> bool {
    has_word(line, "unsafe") && (opens_block(line) || line.contains("unsafe impl"))
}

/// `unsafe {`, also when the brace stands at the line's end; not `unsafe fn` and not `unsafe extern`.
fn opens_block(line: &str) -> bool {
    line.match_indices("unsafe")
        .any(|(at, word)| line[at + word.len()..].trim_start().starts_with('{'))
}

/// A SAFETY comment on the line itself, or in the comment that ends right above the statement.
fn has_reason(lines: &[&str], index: usize) -> bool {
    let mut at = index;
    // The statement may have begun some lines above: `let x =` and then `unsafe { ... }`.
    for _ in 0..6 {
        if lines[at].contains("SAFETY:") {
            return true;
        }
        let Some(above) = at.checked_sub(1) else {
            return false;
        };
        let comment = lines[above].trim();
        if comment.starts_with("//") {
            return lines[..=above]
                .iter()
                .rev()
                .take_while(|line| line.trim().starts_with("//") || line.trim().starts_with("#["))
                .any(|line| line.contains("SAFETY:"));
        }
        if comment.is_empty() || comment.ends_with(';') || comment.ends_with('}') {
            return false;
        }
        at = above;
    }
    false
}

fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_letter) && !text[at + word.len()..].starts_with(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        in_file(text, &source::code(text))
            .into_iter()
            .map(|(line, problem)| format!("{line}: {problem}"))
            .collect()
    }

    const HEAD: &str = "//! A file.\n#![allow(unsafe_code, reason = \"system calls\")]\n\n";

    #[test]
    fn an_explained_block_in_a_file_that_opted_in_is_fine() {
        let body =
            "fn f() {\n    let x =\n        // SAFETY: the pointer is valid.\n        unsafe { g() };\n}\n";
        assert_eq!(problems(&format!("{HEAD}{body}")), Vec::<String>::new());
        assert_eq!(
            problems("//! Speaks of unsafe code.\nfn f() { g(\"unsafe {\") }\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_line() {
        let block = "fn f() {\n    unsafe { g() };\n}\n";
        assert_eq!(
            problems(&format!("{HEAD}{block}")),
            ["5: unsafe without a `// SAFETY:` comment above it"]
        );
        assert!(problems(&format!("//! A file.\n{block}"))[0].starts_with("1: has unsafe code without"));
        assert_eq!(problems(HEAD), ["1: opts into unsafe code and has none"]);
    }

    #[test]
    fn the_reason_is_the_attributes() {
        let text = "//! é\n#![allow(\n    unsafe_code,\n    reason = \"maps a segment; \
                    the checks\n    are above\"\n)]\nfn f() {}\n";
        assert_eq!(
            reason(text, &source::code(text)),
            "maps a segment; the checks are above"
        );
    }
}
