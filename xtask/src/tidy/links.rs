//! Links in Markdown files: a path or a heading that is not there.
//!
//! Invariant: looks at the repository alone; an address on the web is not followed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::course::Course;
use crate::failure::Failure;
use crate::tidy::files;

/// Links that lead nowhere.
pub(crate) fn check(course: &Course) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for file in files::ending_with(course, ".md")? {
        let text = files::read(course, &file)?;
        let folder = Path::new(&file).parent().unwrap_or(Path::new(""));
        for (line, target) in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target
                .split_once('#')
                .map_or((target, None), |(path, heading)| (path, Some(heading)));
            let whole = if path.is_empty() {
                course.root.join(&file)
            } else {
                course.root.join(folder).join(path)
            };
            if !whole.exists() {
                problems.push(format!("{file}:{line}: {path} is not there"));
                continue;
            }
            let Some(heading) = heading else { continue };
            let there = std::fs::read_to_string(&whole)
                .map(|text| headings(&text))
                .unwrap_or_default();
            if !there.contains(heading) {
                problems.push(format!("{file}:{line}: {target} has no such heading"));
            }
        }
    }
    Ok(problems)
}

/// The targets of `[text](target)` outside of code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Every other piece between backquotes is code.
        let mut in_code = false;
        let mut rest = line;
        while let Some(at) = rest.find(['`', ']']) {
            if rest[at..].starts_with('`') {
                in_code = !in_code;
            } else if !in_code && rest[at..].starts_with("](") {
                let target = &rest[at + 2..];
                if let Some(end) = target.find(')') {
                    found.push((
                        number,
                        target[..end]
                            .split(" \"")
                            .next()
                            .unwrap_or_default()
                            .trim_matches(['<', '>']),
                    ));
                }
            }
            rest = &rest[at + 1..];
        }
    }
    found
}

/// The headings as a page links to them: small letters, `-` for spaces, no other signs.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| line.trim_start_matches('#').trim());
    titles
        .map(|title| {
            title
                .to_lowercase()
                .chars()
                .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

/// The lines outside fenced blocks, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code_alone() {
        let text = "[a](x.md) and `[b](no.md)` [`c`](y.md#z)\n```\n[d](no.md)\n```\n![p](p.svg \"title\")\n";
        assert_eq!(links(text), [(1, "x.md"), (1, "y.md#z"), (5, "p.svg")]);
    }

    #[test]
    fn a_heading_is_linked_as_a_page_does_it() {
        assert!(headings("# The `join()` method, twice\n").contains("the-join-method-twice"));
    }
}
