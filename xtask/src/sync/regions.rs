//! Code in a text: named regions of compiled files, copied between the fences of a Markdown file.
//!
//! Invariant: a block after `<!-- region file.rs#name -->` says just what the file says between `// region name` and
//! `// end region`, without the common indentation. The rest of the text is never touched.

use std::fs;
use std::path::Path;

use crate::course::Course;
use crate::failure::{Failure, Kind};
use crate::sync::Generated;
use crate::tidy::files;

/// Every Markdown file that shows a region, with its blocks filled.
pub(crate) fn generated(course: &Course) -> Result<Vec<Generated>, Failure> {
    let mut filled = Vec::new();
    for file in files::ending_with(course, ".md")? {
        let text = files::read(course, &file)?;
        if !text.contains("<!-- region ") {
            continue;
        }
        let path = course.root.join(&file);
        let folder = path.parent().unwrap_or(&course.root).to_path_buf();
        let text = fill(&text, |source| read(&folder, source))
            .map_err(|problem| Failure::new(Kind::Rule, format!("{file}:{problem}")))?;
        filled.push(Generated { path, text });
    }
    Ok(filled)
}

fn read(folder: &Path, source: &str) -> Result<String, String> {
    fs::read_to_string(folder.join(source)).map_err(|error| format!("cannot read {source}: {error}"))
}

/// The text with every block filled; an error is `line: what is wrong`.
fn fill(text: &str, read: impl Fn(&str) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        let Some(reference) = line
            .trim()
            .strip_prefix("<!-- region ")
            .and_then(|rest| rest.strip_suffix("-->"))
        else {
            continue;
        };
        let here = |problem: String| format!("{}: {problem}", number + 1);
        let (source, name) = reference
            .trim()
            .split_once('#')
            .ok_or_else(|| here("write it as <!-- region file.rs#name -->".into()))?;
        let code = region(&read(source).map_err(here)?, name)
            .map_err(|problem| here(format!("{source}: {problem}")))?;
        let (_, fence) = lines
            .next()
            .filter(|(_, line)| line.starts_with("```"))
            .ok_or_else(|| here("a fenced block must begin on the next line (```rust, then ```)".into()))?;
        if !lines.any(|(_, line)| line.trim_end() == "```") {
            return Err(here("the fenced block has no end".into()));
        }
        filled.push_str(&format!("{fence}\n{code}```\n"));
    }
    if !text.ends_with('\n') {
        filled.pop();
    }
    Ok(filled)
}

/// The lines of a region without its markers, those of regions inside it left out too.
fn region(source: &str, name: &str) -> Result<String, String> {
    let begins = |line: &str| line.trim().strip_prefix("// region ").map(str::trim) == Some(name);
    let is_marker = |line: &str| line.trim().starts_with("// region ") || line.trim() == "// end region";
    if source.lines().filter(|line| begins(line)).count() > 1 {
        return Err(format!("two regions have the name {name}"));
    }
    let mut open = 1;
    let mut kept: Vec<&str> = Vec::new();
    for line in source.lines().skip_while(|line| !begins(line)).skip(1) {
        match line.trim() {
            "// end region" => open -= 1,
            other if other.starts_with("// region ") => open += 1,
            _ => {}
        }
        if open == 0 {
            break;
        }
        if !is_marker(line) {
            kept.push(line);
        }
    }
    if open != 0 {
        return Err(format!("no region `{name}` with its `// end region`"));
    }
    let indent = kept
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    let first = kept
        .iter()
        .position(|line| !line.trim().is_empty())
        .unwrap_or(kept.len());
    let last = kept
        .iter()
        .rposition(|line| !line.trim().is_empty())
        .map_or(first, |at| at + 1);
    Ok(kept[first..last]
        .iter()
        .map(|line| format!("{}\n", line.get(indent..).unwrap_or("").trim_end()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn main() {\n    // region start\n    let a = 1;\n\n    if a > 0 {\n        go();\n    }\n    // end region\n}\n";

    #[test]
    fn a_block_is_filled_without_its_indentation_and_filling_twice_changes_nothing() {
        let text = "A text.\n<!-- region example.rs#start -->\n```rust\nold\n```\nMore.\n";
        let once = fill(text, |_| Ok(SOURCE.into())).unwrap();
        let code = "let a = 1;\n\nif a > 0 {\n    go();\n}\n";
        assert_eq!(
            once,
            format!("A text.\n<!-- region example.rs#start -->\n```rust\n{code}```\nMore.\n")
        );
        assert_eq!(fill(&once, |_| Ok(SOURCE.into())).unwrap(), once);
    }

    #[test]
    fn what_cannot_be_filled_is_an_error_with_its_line() {
        let cases = [
            (
                "<!-- region example.rs#other -->\n```rust\n```\n",
                "1: example.rs: no region `other`",
            ),
            (
                "x\n<!-- region example.rs#start -->\ntext\n",
                "2: a fenced block must begin",
            ),
            (
                "<!-- region example.rs#start -->\n```rust\n",
                "1: the fenced block has no end",
            ),
            ("<!-- region example.rs -->\n```rust\n```\n", "1: write it as"),
        ];
        for (text, problem) in cases {
            let error = fill(text, |_| Ok(SOURCE.into())).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }
}
